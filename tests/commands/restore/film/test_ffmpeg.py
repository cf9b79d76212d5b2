"""ffmpeg writes, where it is: sound, times, colours and what is not there. Skipped where none is on the PATH."""

import resource
import shutil
import subprocess

import numpy as np
import pytest
from commands.restore.film.clips import moving, read, record, restore, saved, without_looking
from commands.restore.made import gate_file, model_folder
from PIL import Image

from pipeline.commands.restore.film import encode, ffmpeg
from pipeline.commands.restore.film.reel import Reel

FFMPEG = shutil.which("ffmpeg")
pytestmark = [pytest.mark.middle, pytest.mark.skipif(FFMPEG is None, reason="no ffmpeg on the PATH")]
FRAMES, RATE = 20, 20


@pytest.fixture
def hr(tmp_path):
    return gate_file(model_folder(tmp_path / "models/hr"))


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    without_looking(monkeypatch)


def made(source, target, *arguments, before=()):
    """A film by ffmpeg of another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [FFMPEG, "-v", "error", "-y", *before, "-i", source, *arguments, target]
    subprocess.run(list(map(str, command)), check=True)
    return target


def sounding(folder, name, *arguments, sound="aac"):
    """A clip with a tone as long as itself."""
    silent = saved(folder / "silent.avi", moving(FRAMES), RATE, "MJPG")
    tone = ("-f", "lavfi", "-i", f"sine=440:duration={FRAMES / RATE}", "-c:a", sound)
    return made(silent, folder / name, *tone, "-c:v", "libx264", "-crf", "12", "-pix_fmt", "yuv420p", *arguments)


def stop(writer):
    raise KeyboardInterrupt


def streams(path):
    """What each stream holds, as its packets' digest and times."""
    said = subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:a?", "-map", "0:s?", "-c", "copy", "-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in said.splitlines() if not line.startswith("#")]


def planes(path):
    """Y, Cb and Cr as they are stored."""
    command = [FFMPEG, "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8).astype(int)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov"])
def test_sound_and_times_are_kept(tmp_path, hr, name, capsys):
    source = sounding(tmp_path / "in", name, "-metadata", "title=A title")
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said = record(tmp_path / "out" / name)
    assert (said["sound"], said["warnings"], said["frames_written"]) == ("kept", [], FRAMES)
    assert "libx264" in said["written_by"]
    assert streams(tmp_path / "out" / name) == streams(source) != []
    assert len(read(tmp_path / "out" / name)) == FRAMES
    words = subprocess.run([FFMPEG, "-i", str(tmp_path / "out" / name)], capture_output=True, text=True).stderr
    assert "A title" in words
    assert f"{RATE} fps" in words


@pytest.mark.parametrize(("matrix", "levels"), [("bt709", "tv"), ("smpte170m", "tv"), (None, "tv"), ("bt709", "pc")])
def test_colours_away_from_faces_stay(tmp_path, hr, matrix, levels):
    scaled = f"scale=out_range={levels}" + (f":out_color_matrix={matrix}" if matrix else "")
    tags = [word for key in ("colorspace", "color_primaries", "color_trc") for word in (f"-{key}", matrix) if matrix]
    source = sounding(tmp_path / "in", "clip.mp4", "-vf", scaled, "-color_range", levels, *tags)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert record(tmp_path / "out/clip.mp4")["tracks"][0]["done"] == "restored"
    before, after = planes(source), planes(tmp_path / "out/clip.mp4")
    assert np.median(np.abs(before - after)) <= 1  # as they are stored
    outside = [frames[:, :12].astype(int) for frames in (read(source), read(tmp_path / "out/clip.mp4"))]
    assert np.abs(outside[0] - outside[1]).mean() < 1.5  # and as they are seen


def test_an_uneven_rate_keeps_its_times(tmp_path, hr):
    dropped = ("-vf", "select='not(between(n,5,9))'", "-fps_mode", "vfr", "-an")
    source = made(sounding(tmp_path / "in", "all.mkv"), tmp_path / "in/clip.mkv", *dropped)
    assert len(read(source)) == FRAMES - 5
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said, frames = record(tmp_path / "out/clip.mkv"), read(tmp_path / "out/clip.mkv")
    assert (said["frames"], said["frames_written"], said["frames_repeated"]) == (FRAMES - 5, FRAMES, 5)
    assert said["sound"] == "the film has none"
    assert np.abs(frames[9].astype(int) - frames[4]).mean() < 1  # stands still meanwhile
    assert np.abs(frames[10].astype(int) - frames[4]).mean() > 3


def test_pictures_that_begin_after_the_sound_do_so_afterwards(tmp_path, hr):
    late = made(sounding(tmp_path / "in", "a.mkv"), tmp_path / "in/v.mkv", "-c", "copy", "-an")
    both = ("-itsoffset", "0.4")
    source = made(
        tmp_path / "in/a.mkv", tmp_path / "in/clip.mkv", *both, "-i", late, "-map", "0:a", "-map", "1:v", "-c", "copy"
    )
    assert ffmpeg.ask(source).offset_s == pytest.approx(0.4, abs=0.03)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert ffmpeg.ask(tmp_path / "out/clip.mkv").offset_s == pytest.approx(0.4, abs=0.03)


def test_a_phones_film_stands_upright(tmp_path, hr):
    turned = ("-display_rotation", "90")
    source = made(sounding(tmp_path / "in", "a.mp4"), tmp_path / "in/clip.mp4", "-c", "copy", before=turned)
    assert read(source).shape[1:3] == (160, 96)
    assert restore(source, tmp_path / "out", "--weights", hr, "--force") == 0
    assert read(tmp_path / "out/clip.mp4").shape[1:3] == (160, 96)
    assert np.abs(read(source).astype(int) - read(tmp_path / "out/clip.mp4")).mean() < 6


def test_other_containers_become_matroska(tmp_path, hr):
    source = sounding(tmp_path / "in", "clip.avi", sound="mp3")
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said = record(tmp_path / "out/clip.avi")
    assert (said["outputs"], said["sound"]) == (["clip.avi.mkv"], "kept")
    assert [line.split(",")[-1] for line in streams(tmp_path / "out/clip.avi.mkv")] == [
        line.split(",")[-1] for line in streams(source)
    ]


def test_interlaced_films_are_made_of_one_field(tmp_path, hr):
    woven = moving(2 * FRAMES, step=1)[0::2].copy()
    woven[:, 1::2] = moving(2 * FRAMES, step=1)[1::2, 1::2]
    source = saved(tmp_path / "clip.avi", woven, RATE, "FFV1")
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said, frames = record(tmp_path / "out/clip.avi"), read(tmp_path / "out/clip.avi.mkv").astype(float)
    assert said["interlaced"]
    assert "interlaced" in said["warnings"][0]
    rough = [np.abs(2 * f[4:-4] - f[3:-5] - f[5:-3]).mean() for f in (frames[5], woven[5].astype(float))]
    assert rough[0] < 0.4 * rough[1]


def test_audio_alone_is_no_film(tmp_path, hr):
    source = made(sounding(tmp_path / "in", "a.mp4"), tmp_path / "in/clip.mp4", "-vn", "-c", "copy")
    assert restore(source, tmp_path / "out", "--weights", hr) == 1
    assert "sound alone" in record(tmp_path / "out/clip.mp4")["reason"]


@pytest.mark.parametrize(
    ("codec", "pixels", "deep"),
    [
        *(("ffv1", "yuv420p10le", True), ("ffv1", "yuv444p16le", True), ("ffv1", "gray12le", True)),
        *(("ffv1", "rgb48le", True), ("prores_ks", "yuv422p10le", True), ("ffv1", "yuva420p", False)),
        *(("ffv1", "bgr0", False), ("ffv1", "gray", False), ("ffv1", "yuv411p", False), ("mjpeg", "yuvj422p", False)),
    ],
)
def test_more_than_eight_bits_are_known(tmp_path, codec, pixels, deep):
    silent = saved(tmp_path / "silent.avi", moving(2), RATE, "MJPG")
    source = made(silent, tmp_path / "clip.mkv", "-pix_fmt", pixels, "-c:v", codec)
    with Reel(source) as reel:
        assert reel.is_deep == deep


def test_more_than_eight_bits_are_said(tmp_path, hr):
    source = sounding(tmp_path / "in", "clip.mkv", "-pix_fmt", "yuv420p10le")
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert "more than 8 bits" in record(tmp_path / "out/clip.mkv")["warnings"][0]


def test_sound_that_cannot_be_copied_is_said_and_the_film_is_made(tmp_path, hr, monkeypatch):
    source = sounding(tmp_path / "in", "clip.mp4")
    monkeypatch.setattr(ffmpeg, "_copies", lambda *_: False)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said = record(tmp_path / "out/clip.mp4")
    assert (said["sound"], said["warnings"]) == ("not kept", ["sound cannot be copied into the new film"])


def test_an_ffmpeg_that_gives_up_is_quoted(tmp_path, hr, monkeypatch):
    source = sounding(tmp_path / "in", "clip.mp4")
    command = ffmpeg.Asked.command
    monkeypatch.setattr(ffmpeg.Asked, "command", lambda *given: [*command(*given)[:-1], str(tmp_path / "no/film.mp4")])
    assert restore(source, tmp_path / "out", "--weights", hr) == 1
    assert "No such file" in record(tmp_path / "out/clip.mp4")["reason"]
    assert not (tmp_path / "out/clip.mp4").exists()


def test_stopped_by_hand_it_goes_on_to_the_same_bytes(tmp_path, hr, monkeypatch):
    source = sounding(tmp_path / "in", "clip.mkv")
    assert restore(source, tmp_path / "whole", "--weights", hr) == 0
    with monkeypatch.context() as during:
        during.setattr(encode.FfmpegWriter, "close", stop)
        assert restore(source, tmp_path / "out", "--weights", hr) == 130
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    assert (tmp_path / "out/clip.mkv").read_bytes() == (tmp_path / "whole/clip.mkv").read_bytes()


def test_a_full_disk_is_said(tmp_path, hr, monkeypatch):
    """A limit on the size of files stands for it; the faces' squares lie there already."""
    source = sounding(tmp_path / "in", "clip.mp4")
    with monkeypatch.context() as during:
        during.setattr(encode.FfmpegWriter, "close", stop)
        assert restore(source, tmp_path / "out", "--weights", hr) == 130
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        assert restore(source, tmp_path / "out", "--weights", hr) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "ffmpeg gave up" in record(tmp_path / "out/clip.mp4")["reason"]
    assert not (tmp_path / "out/clip.mp4").exists()
    assert restore(source, tmp_path / "out", "--weights", hr) == 0


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mpg"])
def test_films_marked_as_interlaced_are_read_and_refused_without_ffmpeg(tmp_path, hr, name, monkeypatch):
    """OpenCV alone gives the same memory for each of their frames."""
    silent = saved(tmp_path / "in/silent.avi", moving(2 * FRAMES, step=1), 50, "FFV1")
    codec = (
        ("libx264", "-x264opts", "tff=1")
        if name.endswith("4")
        else ("mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct")
    )
    woven = ("-vf", "tinterlace=interleave_top,setfield=tff,format=yuv420p", "-c:v", *codec)
    source = made(silent, tmp_path / "in" / name, *woven)
    assert restore(source, tmp_path / "out", "--weights", hr) == 0
    said = record(tmp_path / "out" / name)
    assert (said["interlaced"], said["status"], said["frames"]) == (True, "restored", FRAMES)
    assert "ffmpeg made whole frames" in said["warnings"][0]
    frames = read(tmp_path / "out" / said["outputs"][0]).astype(float)
    assert np.abs(frames[10] - frames[5]).mean() > 2
    rough = [np.abs(2 * f[4:-4] - f[3:-5] - f[5:-3]).mean() for f in (frames[10], moving(FRAMES)[10].astype(float))]
    assert rough[0] < 1.5 * rough[1]
    assert restore(source, tmp_path / "stills", "--weights", hr, "--every", "10") == 0
    assert np.asarray(Image.open(tmp_path / "stills/clip_000010.png")).std() > 20
    monkeypatch.setattr(ffmpeg.shutil, "which", lambda name: None)
    assert restore(source, tmp_path / "alone", "--weights", hr) == 1
    assert "interlaced; ffmpeg on the PATH reads" in record(tmp_path / "alone" / name)["reason"]
