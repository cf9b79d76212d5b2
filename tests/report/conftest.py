"""A small project as the other stages would leave it: written by the pipeline's own writers, with made-up figures."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from report.put_right import Changeable
from tests_root import ROOT

from pipeline.images import pixels
from pipeline.metrics.statistics import mean_interval, per_image, per_seed
from pipeline.networks.build import network_class
from pipeline.params.file import Params, parse
from pipeline.params.tables import ReportParams
from pipeline.report import build
from pipeline.report.figures.grounds import GROUNDS, STYLE
from pipeline.report.metrics import METRICS
from pipeline.report.results import PAPERS, Run, read_run
from pipeline.store import images, manifest, paths
from pipeline.store.curves import CurveWriter
from pipeline.store.examples import write_examples
from pipeline.store.files import write_json
from pipeline.store.restored import restored_folder
from pipeline.store.shards import ShardWriter

FACES = 3
SIZE_PX = 32
# In the filter's order: what broke which rule of which set.
REMOVED = {"helen": {"no face": 1, "too small": 12}, "real": {"too large": 1}}
FLAGGED = {"helen": {"too small": 3, "near duplicate": 2}, "celeba": {"leak": 1234}}
ODD_NAME = 'a <b>"face"</b>\nof it\'s own.jpg'
SHOWN = 6
VGG = "vgg16 weights are not there: no | network <here>"
INCEPTION = "inception weights are not there: switched off"
DEMO = parse(ROOT / "profiles/demo.yaml")
ALIKE = {"learning_rate": 0.002, "betas": [0.9, 0.99], "batch_size": 4}  # all of its networks were trained so
NAMES = ("agrnet", "agrnet_baseline", "hr", "hr_without_pc")  # of the demo's networks, as its entries describe them
FIGURES = {
    "bicubic": {"ssim_y": 0.71119, "psnr_y": 20.126, "lpips_alex": 0.41236},
    "agrnet": {"ssim_y": 0.81236, "psnr_y": 25.128},
    "agrnet_baseline": {"ssim_y": 0.79994, "psnr_y": 24.991},
    "hr": {"lpips_alex": 0.31416},
    "hr_without_pc": {"lpips_alex": 0.31416},
}
COST = {
    "parameters_m": 0.12345,
    "gmac": 0.5,
    "ms_per_image": 12.5,
    "peak_memory_mb": 34.5,
    "network_share": 0.75,
    "batch_size": 8,
    "size_px": SIZE_PX,
    "device": "a processor",
    "threads": 1,
    "precision": "fp32",
}
REFERENCE = {
    "helen": {"images": FACES, "faces_found": 0.987},
    "celebahq": {"images": FACES, "faces_found": 0.654, "fid_inception_floor": 12.345, "frechet_vgg16_floor": 1.5},
}
# How far the other conventions of PSNR and SSIM lie from ours.
CONVENTIONS = {"sparnet": -0.01, "dic": 0.5, "sfmnet": 0.25, "rgb": -1.5}
TABLES = {
    "table_2": {
        "title": "AGRNet and other methods",
        "baseline": "bicubic",
        "rows": ["helen.ssim_y", "helen.psnr_y"],
        "columns": [
            {"label": "DIC"},
            {"label": "bicubic", "network": "bicubic"},
            {"label": "AGRNet", "network": "agrnet"},
        ],
    },
    "table_4": {
        "title": "ACON and GAM",
        "baseline": "Baseline",
        "rows": ["helen.ssim_y"],
        "columns": [
            {"label": "Baseline", "network": "agrnet_baseline"},
            {"label": "+ ACON + GAM", "network": "agrnet"},
        ],
    },
    "table_5": {
        "title": "Number of ARUs",
        "baseline": "10",
        "rows": ["parameters_m"],
        "columns": [{"label": "10", "network": "agrnet"}],
    },
    "table_7": {
        "title": "The four losses",
        "baseline": "AGRNet-HR",
        "rows": ["celebahq.lpips_alex", "real.fid_inception"],
        "columns": [
            {"label": "w/o L_pc", "network": "hr_without_pc"},
            {"label": "AGRNet-HR", "network": "hr"},
        ],
    },
}


class Project:
    """A folder with all that the report reads; `build` makes the report of some of its networks."""

    def __init__(self, root: Path):
        self.root = root
        self.seeds = [0]
        self.own_seeds: dict[str, list[int]] = {}  # of networks that name theirs
        self.tables = TABLES
        self.strips = 2
        self.peers: list[str] = []
        self.odd_name = ODD_NAME

    def params(self, *names: str, profile: str = "demo") -> Params:
        """params.yaml with the networks named, or all, and after them the peers that were added.

        A column whose network is none of these has the paper's figures alone.
        """
        entries = {name: DEMO.networks[name] for name in (*(names or NAMES), *self.peers)}
        own = {name: entries[name].model_copy(update={"seeds": seeds}) for name, seeds in self.own_seeds.items()}
        networks = entries | own
        tables = {name: table | {"columns": []} for name, table in self.tables.items()}
        for name, table in self.tables.items():
            for column in table["columns"]:
                gone = column.get("network") not in (paths.BICUBIC, *networks)
                tables[name]["columns"].append({"label": column["label"]} if gone else column)
        for name, entry in networks.items():
            seeds, card = entry.seeds or self.seeds, paths.MODELS / name / "card.json"
            if card.is_file():
                self.change(card, seeds=seeds[:1] if entry.weights else seeds)
        report = {"strips": self.strips, "tables": tables}
        more = {"profile": profile, "seeds": self.seeds, "networks": networks, "report": report}
        return Params.model_validate(dict(DEMO) | more)

    def add_peer(self, name: str, figures: dict, **cost) -> None:
        """Let a peer of the demo's have been trained and measured. figures: means by metric. cost: what differs."""
        self.peers.append(name)
        write_evaluation(name, paths.sets_of(DEMO.networks[name].task, "test"), figures)
        write_training(name)
        self.change(paths.METRICS / name / "cost.json", **cost)

    def read(self, *names: str) -> tuple[Run, ReportParams]:
        """What the report reads of the networks named, or of all, and what it shows."""
        params = self.params(*names)
        return read_run(params), params.report

    def run(self, *names: str) -> Run:
        """What the report reads of the networks named, or of all."""
        return self.read(*names)[0]

    def build(self, *names: str, profile: str = "demo") -> tuple[str, str]:
        """(report.md, report.html) of the networks named, or of all."""
        build.build_report(self.params(*names, profile=profile))
        return texts(paths.REPORTS)

    def by_others(self, name: str) -> None:
        """Let a network have weights that others trained: a card that knows less, no figures of a training, no curve."""
        path = paths.MODELS / name / "card.json"
        card = json.loads(path.read_text())
        kept = {key: card[key] for key in ("network", "title", "model", "task", "seeds")}
        theirs = {"trained_by": "others", "checkpoint": {"file": "theirs.pth", "sha256": "ab" * 32}}
        write_json(path, kept | theirs | {"params": {"model": card["params"]["model"]}})
        write_json(paths.METRICS / name / "train.json", {})
        shutil.rmtree(paths.CURVES / name / "seed_0")

    def change(self, path: Path, **values) -> None:
        """Overwrite entries of a JSON file."""
        write_json(path, json.loads(path.read_text()) | values)

    def measure(self, name: str, key: str, **columns) -> None:
        """Give a network other values per image, a row for each seed and image, and their means and intervals."""
        path = paths.EVALUATED / name / f"{key}.parquet"
        frame = pd.read_parquet(path)
        frame = frame.assign(**columns)
        manifest.write_table(path, frame)
        metrics_file, intervals_file = (
            paths.METRICS / name / "evaluate.json",
            paths.EVALUATED / name / "intervals.json",
        )
        metrics, intervals = (json.loads(file.read_text()) for file in (metrics_file, intervals_file))
        for metric in columns:
            if metric in METRICS:
                found = mean_interval(per_image(frame, metric).to_numpy())
                seeds = {str(seed): float(mean) for seed, mean in per_seed(frame, metric).items()}
                metrics[key][metric] = float(per_seed(frame, metric).mean())
                ends = {"low": found.low, "high": found.high}
                ends = {end: value if np.isfinite(value) else None for end, value in ends.items()}
                intervals[key][metric] = {**ends, "images": found.images, "seeds": seeds}
        write_json(metrics_file, metrics)
        write_json(intervals_file, intervals)

    def enlarge(self, name: str, key: str, images: int, seeds: tuple[int, ...] = (0,)) -> None:
        """Let a network have been measured on more images, by several seeds; what was measured of them is to be given."""
        path = paths.EVALUATED / name / f"{key}.parquet"
        names = [f"synthetic/{number:04d}" for number in range(images)]
        rows = [{"seed": seed, "key": image} for seed in seeds for image in names]
        manifest.write_table(path, pd.DataFrame(rows))
        for file, empty in (
            (paths.METRICS / name / "evaluate.json", {"images": images}),
            (path.with_name("intervals.json"), {}),
        ):
            self.change(file, **{key: empty})

    def hr_side(self, key: str, side: int) -> None:
        """Give the images of a set HR images of another side."""
        with ShardWriter(paths.paired_folder("resize", key) / "00000.tar") as shard:
            place = shard.add("0.png", images.encode_png(picture(0, side)))
        folder = paths.paired_folder("degrade", key)
        places = {f"hr_{name}": place[name] for name in ("shard", "offset", "size")}
        manifest.write_manifest(folder, manifest.read_manifest(folder).assign(**places).to_dict("records"))


def texts(reports: Path) -> tuple[str, str]:
    """(report.md, report.html)"""
    return tuple((reports / f"report.{end}").read_text() for end in ("md", "html"))


def picture(number: int, side: int = SIZE_PX) -> np.ndarray:
    """A flat image whose grey level tells which it is."""
    return np.full((side, side, 3), number, np.uint8)


@pytest.fixture(scope="session")
def written(tmp_path_factory) -> Path:
    """The project's folder, written once; tests get a copy."""
    root = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for key in paths.SETS:
            write_set(key)
        write_examples([])
        write_json(paths.METRICS / "reference" / "evaluate.json", REFERENCE)
        write_evaluation("bicubic", ("helen", "celebahq", "real"))
        for name in NAMES:
            write_evaluation(name, paths.sets_of(DEMO.networks[name].task, "test"))
            write_training(name)
    return root


@pytest.fixture(scope="session")
def changeable(written, tmp_path_factory) -> Changeable:
    """The project's folder that tests change one after the other."""
    return Changeable(written, tmp_path_factory.mktemp("changeable"))


def copied(written: Path, root: Path, patch: pytest.MonkeyPatch) -> Project:
    """The project in a folder of its own, which becomes the working one."""
    shutil.copytree(written, root, dirs_exist_ok=True)
    patch.chdir(root)
    return Project(root)


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    """A grey square for every drawn figure."""
    square = images.encode_png(picture(128))
    pictures = {"light": square, "dark": square}
    patch.setattr(build, "draw_curves", lambda run: dict.fromkeys(PAPERS, pictures))
    patch.setattr(build, "draw_draws", lambda draws: pictures)
    patch.setattr(build, "draw_tradeoff", lambda tradeoff: pictures)
    patch.setattr(build, "draw_slices", lambda slices: pictures)


@pytest.fixture
def drawn_project(changeable, monkeypatch) -> Iterator[Project]:
    """The project, with its training curves drawn, which takes a second each time. Changes are taken back."""
    monkeypatch.chdir(changeable.folder)
    yield Project(changeable.folder)
    changeable.put_right()


@pytest.fixture
def project(drawn_project, monkeypatch) -> Project:
    """The project, with a grey square for every drawn figure."""
    draw_nothing(monkeypatch)
    return drawn_project


@pytest.fixture
def draw_apart(monkeypatch) -> Callable[[ModuleType], None]:
    """From when it is called, a module's figures are drawn for each ground by itself, in its colours, by matplotlib."""
    return lambda module: monkeypatch.setattr(module, "on_grounds", drawn_apart)


def drawn_apart(draw: Callable[..., Figure], drawn: object) -> dict[str, bytes]:
    """What `on_grounds` has to come to."""
    pictures = {}
    with mpl.rc_context(STYLE):
        for name, ground in GROUNDS.items():
            out = io.BytesIO()
            FigureCanvasAgg(draw(drawn, ground)).print_png(out, metadata={"Software": None})
            pictures[name] = out.getvalue()
    return pictures


@pytest.fixture(scope="session")
def reports(written, tmp_path_factory) -> Path:
    """The folder `reports` with the report of the project as it is, for tests that only read it."""
    with pytest.MonkeyPatch.context() as patch:
        draw_nothing(patch)
        project = copied(written, tmp_path_factory.mktemp("built"), patch)
        project.build()
    return project.root / paths.REPORTS


@pytest.fixture(scope="session")
def pages(reports) -> tuple[str, str]:
    """(report.md, report.html) of the project as it is, for tests that only read them."""
    return texts(reports)


def write_set(key: str) -> None:
    kind = "skimage" if key == "real" else "synthetic"
    names = [f"{kind}/{number}" for number in range(FACES)]
    manifest.write_manifest(paths.stage_folder("ingest", key), [manifest.kept(name, kind=kind) for name in names])
    for stage in ("ingest", "crop", "filter", "resize", "degrade"):
        rejected = {"unreadable": 2} if (key, stage) == ("helen", "crop") else {}
        counts = {"in": FACES, "kept": FACES, "rejected": sum(rejected.values()), "reasons": rejected}
        if stage == "crop":
            counts["faces"] = {"found": FACES + 4, "kept": FACES + 1}
        if stage == "filter":
            counts |= {"in": 2000, "reasons": REMOVED.get(key, {}), "flags": FLAGGED.get(key, {})}
        write_json(paths.counts_file(stage, key), counts)
    write_samples(key)
    write_pairs(key, names)


def write_samples(key: str) -> None:
    """Up to six faces for each rule and action, the second of each under a name that is hard to print."""
    folder = paths.stage_folder("filter", key)
    rows, columns = [], ["rule", "action", "key", "detail", "shard", "offset", "size"]
    fallen = [
        (rule, action, count)
        for action, counts in (("flagged", FLAGGED), ("removed", REMOVED))
        for rule, count in counts.get(key, {}).items()
    ]
    folder.mkdir(parents=True)
    if fallen:
        with ShardWriter(folder / "samples.tar") as shard:
            for rule, action, count in fallen:
                for number in range(min(count, SHOWN)):
                    name = ODD_NAME if number == 1 else f"{rule}/{action}_{number}.jpg"
                    place = shard.add(f"{len(rows)}.jpg", pixels.encode_jpeg(picture(100 + 20 * number, 96), 85))
                    detail = f"value {number} <of {count}>"
                    rows.append({"rule": rule, "action": action, "key": name, "detail": detail, **place})
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "samples.parquet", index=False)


def eq28_record(number: int) -> dict:
    """A record of Eq. (28) for an HR side of 32 px, within the paper's ranges, a kind of blur per number."""
    kind = ("gaussian", "average", "median", "motion")[number % 4]
    sigma = 0.5 if kind == "gaussian" else 0.0
    return {
        "kind": kind,
        "r": sigma or 3.0,
        "kernel_px": 3,
        "sigma": sigma,
        "angle": 0.0,
        "direction": 0.0,
        "lr_side_px": 4 + number,
        "interpolation": "bicubic",
        "noise_level": 12.5,
        "per_channel": True,
        "compression": 60,
        "quality": 41,
        "seed": number,
    }


def write_pairs(key: str, names: list[str]) -> None:
    resized, degraded = (paths.paired_folder(stage, key) for stage in ("resize", "degrade"))
    rows = []
    with ShardWriter(resized / "00000.tar") as hr_shard, ShardWriter(degraded / "00000.tar") as lr_shard:
        for number, name in enumerate(names):
            hr = hr_shard.add(f"{number}.png", images.encode_png(picture(10 + number)))
            lr = lr_shard.add(f"{number}.png", images.encode_png(picture(20 + number, 4)))
            if key == "real":
                lr = {"shard": "", "offset": -1, "size": -1, "sha256": ""}
            places = {f"hr_{what}": hr[what] for what in ("shard", "offset", "size")}
            record = eq28_record(number) if key in ("ffhq", "celebahq") else {}
            rows.append(manifest.kept(name, **places, **lr, **record))
    manifest.write_manifest(resized, [manifest.kept(name) for name in names])
    manifest.write_manifest(degraded, rows)


def write_evaluation(name: str, sets, figures: dict | None = None) -> None:
    """Metrics of a network on sets: per image half a unit around the mean, and what follows from them."""
    figures = figures or FIGURES[name]
    metrics = {key: {"images": FACES} | ({} if key == "real" else figures) for key in sets}
    write_json(paths.METRICS / name / "evaluate.json", metrics)
    folder = paths.EVALUATED / name
    write_json(folder / "absent.json", {"fid_inception": INCEPTION})
    intervals = {}
    for key in sets:
        frame = values_of(figures, key)
        manifest.write_table(folder / f"{key}.parquet", frame)
        measured = [metric for metric in figures if metric in frame]
        intervals[key] = {
            metric: {"low": value - 0.4, "high": value + 0.4, "images": FACES, "seeds": {"0": value}}
            for metric, value in figures.items()
            if metric in measured
        }
    write_json(folder / "intervals.json", intervals)
    if name != "bicubic":
        write_json(paths.METRICS / name / "cost.json", COST)
    for key in sets:
        folder = restored_folder(name, 0, key)
        with ShardWriter(folder / "00000.tar") as shard:
            rows = [
                manifest.kept(image, **shard.add(f"{n}.png", images.encode_png(picture(30 + n))))
                for n, image in enumerate(names_of(key))
            ]
        manifest.write_manifest(folder, rows)


def names_of(key: str) -> list[str]:
    return [f"{'skimage' if key == 'real' else 'synthetic'}/{number}" for number in range(FACES)]


def values_of(figures: dict, key: str) -> pd.DataFrame:
    """A row per image: the metrics, spread evenly around their mean, and the record of the degradation."""
    spread = np.linspace(-0.5, 0.5, FACES)
    frame = pd.DataFrame({"seed": 0, "key": names_of(key)})
    if key != "real":
        frame = frame.assign(**{metric: value + spread for metric, value in figures.items()})
    for metric in ("psnr", "ssim"):
        for convention, offset in CONVENTIONS.items():
            if f"{metric}_y" in frame:
                frame[f"{metric}_{convention}"] = frame[f"{metric}_y"] + offset
    if key == "helen":
        frame["lr_side_px"] = 4
    if key == "celebahq":
        records = pd.DataFrame([eq28_record(number) for number in range(FACES)])
        frame = frame.join(records.rename(columns={"seed": "draw_seed"}))
    return frame


def write_training(name: str) -> None:
    recipe = DEMO.recipe(name)
    terms = {"loss": -1.5, "px": 0.25, "d": 2.0} if recipe.loss == "composite" else {"loss": 0.25}
    write_json(paths.METRICS / name / "train.json", {"step": 4, **terms})
    curve = [{"step": step, **{f"train/{term}": value for term, value in terms.items()}} for step in (2, 4)]
    CurveWriter(paths.CURVES / name / "seed_0", curve)
    left_out = {"pc": VGG} if recipe.params["loss"].get("pc") else {}
    card = {
        "network": name,
        "title": network_class(recipe.model, recipe.task).title,
        "model": recipe.model,
        "task": recipe.task,
        "loss": recipe.loss,
        "params": recipe.params | {"train": recipe.params["train"] | ALIKE},
        "seeds": [0],
        "steps": 4,
        "images_seen": 8,
        "data": {"set": "any", "images": FACES, "size_px": SIZE_PX},
        "left_out_of_the_loss": left_out,
    }
    write_json(paths.MODELS / name / "card.json", card)
