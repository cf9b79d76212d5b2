"""The whole of it: photos in, restored photos, records and a summary out."""

import json

import cv2
import numpy as np
import pytest
import torch
from commands.restore.made import crowd, gate_file, model_folder, texture
from PIL import Image, ImageCms
from safetensors.torch import load_file

from pipeline.commands.restore import cli, geometry, run
from pipeline.commands.restore import photo as photos
from pipeline.commands.restore.gate.fusion import cut_within, fused
from pipeline.commands.restore.photo_file import file as photo_file
from pipeline.commands.restore.words import IDENTITY
from pipeline.faces.detect import Face
from pipeline.store.weights import save_weights

# Where the two faces of the photo lie, for tests that are not about finding them.
LANDMARKS = np.array([[48, 55], [80, 55], [64, 75], [52, 92], [76, 92]], float)
FACES = [Face((34 + x, 22, 60, 84), LANDMARKS + np.array([x, 0]), 0.99) for x in (0, 128)]


def finds(monkeypatch, *faces):
    class Known:
        def detect(self, photo):
            return list(faces) if photo.shape[0] >= 128 else []

    monkeypatch.setattr(photos.Detectors, "of_photos", lambda self: Known())


@pytest.fixture(autouse=True)
def _finds(monkeypatch):
    """Two faces in each photo that is not small, without looking."""

    class Finder:
        def find(self, image):
            return LANDMARKS * image.shape[0] / 128

    finds(monkeypatch, *FACES)
    monkeypatch.setattr(photos.Detectors, "of_faces", lambda self: Finder())


@pytest.fixture(params=["hr", "agrnet"])
def weights(request, tmp_path):
    return model_folder(tmp_path / "models" / request.param, request.param)


@pytest.fixture
def hr(tmp_path):
    return model_folder(tmp_path / "models/hr")


def replace_network(monkeypatch, function):
    monkeypatch.setattr("pipeline.commands.restore.networks.by_torch.applied", lambda *_: function)


def identity(batch):
    return batch


def bright(batch):
    return np.full_like(batch, 250)


def unmixed(monkeypatch):
    """The network's face as it is, without the photo's own frequencies."""
    monkeypatch.setattr("pipeline.commands.restore.face.fused", lambda photo, restored, cut: restored)


def restore(source, out, *arguments):
    return cli.main([str(source), "-o", str(out), *map(str, arguments)])


def record(path):
    return json.loads(path.with_name(path.name + ".json").read_text())


def saved(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def read(path):
    return photo_file.read(path).pixels


@pytest.mark.parametrize("side", [128, 512])
def test_a_network_that_changes_nothing_gives_the_photo(tmp_path, weights, monkeypatch, side):
    """Also of noise, and of faces twice as large as the network's, or cut down to an eighth of it."""
    replace_network(monkeypatch, identity)
    pixels = texture(side, 2 * side)
    source = saved(tmp_path / "in.png", pixels)
    assert restore(source, tmp_path / "out", "--weights", weights, "--force") == 0
    np.testing.assert_array_equal(read(tmp_path / "out/in.png"), pixels)
    said = record(tmp_path / "out/in.png")
    assert [face["done"] for face in said["faces"]] == ["restored", "restored"]


def test_pixels_outside_the_faces_keep_their_bits(tmp_path, weights, monkeypatch):
    replace_network(monkeypatch, bright)
    unmixed(monkeypatch)
    pixels = texture(128, 300)
    source = saved(tmp_path / "in.png", pixels)
    assert restore(source, tmp_path / "out", "--weights", weights, "--force") == 0
    result = read(tmp_path / "out/in.png")
    changed = np.zeros((128, 300), bool)
    for face in FACES:
        task = "blind" if weights.name == "hr" else "x8"
        quad = geometry.face_quad(face, task, 300, 128)
        y, x = np.mgrid[:128, :300]
        inside = geometry.to_square(np.stack([x, y], -1).reshape(-1, 2).astype(float), quad, 2) + 0.5
        changed |= (np.abs(inside - 1).max(axis=1) < 1).reshape(128, 300)
        centre = np.rint(quad.mean(axis=0)).astype(int)
        assert (result[centre[1], centre[0]] != pixels[centre[1], centre[0]]).any()
    np.testing.assert_array_equal(result[~changed], pixels[~changed])


def test_the_record_says_what_was_done(tmp_path, hr):
    source = saved(tmp_path / "in/a.png", crowd())
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", hr, "--force", "--compare") == 0
    said = record(tmp_path / "out/a.png")
    assert said["status"] == "restored"
    assert said["photo"] == str(source)
    assert said["outputs"] == ["a.png", "a.png_compare.png"]
    assert said["identity"] == IDENTITY
    face = said["faces"][0]
    assert face["box"] == [34, 22, 60, 84]
    assert (face["score"], face["side_px"], face["network"]) == (0.99, 101, "hr")
    assert face["bandwidth_cycles"] > 0
    assert face["noise_levels"] >= 0
    assert face["photo_kept_below_cycles"] == cut_within(face["bandwidth_cycles"])
    assert "predicted" not in face
    assert face["warnings"][0] == "restored by force: what this network is good for was not measured"
    assert face["landmark_distance"] >= 0
    network = said["networks"]["blind"]
    assert (network["model"], network["size_px"], len(network["weights_sha256"])) == ("agrnet_hr", 64, 64)
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["photos"] == {"in": 1, "restored": 1, "unchanged": 0, "failed": 0, "skipped": 0}
    assert summary["faces"] == {"found": 2, "restored": 2, "not_restored": 0}
    assert summary["identity"] == IDENTITY
    assert "seconds" not in summary
    with Image.open(tmp_path / "out/a.png_compare.png") as picture:
        assert picture.size == (2 * 256 + 4, 2 * 260 + 128)


def test_without_a_face_the_file_is_copied_and_that_is_said(tmp_path, hr, capsys):
    source = saved(tmp_path / "small.jpg", texture(40, 60), quality=80)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert (tmp_path / "out/small.jpg").read_bytes() == source.read_bytes()
    assert record(tmp_path / "out/small.jpg")["reason"] == "no face found of 20 px and a score of 0.7 or more"
    assert f"unchanged: {source}: no face found of 20 px and a score of 0.7 or more" in capsys.readouterr().out
    assert restore(source, tmp_path / "faces", "--weights", hr, "--faces-only") == 0
    assert record(tmp_path / "faces/small.jpg")["outputs"] == []
    assert not (tmp_path / "faces/small.jpg").exists()


@pytest.mark.parametrize(("gain", "why"), [(None, "was not measured"), (0.03, "predicted gain 0.03 LPIPS")])
def test_what_the_network_would_not_help_is_left_alone_and_the_file_copied(
    tmp_path, hr, monkeypatch, capsys, gain, why
):
    replace_network(monkeypatch, bright)
    if gain is not None:
        gate_file(hr, gain)
    source = saved(tmp_path / "a.jpg", crowd(), quality=95)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert ("calibrate --help" in capsys.readouterr().out) == (gain is None)
    assert (tmp_path / "out/a.jpg").read_bytes() == source.read_bytes()
    said = record(tmp_path / "out/a.jpg")
    assert said["status"] == "unchanged"
    assert said["reason"].startswith("no face restored: left alone: ")
    assert why in said["reason"]
    assert restore(source, tmp_path / "forced", "--weights", hr, "--force") == 0
    assert (tmp_path / "forced/a.jpg").read_bytes() != source.read_bytes()


def test_what_helps_is_restored_with_the_photos_own_frequencies(tmp_path, hr, monkeypatch):
    replace_network(monkeypatch, bright)
    square = crowd(1, 1, 64)
    source = saved(tmp_path / "a.png", square)
    assert restore(source, tmp_path / "out", "--weights", gate_file(hr, cut=8), "--aligned") == 0
    np.testing.assert_array_equal(read(tmp_path / "out/a.png"), fused(square, bright(square), 8))
    face = record(tmp_path / "out/a.png")["faces"][0]
    assert face["predicted"] == {"lpips_gain": 0.5, "usual_error": 0.0, "psnr_change_db": 0.0}
    assert (face["photo_kept_below_cycles"], face["warnings"]) == (8, [])


def test_a_gate_of_other_weights_is_refused(tmp_path, hr, capsys):
    folder = gate_file(hr)
    save_weights(
        folder / "seed_0.safetensors",
        {name: value + 1 for name, value in load_file(folder / "seed_0.safetensors").items()},
    )
    assert restore(saved(tmp_path / "a.png", crowd()), tmp_path / "out", "--weights", folder) == 2
    assert "was measured for other weights" in capsys.readouterr().err


@pytest.mark.parametrize(("moved", "why"), [(20, "landmarks moved by 0.62"), (None, "no face is found in what")])
def test_another_face_than_was_there_is_left_alone(tmp_path, hr, monkeypatch, moved, why):
    class Finder:
        def find(self, image):
            return None if moved is None else (LANDMARKS + np.array([moved, 0])) * image.shape[0] / 128

    replace_network(monkeypatch, bright)
    monkeypatch.setattr(photos.Detectors, "of_faces", lambda self: Finder())
    monkeypatch.setattr(geometry, "to_square", lambda points, quad, size_px: LANDMARKS * size_px / 128)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", gate_file(hr)) == 0
    assert (tmp_path / "out/a.png").read_bytes() == source.read_bytes()
    assert f"left alone: {why}" in record(tmp_path / "out/a.png")["reason"]
    assert restore(source, tmp_path / "forced", "--weights", hr, "--force") == 0
    assert why in str(record(tmp_path / "forced/a.png")["faces"][0]["warnings"])


def test_strength_zero_is_the_photo_and_a_half_lies_between(tmp_path, weights, monkeypatch):
    replace_network(monkeypatch, bright)
    pixels = crowd()
    source = saved(tmp_path / "a.png", pixels)
    results = {}
    for strength in (0, 0.5, 1):
        arguments = ("--weights", weights, "--force", "--strength", strength)
        assert restore(source, tmp_path / str(strength), *arguments) == 0
        results[strength] = read(tmp_path / str(strength) / "a.png").astype(float)
    np.testing.assert_array_equal(results[0], pixels)
    assert np.abs(results[0.5] - (results[1] + pixels) / 2).max() <= 1
    said = record(tmp_path / "0/a.png")
    assert (said["status"], said["faces"][0]["done"]) == ("unchanged", "strength 0: what the network made is not seen")
    assert (tmp_path / "0/a.png").read_bytes() == source.read_bytes()


def test_an_enlarged_photo_is_bicubic_but_for_what_the_network_changes(tmp_path, weights, monkeypatch):
    replace_network(monkeypatch, identity)
    pixels = texture(128, 256)
    source = saved(tmp_path / "a.png", pixels)
    assert restore(source, tmp_path / "out", "--weights", weights, "--force", "--upscale", 1.5) == 0
    result = read(tmp_path / "out/a.png")
    np.testing.assert_array_equal(result, cv2.resize(pixels, (384, 192), interpolation=cv2.INTER_CUBIC))
    small = saved(tmp_path / "small.png", texture(40, 60))
    assert restore(small, tmp_path / "out", "--weights", weights, "--upscale", 2) == 0
    assert read(tmp_path / "out/small.png").shape == (80, 120, 3)
    assert record(tmp_path / "out/small.png")["reason"].endswith("or more, enlarged bicubically")


def test_an_enlarged_face_lies_where_it_did(tmp_path, hr, monkeypatch):
    replace_network(monkeypatch, bright)
    unmixed(monkeypatch)
    source = saved(tmp_path / "a.png", np.full((128, 256, 3), 20, np.uint8))
    changed = {}
    for factor in (1, 2):
        assert restore(source, tmp_path / str(factor), "--weights", hr, "--force", "--upscale", factor) == 0
        changed[factor] = (read(tmp_path / str(factor) / "a.png")[..., 0] > 120).astype(float)
    shrunk = changed[2].reshape(128, 2, 256, 2).mean(axis=(1, 3))
    assert np.abs(shrunk - changed[1]).mean() < 0.01
    assert changed[1].mean() > 0.2


def test_profile_alpha_orientation_and_sixteen_bits_stay(tmp_path, hr, monkeypatch):
    replace_network(monkeypatch, bright)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010F] = "Maker"
    alpha = texture(128, 256)[..., :1]
    turned = np.concatenate([crowd(), alpha], axis=2)[::-1, ::-1]
    source = saved(tmp_path / "a.png", np.ascontiguousarray(turned), icc_profile=profile, exif=exif)
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    result = photo_file.read(tmp_path / "out/a.png")
    np.testing.assert_array_equal(result.alpha, alpha[..., 0])
    assert result.pixels[64, 64, 0] > 200
    with Image.open(tmp_path / "out/a.png") as image:
        assert image.info["icc_profile"] == profile
        assert image.getexif()[0x010F] == "Maker"
        assert image.getexif().get(0x0112, 1) == 1
    deep = photo_file.PhotoFile(texture(128, 300, np.uint16), None, "TIFF")
    photo_file.write(tmp_path / "deep.tif", deep)
    assert restore(tmp_path / "deep.tif", tmp_path / "out", "--weights", hr, "--force") == 0
    result = photo_file.read(tmp_path / "out/deep.tif").pixels
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result[:, 270:], deep.pixels[:, 270:])


@pytest.mark.middle
def test_format_is_the_photos_or_the_one_asked_for(tmp_path, hr):
    source = saved(tmp_path / "a.webp", crowd(), lossless=True)
    assert restore(source, tmp_path / "kept", "--weights", hr, "--force") == 0
    assert restore(source, tmp_path / "chosen", "--weights", hr, "--force", "--format", "jpg") == 0
    assert Image.open(tmp_path / "kept/a.webp").format == "WEBP"
    assert Image.open(tmp_path / "chosen/a.jpg").format == "JPEG"
    (tmp_path / "png named.jpg").write_bytes(saved(tmp_path / "b.png", crowd()).read_bytes())
    assert restore(tmp_path / "png named.jpg", tmp_path / "kept", "--weights", hr, "--force") == 0
    assert Image.open(tmp_path / "kept/png named.jpg.png").format == "PNG"
    assert record(tmp_path / "kept/png named.jpg")["outputs"] == ["png named.jpg.png"]
    small = saved(tmp_path / "small.png", texture(40, 60))
    assert restore(small, tmp_path / "chosen", "--weights", hr, "--format", "jpeg") == 0
    assert Image.open(tmp_path / "chosen/small.jpg").format == "JPEG"


def test_faces_alone(tmp_path, hr, monkeypatch):
    replace_network(monkeypatch, bright)
    unmixed(monkeypatch)
    source = saved(tmp_path / "a.jpg", crowd(), quality=95)
    assert restore(source, tmp_path / "out", "--weights", hr, "--force", "--faces-only") == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.jpg.json", "a.jpg_face0.png", "a.jpg_face1.png", "summary.json"]
    assert (read(tmp_path / "out/a.jpg_face0.png") == 250).all()
    assert read(tmp_path / "out/a.jpg_face0.png").shape == (64, 64, 3)


def test_aligned_squares_in_and_out(tmp_path, weights, monkeypatch):
    seen = []
    replace_network(monkeypatch, lambda batch: seen.append(batch) or bright(batch))
    unmixed(monkeypatch)
    square = crowd(1, 1)
    saved(tmp_path / "in/a.png", square)
    saved(tmp_path / "in/wide.png", texture(20, 30))
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", weights, "--force", "--aligned", "--compare") == 1
    assert (read(tmp_path / "out/a.png") == 250).all()
    assert read(tmp_path / "out/a.png").shape == (64, 64, 3)
    assert seen[0].shape == (1, 64, 64, 3)
    assert "30x20 px: with --aligned a photo is a face's square" in record(tmp_path / "out/wide.png")["reason"]
    with Image.open(tmp_path / "out/a.png_compare.png") as picture:
        assert picture.size == (2 * 256 + 4, 256)


def test_batches_are_full_across_photos(tmp_path, hr, monkeypatch):
    sizes = []
    replace_network(monkeypatch, lambda batch: sizes.append(len(batch)) or batch)
    for number in range(5):
        saved(tmp_path / f"in/{number}.png", crowd(seed=number))
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", hr, "--batch-size", 4) == 0
    assert sizes == [4, 4, 2]


def test_photos_do_not_pile_up_before_a_batch_that_never_fills(tmp_path, hr, monkeypatch):
    sizes = []
    replace_network(monkeypatch, lambda batch: sizes.append(len(batch)) or batch)
    monkeypatch.setattr(run, "OPEN_PIXELS", 128 * 256)
    for number in range(4):
        saved(tmp_path / f"in/{number}.png", crowd(seed=number))
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", hr, "--batch-size", 100) == 0
    assert sizes == [4, 4]


@pytest.mark.middle
def test_the_same_photos_give_the_same_bytes(tmp_path, hr):
    for number in range(3):
        saved(tmp_path / f"in/{number}.png", crowd(seed=number))
    for name, batch_size in (("one", 4), ("two", 4), ("other", 1)):
        arguments = ("--weights", hr, "--force", "--compare", "--device", "cpu", "--batch-size", batch_size)
        assert restore(tmp_path / "in", tmp_path / name, *arguments) == 0
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 10
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    for name in ("0.png", "1.png", "2.png"):
        apart = read(tmp_path / "one" / name).astype(int) - read(tmp_path / "other" / name)
        assert np.abs(apart).max() <= 1


def test_the_number_of_threads_changes_no_byte(tmp_path, hr, monkeypatch):
    for number in range(5):
        saved(tmp_path / f"in/{number}.png", crowd(seed=number))
    for threads in ((1, 1), (5, 3)):
        monkeypatch.setattr(run, "count_threads", lambda *_, threads=threads: threads)
        assert restore(tmp_path / "in", tmp_path / str(threads), "--weights", hr, "--force", "--batch-size", 3) == 0
    files = sorted(path.name for path in (tmp_path / "(1, 1)").iterdir())
    assert len(files) == 11
    for name in files:
        assert (tmp_path / "(1, 1)" / name).read_bytes() == (tmp_path / "(5, 3)" / name).read_bytes(), name


def test_threads_leave_the_network_its_cores_and_feed_a_gpu():
    assert run.count_threads(["cpu"], 1) == (1, 2)
    assert run.count_threads(["cpu", "cuda"], 64) == (4, 2)
    assert run.count_threads(["cuda"], 16) == (8, 8)
    assert run.count_threads(["cuda"], 1) == (1, 1)


def test_out_of_memory_fails_one_photo_and_no_other(tmp_path, hr, monkeypatch):
    def restore_small(batch):
        if (batch == 0).all():
            raise torch.OutOfMemoryError("CUDA out of memory")
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    replace_network(monkeypatch, restore_small)
    saved(tmp_path / "in/a.png", crowd())
    saved(tmp_path / "in/black.png", np.zeros((128, 256, 3), np.uint8))
    saved(tmp_path / "in/z.png", crowd(seed=9))
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", hr, "--force") == 1
    said = record(tmp_path / "out/black.png")
    assert (said["status"], said["outputs"]) == ("failed", [])
    assert "out of memory" in said["reason"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a.png", "z.png"]


def test_a_face_without_a_square_is_said_to_be_left(tmp_path, hr, monkeypatch):
    flat = Face((34, 22, 60, 84), np.full((5, 2), 60.0), 0.99)
    finds(monkeypatch, FACES[1], flat)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    done = [face["done"] for face in record(tmp_path / "out/a.png")["faces"]]
    assert done == ["restored", "not restored: landmarks coincide: the face has no orientation"]


def test_two_networks_share_the_faces_by_size(tmp_path, monkeypatch):
    folders = [model_folder(tmp_path / "models" / form, form) for form in ("hr", "agrnet")]
    small = Face((10, 10, 14, 18), LANDMARKS * 0.2, 0.9)
    finds(monkeypatch, small, FACES[0])
    source = saved(tmp_path / "a.png", crowd())
    arguments = [item for folder in folders for item in ("--weights", folder)]
    assert restore(source, tmp_path / "out", *arguments, "--force") == 0
    assert [face["network"] for face in record(tmp_path / "out/a.png")["faces"]] == ["hr", "agrnet"]


def test_a_disk_that_is_full_fails_the_photo(tmp_path, hr, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photo_file, "write", refuse)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 1
    assert "No space left" in record(tmp_path / "out/a.png")["reason"]


def test_a_failure_says_that_what_lies_there_is_of_an_earlier_run(tmp_path, hr):
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    source.write_bytes(source.read_bytes()[:2000])
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 1
    assert record(tmp_path / "out/a.png")["reason"].endswith("a.png in the output folder is of an earlier run")


def test_timing_is_said_where_asked_for(tmp_path, hr, capsys):
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--timing") == 0
    seconds = json.loads((tmp_path / "out/summary.json").read_text())["seconds"]
    assert set(seconds) == {"read", "detect", "align", "network", "check", "paste", "write"}
    assert seconds["network"] > 0
    assert "seconds: read" in capsys.readouterr().out


def test_pixels_are_limited_after_enlarging(tmp_path, hr, monkeypatch):
    monkeypatch.setattr("pipeline.photos.decode.MAX_PIXELS", 200_000)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--upscale", 4) == 1
    assert "after --upscale 4: more than" in record(tmp_path / "out/a.png")["reason"]
    assert read(source).shape == (128, 256, 3)


def test_a_grey_photo_stays_grey(tmp_path, hr, monkeypatch):
    replace_network(monkeypatch, lambda batch: np.full_like(batch, (200, 100, 50)))
    unmixed(monkeypatch)
    source = saved(tmp_path / "a.png", crowd()[..., 1])
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    with Image.open(tmp_path / "out/a.png") as image:
        assert image.mode == "L"
        assert image.getpixel((64, 64)) == 124  # the luma of what the network made


@pytest.mark.parametrize("paper", [(1.0, 1.0, 1.0), (1.0, 0.97, 0.90)], ids=["near grey", "yellowed"])
def test_a_photo_of_one_tone_gets_no_colour(tmp_path, hr, monkeypatch, paper):
    """A print scanned in colour: its channels differ by noise, and by the paper's tone."""
    replace_network(
        monkeypatch, lambda batch: np.stack([batch[..., 0] // 2 + 127, batch[..., 0] // 2, batch[..., 0] // 3], 3)
    )
    scan = crowd()[..., 1:2] * np.array(paper) + np.random.default_rng(0).integers(-2, 3, (128, 256, 3))
    source = saved(tmp_path / "a.png", np.clip(scan, 0, 255).astype(np.uint8))
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    before, after = (
        cv2.cvtColor(read(path), cv2.COLOR_RGB2YCrCb).astype(float) for path in (source, tmp_path / "out/a.png")
    )
    assert (before[..., 0] != after[..., 0]).mean() > 0.1
    assert np.abs(cv2.blur(after - before, (9, 9))[..., 1:]).max() < 4


@pytest.mark.parametrize("factor", [1.37, 2.9])
def test_before_and_after_stand_side_by_side_also_where_after_is_larger(tmp_path, hr, factor):
    source = saved(tmp_path / "a.png", np.pad(crowd(), ((0, 13), (0, 40), (0, 0))))
    assert restore(source, tmp_path / "out", "--weights", hr, "--force", "--compare", "--upscale", factor) == 0
    assert (tmp_path / "out/a.png_compare.png").exists()


def test_of_a_photo_that_failed_no_face_is_said_to_be_restored(tmp_path, hr, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photo_file, "write", refuse)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 1
    assert {face["done"] for face in record(tmp_path / "out/a.png")["faces"]} == {"not restored: its photo failed"}
    assert json.loads((tmp_path / "out/summary.json").read_text())["faces"]["restored"] == 0


def test_a_photo_is_not_overwritten_by_a_name_that_no_plan_foresaw(tmp_path, hr):
    """A PNG named a.jpg becomes a.jpg.png, and what lies there by that name is the photo behind link.png."""
    photo = saved(tmp_path / "out/a.jpg.png", crowd())
    before = photo.read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").write_bytes(saved(tmp_path / "b.png", crowd(seed=2)).read_bytes())
    (tmp_path / "in/link.png").symlink_to(photo)
    assert restore(tmp_path / "in", tmp_path / "out", "--weights", hr, "--force") == 1
    assert photo.read_bytes() == before
    assert "another photo's name" in record(tmp_path / "out/a.jpg")["reason"]


def test_stopped_by_hand(tmp_path, hr, monkeypatch, capsys):
    def stop(batch):
        raise KeyboardInterrupt

    replace_network(monkeypatch, stop)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr) == 130
    assert "stopped; what is written is whole" in capsys.readouterr().err


def test_a_summary_that_cannot_be_written_is_said_after_all_else(tmp_path, hr, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    source = saved(tmp_path / "small.png", texture(40, 60))
    monkeypatch.setattr("pipeline.commands.restore.summary.write_json", refuse)
    assert restore(source, tmp_path / "out", "--weights", hr) == 1
    said = capsys.readouterr()
    assert "the summary is not: [Errno 28]" in said.err
    assert f"unchanged: {source}: no face found" in said.out


def test_a_folder_by_the_summarys_name_is_found_before_any_work(tmp_path, hr, capsys):
    (tmp_path / "out/summary.json").mkdir(parents=True)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr) == 2
    assert "summary.json is a folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_an_output_folder_that_cannot_be_written_to_is_found_before_any_work(tmp_path, hr, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(run.tempfile, "NamedTemporaryFile", refuse)
    monkeypatch.setattr(photo_file, "read", None)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr) == 2
    assert f"-o {tmp_path / 'out'} cannot be written to: Read-only file system" in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_made(tmp_path, hr, capsys):
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, source / "out", "--weights", hr) == 2
    assert "cannot be made: Not a directory" in capsys.readouterr().err


def test_weights_that_cannot_be_opened_start_nothing(tmp_path, hr, monkeypatch, capsys):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pipeline.infer.trained._check_header", refuse)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", hr) == 2
    assert "restore: [Errno 13] Permission denied" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("upscale", "said"), [(1, True), (2, False)])
def test_a_face_too_small_for_what_the_network_makes_asks_for_a_larger_photo(tmp_path, upscale, said):
    weights = model_folder(tmp_path / "models/hr", size_px=384)
    source = saved(tmp_path / "a.png", crowd())
    assert restore(source, tmp_path / "out", "--weights", weights, "--force", "--upscale", upscale) == 0
    warnings = record(tmp_path / "out/a.png")["faces"][0]["warnings"]
    assert any("hr makes 384 px and the photo has" in warning for warning in warnings) == said
