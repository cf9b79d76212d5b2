"""Files are whole or not there, also when the disk is full."""

import errno
import json
import subprocess
import sys

import pytest

from pipeline.store.files import UNFINISHED, DiskFull, remove_unfinished, shortened, whole_file, write_json
from pipeline.store.manifest import ManifestError, kept, read_manifest, rejected, write_manifest
from pipeline.store.shards import ShardWriter

# A real limit: writing over 64 KiB fails, as on a disk without room.
LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
from pipeline.store.files import UNFINISHED, DiskFull, remove_unfinished, shortened, whole_file, write_json
from pipeline.store.shards import ShardWriter
folder = Path(sys.argv[1])
with ShardWriter(folder / "00000.tar") as shard:
    shard.add("a", bytes(10_000))
try:
    with ShardWriter(folder / "00001.tar") as shard:
        for _ in range(10):
            shard.add("a", bytes(10_000))
except DiskFull as error:
    print(error)
"""


def test_a_disk_without_room_leaves_no_half_shard(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True)
    assert "no room to write" in done.stdout
    assert "00001.tar" in done.stdout
    assert [file.name for file in tmp_path.iterdir()] == ["00000.tar"]


def write(path, data, error):
    with whole_file(path) as file:
        file.write(data)
        raise error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_said_with_what_to_do(tmp_path, code):
    with pytest.raises(DiskFull, match=r"no room to write .*a\.tar.*free space.*run the stage again") as caught:
        write(tmp_path / "a.tar", b"half", OSError(code, "by the test"))
    assert caught.value.errno == code
    assert list(tmp_path.iterdir()) == []


def test_any_other_error_stays_itself_and_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(PermissionError):
        write(tmp_path / "a", b"new", PermissionError(errno.EACCES, "by the test"))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_manifest_is_written_whole_and_clears_what_a_killed_worker_left(tmp_path):
    (tmp_path / ".00000.tar.1.unfinished").write_bytes(b"half")
    with ShardWriter(tmp_path / "00000.tar") as shard:
        shard.add("a", b"1")
    write_manifest(tmp_path, [kept("a")])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["00000.tar", "manifest.parquet"]
    remove_unfinished(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_manifest_with_several_rows_per_image(tmp_path):
    rows = [kept("a@0", image="a"), kept("a@1", image="a"), rejected("b", "failed", image="b")]
    write_manifest(tmp_path, rows, ["a", "b"], by="image")
    assert list(read_manifest(tmp_path)["key"]) == ["a@0", "a@1", "b"]
    for seen in (["a"], ["b", "a"], ["a", "b", "c"]):
        with pytest.raises(ManifestError):
            write_manifest(tmp_path, rows, seen, by="image")


@pytest.mark.parametrize("name", ["a" * 255, "写" * 85, "写" * 79 + ".jpg"])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path, name):
    with whole_file(tmp_path / name) as file:
        (unfinished,) = tmp_path.iterdir()
        file.write(b"whole")
    assert unfinished.name.endswith(UNFINISHED)
    assert (tmp_path / name).read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 1


def test_long_names_are_shortened_to_the_byte_and_stay_apart():
    names = ["写" * 84 + end for end in "abc"]
    short = [shortened(name, 100) for name in names]
    assert short == [shortened(name, 100) for name in names]
    assert len(set(short)) == 3
    assert all(97 < len(name.encode()) <= 100 and name.startswith("写" * 28) for name in short)
    assert shortened("a" * 100, 100) == "a" * 100
    assert len(shortened("a" * 101, 100)) == 100


def test_json_takes_names_that_are_no_utf8(tmp_path):
    names = {"a": "caf\udce9", "b": "\U0001f600 日本"}
    write_json(tmp_path / "a.json", names)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == names
