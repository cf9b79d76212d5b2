"""`restore`: photos and films in, restored faces out."""

import argparse
import sys
from pathlib import Path

from pipeline.commands.restore.page.arguments import add_page, check_page
from pipeline.commands.restore.words import IDENTITY
from pipeline.runtime.terminal import print_anything, say

DESCRIPTION = f"""Finds the faces in photos, restores them with a trained network and puts them back where they were.
{IDENTITY}"""
EPILOG = """Beside each output lies NAME.json: the faces found, what was done with each and by which network, warnings.
OUT/summary.json counts. Pixels outside the faces keep their bits; a format that loses (JPEG) stores them anew.
In folders, what is no photo and what restore wrote about photos is skipped; links to folders are followed. Films are
restored where they are named, and keep their sound where ffmpeg is on the PATH.
Exit code 0: all done; 1: some photo failed or a film was cut off, the rest is done; 2: nothing could be started;
130: stopped by hand, but 0 where that ends the page.

examples:
  restore photo.jpg -o restored
  restore holiday/ old.tif -o restored --compare
  restore clip.mp4 -o restored
  restore crops/ -o restored --aligned --weights models/hr
  restore --page"""
# Of what is a face by default: YuNet is surer of everything.
SCORES = {"mtcnn": 0.7, "yunet": 0.85}
ALIASES = {"JPG": "JPEG", "TIF": "TIFF", "JP2": "JPEG2000"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    print_anything()
    command = parser()
    given = command.parse_args(arguments)
    check_page(command, given)
    if given.yunet is not None and given.detector != "yunet":
        command.error("--yunet is the file of --detector yunet: name that too")
    if given.detector == "yunet" and given.yunet is None:
        command.error("--detector yunet needs its file: --yunet FILE")
    if given.upscale > 1 and (given.aligned or given.faces_only):
        command.error("--upscale enlarges photos, and --aligned and --faces-only write none")
    if given.faces is not None and given.aligned:
        command.error("--faces chooses among the faces found in a photo, and --aligned looks for none")
    return _page(given) if given.page else _restore(given)


def _page(given: argparse.Namespace) -> int:
    from pipeline.commands.restore.page.start import open_page

    given.out = Path()  # the page's own folder
    return open_page(given.weights, _options(given), given.port or 0)


def _restore(given: argparse.Namespace) -> int:
    # Only now: help and mistyped options need no torch.
    from pipeline.commands.restore.film.run import STOPPED
    from pipeline.commands.restore.film.stills import stills
    from pipeline.commands.restore.inputs import InputError
    from pipeline.commands.restore.recognise import is_film
    from pipeline.commands.restore.summary import print_summary, write_summary
    from pipeline.store.cards import WeightsError

    options = _options(given)
    try:
        with stills(given.paths, options.out, given.every) as (paths, names):
            summary, skipped = _restored(paths, names, given, options)
    except (InputError, WeightsError, OSError) as error:
        say(f"restore: {error}", to_stderr=True)
        return 2
    except KeyboardInterrupt:
        more = f"; {STOPPED}" if not given.every and any(map(is_film, given.paths)) else ""
        print(f"restore: stopped; what is written is whole, the rest is not begun{more}", file=sys.stderr)
        return 130
    print_summary(summary, skipped, options.out)
    return write_summary(summary, options.out)


def _restored(paths: list[Path], names: dict[Path, str], given: argparse.Namespace, options) -> tuple[dict, list]:
    """The summary of photos and films, and what was skipped."""
    from pipeline.commands.restore.film.run import apart, restore_films
    from pipeline.commands.restore.inputs import plan
    from pipeline.commands.restore.networks.weights import find, unmeasured
    from pipeline.commands.restore.run import restore_photos

    planned = plan(paths, options.out, options.format, names)
    photos, films = apart(planned, options)
    networks, said = find(given.weights, options.device, options.precision)
    said += [] if options.force else unmeasured(networks)
    for sentence in (*said, *(f"{job.called}: {remark}" for job in planned.jobs for remark in job.remarks)):
        say(sentence)
    summary = restore_photos(photos, networks, options)
    if films.jobs:
        summary["films"] = restore_films(films, networks, options, planned)
    return summary, planned.skipped


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="restore", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=_path, metavar="PATH", help="photos, films, or folders of photos")
    parser.add_argument("-o", "--out", type=_path, help="folder for results; no photo is ever overwritten")
    add_page(parser)
    _add_network(parser.add_argument_group("network"))
    _add_result(parser.add_argument_group("result"))
    _add_faces(parser.add_argument_group("faces"))
    return parser


def _add_network(group) -> None:
    group.add_argument(
        "--weights",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="models/<network>, a .safetensors file beside its card.json, or an .onnx file; twice for an AGRNet and an "
        "AGRNet-HR: faces below 24 px then go to AGRNet. Default: the weights that ship",
    )
    group.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU where there is one"
    )
    group.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32", help="default: fp32")
    group.add_argument(
        "--batch-size",
        type=_at_least(1),
        default=8,
        metavar="N",
        help="faces at a time, fewer where memory runs out (8)",
    )


def _add_result(group) -> None:
    group.add_argument(
        "--strength", type=_between(0, 1), default=1.0, metavar="0..1", help="0 is the photo, 1 the network (1)"
    )
    group.add_argument(
        "--force", action="store_true", help="also restore faces that the network is not expected to help"
    )
    group.add_argument(
        "--upscale", type=_between(1, 16), default=1.0, metavar="S", help="enlarge the photo bicubically first (1)"
    )
    group.add_argument("--faces-only", action="store_true", help="write the faces' squares and not the photo")
    group.add_argument(
        "--compare", action="store_true", help="write NAME_compare.png too: before and after side by side"
    )
    group.add_argument(
        "--format", type=_format, metavar="NAME", help="jpeg, png, tiff, webp, ...; default: the photo's"
    )
    group.add_argument(
        "--every", type=_at_least(1), metavar="N", help="of films, take each N-th frame as a photo, and write no film"
    )
    group.add_argument("--timing", action="store_true", help="say how many seconds each step took")


def _add_faces(group) -> None:
    group.add_argument(
        "--aligned", action="store_true", help="the photos are faces' squares already, and squares come out"
    )
    group.add_argument(
        "--faces",
        type=_numbers,
        metavar="N,N",
        help="restore these alone, by their numbers in the record: 0 is the largest (all)",
    )
    group.add_argument("--detector", choices=("mtcnn", "yunet"), default="mtcnn", help="default: mtcnn")
    group.add_argument("--yunet", type=Path, metavar="FILE", help="YuNet's .onnx file, for --detector yunet")
    group.add_argument(
        "--min-face-px",
        type=_at_least(1),
        default=20,
        metavar="PX",
        help="smallest face searched for (20). 13 finds AGRNet's faces of 16 px, in twice the time",
    )
    group.add_argument(
        "--min-score", type=_between(0, 1), metavar="0..1", help="what scores less is no face (0.7; yunet 0.85)"
    )


def _options(given: argparse.Namespace):
    from pipeline.commands.restore.options import Options

    values = vars(given)
    if given.min_score is None:
        values["min_score"] = SCORES[given.detector]
    return Options(**{name: values[name] for name in Options.__dataclass_fields__})


def _format(text: str) -> str:
    from pipeline.commands.restore.photo_file.formats import KINDS

    name = ALIASES.get(text.upper(), text.upper())
    if name not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not written; these are: {', '.join(KINDS).lower()}")
    return name


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name; the folder that you are in is .")
    return Path(text)


def _between(low: float, high: float):
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
        return value

    return number


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers, such as 0,2")
    return tuple(sorted({int(part) for part in parts}))


def _at_least(low: int):
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} on")
        return int(text)

    return number


if __name__ == "__main__":
    sys.exit(main())
