"""Packs what a bare GPU machine needs to train networks of params.yaml:

    python -m pipeline.commands.away.pack NETWORK [NETWORK ...] -o away.tar.gz --wheels FOLDER

Photos travel as they are, which is smaller than anything made of them: the stages resize and degrade run there.
"""

import argparse
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML
from safetensors.torch import save

from pipeline.commands.away.halves import narrowed, packed_name
from pipeline.commands.away.there import PLAN, WHEELS
from pipeline.losses.composite.trunk import load_trunk
from pipeline.params.file import PARAMS_FILE, Params, parse
from pipeline.params.recipe import Recipe
from pipeline.photos.reader import PhotoReader
from pipeline.runtime.terminal import print_anything
from pipeline.store import manifest, paths
from pipeline.store.pretrained import STATUS, PretrainedMissing, read_status
from pipeline.store.shards import ShardWriter
from pipeline.store.weights import CARD
from pipeline.train.given.begin import open_start

ROOT = Path(__file__).resolve().parents[3]
LIMIT_MIB = 64
SHARD = "photos.tar"
NO_RAY = 10**9  # images above which Ray would be asked for: it is not there


class PackError(ValueError):
    """What was asked for cannot be packed; the message says what to change."""


def main() -> None:
    print_anything()
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("networks", nargs="+", help="of params.yaml, in the order of their training")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the archive, a .tar.gz")
    parser.add_argument("--wheels", type=Path, help="a folder of wheels that the machine lacks")
    parser.add_argument("--limit-mib", type=float, default=LIMIT_MIB, help=f"largest archive (default {LIMIT_MIB})")
    parser.add_argument(
        "--beside-checkout",
        action="store_true",
        help="leave out code and models/pretrained: the archive is unpacked in a checkout there",
    )
    given = parser.parse_args()
    try:
        sizes = pack(given.networks, given.out, given.wheels, given.limit_mib, given.beside_checkout)
    except (ValueError, PretrainedMissing) as error:
        parser.exit(1, f"{error}\n")
    print(f"written: {given.out}, {given.out.stat().st_size / 2**20:.1f} MiB ({told(sizes)} before compression)")


def pack(
    networks: list[str], out: Path, wheels: Path | None = None, limit_mib: float = LIMIT_MIB, beside: bool = False
) -> dict[str, int]:
    """Write the archive; returns the bytes of each of its parts before compression.

    Raises PackError for a network that is not there, that has no length in minutes, or whose weights others trained; where a
    stage that comes before was not run; and where the archive would be over `limit_mib`, of which nothing is left then.
    """
    params = parse()
    check(params, networks)
    recipes = {name: params.recipe(name) for name in networks}
    sets = sorted({key for recipe in recipes.values() for key in paths.sets_of(recipe.task, "train")})
    packed = Archive(out)
    with packed:
        packed.add("params", PARAMS_FILE.as_posix(), params_there())
        packed.add("params", PLAN, json.dumps({"networks": networks, "sets": sets}, indent=2).encode())
        for key in sets:
            add_photos(packed, params, key)
        for recipe in recipes.values():
            add_trunk(packed, recipe)
        for name, recipe in recipes.items():
            if recipe.start:
                start = open_start(name, recipe.start)
                card = start.file.parent / CARD
                files = [start.file, *start.parts, *([card] if card.is_file() else [])]
                packed.add_files("starts", [file for file in files if not (beside and _in_git(file))])
        for wheel in sorted(wheels.glob("*.whl")) if wheels else ():
            packed.add("wheels", f"{WHEELS}/{wheel.name}", wheel.read_bytes())
        if not beside:
            for file in code():
                packed.add("code", file.relative_to(ROOT).as_posix(), file.read_bytes())
    if out.stat().st_size > limit_mib * 2**20:
        size = out.stat().st_size / 2**20
        out.unlink()
        raise PackError(
            f"the archive would have {size:.1f} MiB, {limit_mib:g} are allowed ({told(packed.sizes)} before compression): "
            "pack fewer networks, or take fewer photos (data.<set>.sources)"
        )
    return packed.sizes


class Archive:
    """A .tar.gz in the making, with the bytes of each part of it. Removed where making it fails."""

    def __init__(self, path: Path):
        self._path = path
        self.sizes: dict[str, int] = {}
        self._names: set[str] = set()

    def __enter__(self) -> "Archive":
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._tar = tarfile.open(self._path, "w:gz", compresslevel=6)
        return self

    def __exit__(self, kind, *exc) -> None:
        self._tar.close()
        if kind:
            self._path.unlink()

    def add(self, part: str, name: str, data: bytes) -> None:
        """A file of a part; one that is there already stays, since two networks may begin from the same weights."""
        if name in self._names:
            return
        self._names.add(name)
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))
        self.sizes[part] = self.sizes.get(part, 0) + len(data)

    def add_files(self, part: str, files: Iterable[Path]) -> None:
        """Files under the names that they have in this folder."""
        for file in files:
            self.add(part, file.as_posix(), file.read_bytes())


def told(sizes: dict[str, int]) -> str:
    """The parts of an archive in words, largest first."""
    parts = sorted(sizes.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in parts)


def check(params: Params, networks: list[str]) -> None:
    """Raises PackError for a network that cannot be trained by the clock."""
    for name in networks:
        if name not in params.networks:
            raise PackError(f"there is no network {name!r}; networks are {', '.join(params.networks)}")
        if params.networks[name].weights:
            raise PackError(f"networks.{name} is not trained: its weights are others'")
        if not params.recipe(name).train.minutes:
            raise PackError(
                f"networks.{name}: give its length in minutes, so that it ends before the machine goes back, e.g. changes: "
                "{train: {minutes: 8}}"
            )
    for start in (entry.start for name in networks if (entry := params.networks[name]).start):
        if Path(start.path).is_absolute() or ".." in Path(start.path).parts:
            raise PackError(f"start: {start.path} lies outside of this folder; only what is in it can be packed")


def params_there() -> bytes:
    """params.yaml with data stages that work without Ray and states that stay, which changes no result."""
    yaml, text = YAML(), io.BytesIO()
    values = yaml.load(PARAMS_FILE)
    values["runtime"] |= {"ray_above_images": NO_RAY, "keep_states": True}
    yaml.dump(values, text)
    return text.getvalue()


def add_photos(packed: Archive, params: Params, key: str) -> None:
    """The photos that the filter kept, in one shard, and its manifest, which names them there."""
    folder, ingested = paths.stage_folder("filter", key), paths.stage_folder("ingest", key)
    rows = manifest.read_kept(folder)
    if not rows:
        raise PackError(f"{folder} kept no photo to train on")
    root = Path(getattr(params.data, key).root)
    with tempfile.TemporaryDirectory() as scratch:
        moved = Path(scratch)
        with PhotoReader(root, ingested) as photos, ShardWriter(moved / SHARD) as shard:
            places: dict[str, dict] = {}
            for row in rows:
                if row["photo"] not in places:
                    places[row["photo"]] = shard.add(f"{len(places):06d}", photos.read_bytes(row)) | {"member": ""}
                row |= places[row["photo"]]
        manifest.write_manifest(moved, rows)
        packed.add("photos", (ingested / SHARD).as_posix(), (moved / SHARD).read_bytes())
        packed.add("photos", (folder / manifest.FILE).as_posix(), (moved / manifest.FILE).read_bytes())


def add_trunk(packed: Archive, recipe: Recipe) -> None:
    """The layers of a VGG that the loss looks at, in half precision, and what is said of it.

    Raises PretrainedMissing, as the training would, where it is not there and the loss does not do without.
    """
    folder = paths.PRETRAINED / recipe.task
    packed.add("perceptual network", (folder / STATUS).as_posix(), json.dumps(read_status(folder)).encode())
    if getattr(recipe.criterion, "pc", 0):
        features, _ = load_trunk(folder, recipe.criterion)
        trunk = recipe.criterion.perceptual_trunk
        if features:
            packed.add("perceptual network", packed_name(recipe.task, trunk), save(narrowed(features, trunk)))


def code() -> list[Path]:
    """What stages and training are made of: modules alone, since what else lies in the package is for reports and photos."""
    return sorted(file for folder in ("stages", "pipeline") for file in (ROOT / folder).rglob("*.py"))


def _in_git(file: Path) -> bool:
    return paths.KEPT_WEIGHTS in file.parents


if __name__ == "__main__":
    main()
