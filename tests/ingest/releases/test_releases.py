"""The published sets as downloaded, in small: which photos are taken, and what is said where they are not all there."""

import zipfile
from dataclasses import replace

import pytest
from PIL import Image

from pipeline.ingest.files.found import Finds, Found
from pipeline.ingest.listing import list_photos
from pipeline.ingest.releases import releases
from pipeline.ingest.releases.incomplete import IncompleteSet
from pipeline.ingest.releases.lists import ListError
from pipeline.ingest.releases.select import select
from pipeline.params.data import CelebAHQSource, CelebASource, FFHQSource, FolderSource, HelenSource

CELEBA = CelebASource(kind="celeba")
HELEN = HelenSource(kind="helen")
FFHQ = FFHQSource(kind="ffhq")
CELEBAHQ = CelebAHQSource(kind="celebahq")


@pytest.fixture
def tree(tmp_path):
    """A function: paths below tmp_path/set -> the folder. Images are images, texts are given."""

    def build(*paths, **texts):
        root = tmp_path / "set"
        root.mkdir(exist_ok=True)
        for number, path in enumerate(paths):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number % 256, 3, 5)).save(root / path)
        for name, text in texts.items():
            (root / f"{name}.txt").write_text(text)
        return root

    return build


@pytest.fixture
def small(monkeypatch):
    """A function that makes a release small: its count, and what else differs."""

    def shrink(kind, count, **changes):
        release = replace(releases.RELEASES[kind], count=count, **changes)
        monkeypatch.setitem(releases.RELEASES, kind, release)

    return shrink


def pack(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))


def aligned(*numbers):
    return [f"img_align_celeba/{number:06d}.jpg" for number in numbers]


class TestCelebA:
    def test_the_aligned_release_with_its_lists(self, tree, ingest):
        lists = {"list_attr_celeba": "x", "identity_CelebA": "x", "list_eval_partition": "000001.jpg 0\n000002.jpg 2\n"}
        made = ingest(tree(*aligned(1, 2, 3), **lists), CELEBA)
        assert made.kept == aligned(1, 2, 3)
        assert list(made.frame["number"]) == [1, 2, 3]
        assert list(made.frame["partition"]) == ["train", "test", ""]
        assert set(made.frame["kind"]) == {"celeba"}

    def test_without_the_list_the_numbers_tell_the_partition(self, tree, ingest):
        made = ingest(tree(*aligned(1, 162770, 162771, 182637, 182638, 202599, 202600)), CELEBA)
        assert list(made.frame["partition"]) == ["train", "train", "val", "val", "test", "test", ""]
        assert list(made.frame["number"])[-1] == -1

    @pytest.mark.parametrize(("suffix", "comma"), [("txt", " "), ("csv", ",")])
    def test_the_partition_asked_for_is_taken(self, tree, ingest, suffix, comma):
        root = tree(*aligned(1, 2, 3))
        header = "image_id,partition\n" if comma == "," else ""
        lines = "".join(f"{n:06d}.jpg{comma}{part}\n" for n, part in ((1, 0), (2, 1), (3, 2)))
        (root / f"list_eval_partition.{suffix}").write_text(header + lines)
        made = ingest(root, CelebASource(kind="celeba", partition="val"))
        assert made.kept == aligned(2)
        assert made.rejected == dict.fromkeys(aligned(1, 3), "other partition")
        assert made.detail(aligned(3)[0]) == "test partition, val is taken"
        assert made.notes == []

    def test_the_partition_by_number_is_said(self, tree, ingest):
        made = ingest(tree(*aligned(1, 190000)), CelebASource(kind="celeba", partition="test"))
        assert made.kept == aligned(190000)
        assert (
            "No list_eval_partition.txt was found for CelebA (path .): its numbers tell the partition" in made.notes[0]
        )

    def test_the_list_may_lie_above_the_photos(self, tree, ingest):
        root = tree(*(f"celeba/Img/{path}" for path in aligned(1, 2)))
        (root / "celeba/list_eval_partition.txt").write_text("000001.jpg 2\n000002.jpg 0\n")
        source = CelebASource(kind="celeba", path="celeba/Img/img_align_celeba", partition="test")
        assert ingest(root, source).kept == ["celeba/Img/img_align_celeba/000001.jpg"]

    def test_aligned_before_in_the_wild_before_nothing(self, tree, ingest):
        wild = [f"Img/img_celeba/{n:06d}.jpg" for n in (1, 2, 3)]
        made = ingest(tree(*wild, *(f"Img/{path}" for path in aligned(1, 2))), CELEBA)
        assert made.kept == [*(f"Img/{path}" for path in aligned(1, 2)), wild[2]]
        assert made.rejected == dict.fromkeys(wild[:2], "second copy")
        assert made.detail(wild[0]) == "of Img/img_align_celeba/000001.jpg, which is taken"
        assert made.notes == ["Photos of several versions of CelebA are mixed: 2 of img_align_celeba, 1 of img_celeba."]

    def test_a_half_unpacked_folder_beside_its_whole_zip_is_whole(self, tree, ingest, small):
        small("celeba", 5, parts={"train": (1, 5)})
        root = tree(*aligned(1, 2, 3, 4, 5))
        pack(root / "img_align_celeba.zip", root / "img_align_celeba")
        for path in aligned(4, 5):
            (root / path).unlink()
        made = ingest(root, CelebASource(kind="celeba", complete=True))
        in_zip = [f"img_align_celeba.zip/{path}" for path in aligned(1, 2, 3, 4, 5)]
        assert made.kept == [*in_zip[3:], *aligned(1, 2, 3)]
        assert made.rejected == dict.fromkeys(in_zip[:3], "second copy")

    def test_half_unpacked_is_one_clear_error(self, tree, small):
        small("celeba", 9, parts={"train": (1, 9)}, expected="nine photos in img_align_celeba/")
        root = tree(*aligned(1, 2, 4, 5))
        (root / "img_align_celeba.7z.001").write_bytes(b"x")
        with pytest.raises(IncompleteSet) as error:
            list_photos(root, [CelebASource(kind="celeba", complete=True)])
        said = str(error.value)
        assert said.splitlines() == [
            f"{root} does not hold all of CelebA.",
            "  found: 4 photos (img_align_celeba/ 4)",
            "  not read: img_align_celeba.7z.001: an archive of a kind that is not read (.001): unpack it first",
            "  missing: 5 of 9, the first 3, 6, 7, 8, 9",
            "  expected: nine photos in img_align_celeba/",
            "  what to do: finish downloading or unpacking, or set `complete: false` in params.yaml to take what is there",
        ]

    def test_nothing_there_is_the_same_error(self, tree):
        with pytest.raises(IncompleteSet, match=r"found: 0 photos \(no photo\)(.|\n)*missing: 202,599 of 202,599"):
            list_photos(tree(), [CelebASource(kind="celeba", complete=True)])
        with pytest.raises(FileNotFoundError, match="expected there: 202,599 photos"):
            list_photos(tree(), [CelebASource(kind="celeba", path="nowhere")])

    def test_a_worse_version_does_not_fill_a_better_ones_gaps(self, tree, small):
        small("celeba", 3, parts={"train": (1, 3)})
        root = tree(*aligned(1), *(f"img_celeba/{n:06d}.jpg" for n in (1, 2, 3)))
        with pytest.raises(
            IncompleteSet, match=r"img_celeba/ 3, img_align_celeba/ 1(.|\n)*missing: 2 of 3, the first 2, 3"
        ):
            list_photos(root, [CelebASource(kind="celeba", complete=True)])

    def test_complete_asks_for_the_partition_alone(self, tree, ingest, small):
        small("celeba", 4, parts={"train": (1, 3), "test": (4, 4)})
        root = tree(*aligned(4))
        assert ingest(root, CelebASource(kind="celeba", complete=True, partition="test")).kept == aligned(4)
        with pytest.raises(IncompleteSet, match=r"missing: 3 of 3(.|\n)*ask for `partition: all`"):
            list_photos(root, [CelebASource(kind="celeba", complete=True, partition="train")])

    def test_names_that_are_no_numbers(self, tree, ingest, small):
        root = tree(*aligned(1, 2), "img_align_celeba/IMG_0001.jpg", "img_align_celeba/copy of 000001.jpg")
        assert len(ingest(root, CELEBA).kept) == 4
        small("celeba", 2, parts={})
        made = ingest(root, CelebASource(kind="celeba", complete=True))
        assert made.kept == aligned(1, 2)
        assert set(made.rejected.values()) == {"not of the release"}

    def test_take_comes_after_the_partition(self, tree, ingest):
        root = tree(
            *aligned(1, 2, 3, 4), list_eval_partition="000001.jpg 0\n000002.jpg 2\n000003.jpg 2\n000004.jpg 2\n"
        )
        made = ingest(root, CelebASource(kind="celeba", partition="test", take=2))
        assert made.kept == aligned(2, 3)

    def test_a_list_that_is_none_is_named(self, tree):
        root = tree(*aligned(1), list_eval_partition="000001.jpg 0\n000002.jpg seven\n")
        with pytest.raises(ListError, match=r"list_eval_partition\.txt, line 2: '000002\.jpg seven'"):
            list_photos(root, [CELEBA])

    def test_what_it_passes_over_another_source_takes(self, tree, ingest):
        root = tree(*aligned(1, 190000))
        made = ingest(root, CelebASource(kind="celeba", partition="test"), FolderSource(kind="folder"))
        assert made.kept == aligned(1, 190000)
        assert list(made.frame["kind"]) == ["folder", "celeba"]
        assert made.rejected == {}

    @pytest.mark.middle
    def test_the_whole_release_is_selected_in_seconds(self, tmp_path):
        keys = [f"img_align_celeba/{n:06d}.jpg" for n in range(1, 202_600)]
        chosen = select(
            CelebASource(kind="celeba", complete=True, partition="train"), tmp_path, Finds([Found(k, k) for k in keys])
        )
        assert len(chosen.photos) == 162_770
        assert len(chosen.rejected) == 39_829

    def test_the_real_photos(self, shared):
        (listing,) = [list_photos(shared / "faces/celeba", [CELEBA])]
        assert len(listing.photos) == 4998
        assert {row["partition"] for row in listing.photos} == {"train"}
        assert listing.photos[0]["number"] == 2


class TestHelen:
    def test_any_nesting_without_a_list_is_said(self, tree, ingest):
        made = ingest(tree("helen_1/100_1.jpg", "helen_2/deep/200_1.jpg", trainnames="100_1\n"), HELEN)
        assert made.kept == ["helen_1/100_1.jpg", "helen_2/deep/200_1.jpg"]
        assert list(made.frame["number"]) == [-1, -1]
        assert "No testnames.txt was found for Helen's test set (path .): all 2 photos are taken" in made.notes[0]

    @pytest.mark.parametrize(
        "text", ["200_1\n\n300_1.jpg\n", "1 , 200_1\r\n2 , 300_1\r\n", "\ufefftest/200_1.jpg\n300_1"]
    )
    def test_the_list_is_taken_with_and_without_suffix(self, tree, ingest, text):
        root = tree("a/100_1.jpg", "a/200_1.jpg", "b/300_1.jpg", testnames=text)
        made = ingest(root, HELEN)
        assert made.kept == ["a/200_1.jpg", "b/300_1.jpg"]
        assert made.rejected == {"a/100_1.jpg": "not in the list"}
        assert "names 2 photos; the paper tests on 50" in made.notes[0]

    def test_a_list_of_another_name(self, tree, ingest):
        root = tree("100_1.jpg", "200_1.jpg", testnames="100_1\n", fifty="200_1\n")
        assert ingest(root, HelenSource(kind="helen", names="fifty.txt")).kept == ["200_1.jpg"]
        with pytest.raises(FileNotFoundError, match=r"none\.txt is not there: correct `names`"):
            list_photos(root, [HelenSource(kind="helen", names="none.txt")])

    @pytest.mark.parametrize("complete", [False, True])
    def test_a_name_without_its_photo_is_an_error(self, tree, complete):
        root = tree("100_1.jpg", testnames="100_1\n200_1\n300_1\n")
        with pytest.raises(IncompleteSet, match=r"missing: 2 of the 3 names in testnames\.txt, the first 200_1, 300_1"):
            list_photos(root, [HelenSource(kind="helen", complete=complete)])

    def test_complete_without_a_list_is_fifty(self, tree, ingest):
        root = tree(*(f"{n}_1.png" for n in range(50)))
        assert len(ingest(root, HelenSource(kind="helen", complete=True)).kept) == 50
        (root / "0_1.png").unlink()
        with pytest.raises(IncompleteSet, match=r"found: 49 photos(.|\n)*wrong: 50 are expected"):
            list_photos(root, [HelenSource(kind="helen", complete=True)])

    def test_a_folder_and_its_zip_are_one_set_and_segmentations_are_no_photos(self, tree, ingest):
        root = tree("helen_1/100_1.png", "helen_1/200_1.png", "labels/100_1/100_1_lbl00.png")
        pack(root / "helen_1.zip", root / "helen_1")
        made = ingest(root, HELEN)
        assert made.kept == ["helen_1/100_1.png", "helen_1/200_1.png"]
        assert set(made.rejected.values()) == {"second copy"}

    def test_one_name_for_two_photos_is_two_photos(self, tree, ingest):
        root = tree("a/face.png")
        (root / "b").mkdir()
        Image.new("RGB", (40, 40)).save(root / "b/face.png")
        assert ingest(root, HELEN).kept == ["a/face.png", "b/face.png"]

    def test_an_empty_list_is_named(self, tree):
        with pytest.raises(ListError, match=r"testnames\.txt names no photo"):
            list_photos(tree("100_1.jpg", testnames="\n"), [HELEN])


class TestFFHQ:
    @pytest.mark.parametrize("nested", ["", "00000/"])
    def test_nested_or_flat_with_official_numbers(self, tree, ingest, nested):
        paths = [f"images1024x1024/{nested}{n:05d}.png" for n in (0, 1, 69)]
        made = ingest(tree(*paths), FFHQ)
        assert made.kept == paths
        assert list(made.frame["number"]) == [0, 1, 69]

    def test_the_best_version_is_taken(self, tree, ingest):
        versions = ["images1024x1024", "resized/256", "thumbnails128x128", "in-the-wild-images"]
        paths = {version: f"{version}/00000/00007.png" for version in versions}
        root = tree(*paths.values())
        for number, version in enumerate(versions):
            made = ingest(root, FFHQ)
            assert made.kept == [paths[version]]
            assert made.rejected == dict.fromkeys([paths[v] for v in versions[number + 1 :]], "second copy")
            (root / paths[version]).unlink()

    def test_json_and_records_are_not_counted(self, tree, ingest):
        root = tree("thumbnails128x128/00000.png", LICENSE="x")
        (root / "ffhq-dataset-v2.json").write_text("{}")
        (root / "tfrecords").mkdir()
        (root / "tfrecords/ffhq-r02.tfrecords").write_bytes(b"x")
        assert ingest(root, FFHQ).keys == ["thumbnails128x128/00000.png"]

    def test_half_unpacked_beside_whole_thumbnails(self, tree, small):
        small("ffhq", 4)
        root = tree("images1024x1024/00000.png", *(f"thumbnails128x128/{n:05d}.png" for n in range(4)))
        with pytest.raises(IncompleteSet, match=r"thumbnails128x128/ 4, images1024x1024/ 1(.|\n)*missing: 3 of 4"):
            list_photos(root, [FFHQSource(kind="ffhq", complete=True)])

    def test_its_zip_alone_is_whole(self, tree, ingest, small):
        small("ffhq", 3)
        root = tree(*(f"images1024x1024/00000/{n:05d}.png" for n in range(3)))
        pack(root.parent / "images1024x1024.zip", root / "images1024x1024")
        made = ingest(root.parent, FFHQSource(kind="ffhq", path="images1024x1024.zip", complete=True))
        assert list(made.frame["number"]) == [0, 1, 2]

    def test_names_of_converted_copies(self, tree, ingest):
        assert list(ingest(tree("ffhq256/00000/img00000012.png"), FFHQ).frame["number"]) == [12]

    def test_the_real_photos(self, shared):
        listing = list_photos(shared / "faces/ffhq", [FFHQ])
        assert [row["number"] for row in listing.photos[:2]] == [0, 1]
        with pytest.raises(IncompleteSet, match=r"missing: 68,900 of 70,000"):
            list_photos(shared / "faces/ffhq", [FFHQSource(kind="ffhq", complete=True)])


MAPPING = "idx orig_idx orig_file\n0 119613 119614.jpg\n1 190000 190001.jpg\n2 170000 170001.jpg\n3 200121 200122.jpg\n"


class TestCelebAHQ:
    def test_the_test_partition_through_the_mapping(self, tree, ingest):
        paths = [f"CelebA-HQ-img/{n}.jpg" for n in range(4)]
        root = tree(*paths, "CelebAMask-HQ-mask-anno/0/00000_hair.png", **{"CelebA-HQ-to-CelebA-mapping": MAPPING})
        made = ingest(root, CELEBAHQ)
        assert made.kept == [paths[1], paths[3]]
        assert made.rejected == {paths[0]: "other partition", paths[2]: "other partition"}
        assert list(made.frame["partition"]) == ["train", "test", "val", "test"]
        assert made.notes == []
        assert ingest(root, CelebAHQSource(kind="celebahq", partition="all")).kept == paths

    def test_the_older_mapping(self, tree, ingest):
        older = "idx orig_idx orig_file proc_md5 final_md5\n0 190000 190001.jpg aa bb\n1 5 000006.jpg aa bb\n"
        root = tree("data1024x1024/imgHQ00000.png", "data1024x1024/imgHQ00001.png", image_list=older)
        assert ingest(root, CELEBAHQ).kept == ["data1024x1024/imgHQ00000.png"]

    def test_the_mapping_inside_the_zip(self, tree, ingest):
        root = tree("CelebAMask-HQ/CelebA-HQ-img/0.jpg", "CelebAMask-HQ/CelebA-HQ-img/1.jpg")
        (root / "CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt").write_text(MAPPING)
        pack(root.parent / "CelebAMask-HQ.zip", root / "CelebAMask-HQ")
        made = ingest(root.parent, CelebAHQSource(kind="celebahq", path="CelebAMask-HQ.zip"))
        assert made.kept == ["CelebAMask-HQ.zip/CelebAMask-HQ/CelebA-HQ-img/1.jpg"]

    def test_the_mapping_inside_a_compressed_tar(self, tree, ingest):
        import tarfile

        root = tree("hq/0.jpg", "hq/1.jpg")
        (root / "hq/CelebA-HQ-to-CelebA-mapping.txt").write_text(MAPPING)
        with tarfile.open(root.parent / "hq.tar.gz", "w:gz") as archive:
            archive.add(root / "hq", "hq")
        made = ingest(root.parent, CelebAHQSource(kind="celebahq", path="hq.tar.gz"))
        assert made.kept == ["hq.tar.gz/hq/1.jpg"]

    def test_the_copy_that_counts_from_one(self, tree, ingest):
        root = tree("data256x256/00001.jpg", "data256x256/00002.jpg", **{"CelebA-HQ-to-CelebA-mapping": MAPPING})
        made = ingest(root, CELEBAHQ)
        assert made.kept == ["data256x256/00002.jpg"]
        assert list(made.frame["number"]) == [0, 1]

    def test_without_the_mapping_all_are_taken_and_that_is_said(self, tree, ingest):
        made = ingest(tree("a/001.jpg", "a/002.jpg"), CELEBAHQ)
        assert made.kept == ["a/001.jpg", "a/002.jpg"]
        assert set(made.frame["partition"]) == {""}
        assert (
            "No CelebA-HQ-to-CelebA-mapping.txt was found for CelebA-HQ (path .): all 2 photos are taken"
            in made.notes[0]
        )

    def test_complete_is_the_partition_of_the_mapping(self, tree, ingest):
        root = tree("1.jpg", **{"CelebA-HQ-to-CelebA-mapping": MAPPING})
        whole = CelebAHQSource(kind="celebahq", complete=True)
        with pytest.raises(IncompleteSet, match=r"missing: 1 of 2, the first 3"):
            list_photos(root, [whole])
        tree("1.jpg", "3.jpg")
        assert ingest(root, whole).kept == ["1.jpg", "3.jpg"]

    def test_complete_without_the_mapping_is_the_partitions_count(self, tree, ingest, small):
        small("celebahq", 5, part_counts={"test": 2})
        root = tree("0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg")
        with pytest.raises(IncompleteSet, match=r"wrong: without CelebA-HQ-to-CelebA-mapping\.txt, 2 are expected"):
            list_photos(root, [CelebAHQSource(kind="celebahq", complete=True)])
        assert len(ingest(root, CelebAHQSource(kind="celebahq", complete=True, partition="all")).kept) == 5
        for name in "034":
            (root / f"{name}.jpg").unlink()
        assert ingest(root, CelebAHQSource(kind="celebahq", complete=True)).kept == ["1.jpg", "2.jpg"]

    def test_a_mapping_without_its_header_is_named(self, tree):
        root = tree("0.jpg", **{"CelebA-HQ-to-CelebA-mapping": "0 119613 119614.jpg\n"})
        with pytest.raises(ListError, match="a header with idx and orig_file is expected"):
            list_photos(root, [CELEBAHQ])
        root = tree("0.jpg", **{"CelebA-HQ-to-CelebA-mapping": "idx orig_idx orig_file\n0 119613\n"})
        with pytest.raises(ListError, match="line 2: '0 119613'"):
            list_photos(root, [CELEBAHQ])


def test_counts_agree_with_each_other():
    celeba, celebahq = releases.RELEASES["celeba"], releases.RELEASES["celebahq"]
    sizes = {part: last - first + 1 for part, (first, last) in celeba.parts.items()}
    assert sizes == {"train": 162_770, "val": 19_867, "test": 19_962}
    assert sum(sizes.values()) == celeba.count
    assert sum(celebahq.part_counts.values()) == celebahq.count
