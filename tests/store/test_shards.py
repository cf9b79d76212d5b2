"""Shards: the bytes that went in come out, a half-written shard never shows."""

import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.store.shards import ShardReader, ShardWriter


@settings(max_examples=25, deadline=None)
@given(members=st.lists(st.binary(max_size=2000), max_size=6))
def test_members_are_read_by_offset_and_by_tar(tmp_path_factory, members):
    folder = tmp_path_factory.mktemp("shards")
    with ShardWriter(folder / "00000.tar") as shard:
        places = [shard.add(f"{n:06d}.bin", data) for n, data in enumerate(members)]
    with ShardReader(folder) as reader:
        assert [reader.read(p["shard"], p["offset"], p["size"]) for p in places] == members
    with tarfile.open(folder / "00000.tar") as tar:
        assert [tar.extractfile(member).read() for member in tar] == members


def test_an_error_leaves_nothing_behind(tmp_path):
    def interrupted():
        with ShardWriter(tmp_path / "00000.tar") as shard:
            shard.add("a", b"data")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_cut_shard_is_an_error(tmp_path):
    with ShardWriter(tmp_path / "00000.tar") as shard:
        place = shard.add("a", bytes(1000))
    data = (tmp_path / "00000.tar").read_bytes()
    (tmp_path / "00000.tar").write_bytes(data[:800])
    with ShardReader(tmp_path) as reader, pytest.raises(OSError, match="damaged"):
        reader.read(place["shard"], place["offset"], place["size"])


def test_same_members_same_bytes(tmp_path):
    for name in ("1.tar", "2.tar"):
        with ShardWriter(tmp_path / name) as shard:
            shard.add("x.png", b"abc")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
