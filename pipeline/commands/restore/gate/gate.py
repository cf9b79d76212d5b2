"""Whether a network would help a face, by a fit that was measured for that network, and how much of the photo then stays."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.commands.restore.gate.signs import Signs
from pipeline.store.cards import WeightsError
from pipeline.store.files import write_json

FILE = "gate.json"  # beside the card
# Picked on what the fits for the weights that ship predicted for faces that they had not seen: of those that are restored
# 1 % come out worse. A face is restored where the predicted LPIPS gain is worth a change at all ...
LEAST_GAIN = 0.04
# ... and is no loss of what would be noticed even where the prediction is off by so many times its usual error ...
ERRORS, NOTICED = 1.3, 0.01
# ... and the predicted PSNR falls by no more than so many dB per LPIPS gained. Of the cuts that pass, PSNR decides a little.
DB_PER_LPIPS, LPIPS_PER_DB = 20.0, 0.03
_FAR = 4.0  # standard deviations beyond which a sign says no more
_SPREAD = np.sqrt(2)  # of the square of a normal number


class GateError(WeightsError):
    """A gate's file that cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says of a face.

    helps: whether it is to be restored. cut: cycles a face below which the photo stays; the best of those that may be used,
    or the most promising one where none may. gain: predicted LPIPS gain of the finished face over the photo's, positive is
    better; psnr: predicted change in dB; error: usual error of `gain`; all for that cut.
    """

    helps: bool
    cut: float
    gain: float
    psnr: float
    error: float

    @property
    def why(self) -> str:
        """In words what speaks against it; "" where it helps."""
        if self.helps:
            return ""
        if self.gain < LEAST_GAIN:
            return "the network would not help"
        if self.gain - ERRORS * self.error < -NOTICED:
            return "it is too unsure whether the network would help"
        return "the network would go too far from the photo"


@dataclass(frozen=True)
class Gate:
    """A fit for one network: linear in the standardised signs and their squares, `mean` and `scale` (F,).

    cuts: the candidates, K of them. gain, psnr, error: (2 F + 1, K), the last row the intercept; bounds: (2, K), between
    which a predicted error lies. size_px: of the network; weights_sha256: of its file. about: what it was measured on, for
    people.
    """

    cuts: tuple[float, ...]
    mean: np.ndarray
    scale: np.ndarray
    gain: np.ndarray
    psnr: np.ndarray
    error: np.ndarray
    bounds: np.ndarray
    size_px: int
    weights_sha256: str
    about: dict

    def verdict(self, *seen: Signs) -> Verdict:
        """What it says of one face, of which there are several looks in a film: the median of what is predicted for each."""
        predicted = self.predict(np.stack([look.values for look in seen]))
        gain, psnr, error = (np.median(values, axis=0, keepdims=True) for values in predicted)
        passed, worth = allowed(gain, psnr, error)[0], worth_of(gain, psnr)[0]
        best = int(np.argmax(np.where(passed, worth, -np.inf) if passed.any() else worth))
        return Verdict(bool(passed.any()), self.cuts[best], *(float(values[0, best]) for values in (gain, psnr, error)))

    def predict(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """LPIPS gain, PSNR change and usual error of the gain, (N, K) each, of signs (N, F)."""
        signs = standardised(values, self.mean, self.scale)
        return signs @ self.gain, signs @ self.psnr, np.clip(signs @ self.error, *self.bounds)

    def write(self, folder: Path) -> None:
        """Store it beside the card in that folder."""
        write_json(folder / FILE, {name: _rounded(value) for name, value in vars(self).items()})


def read_gate(folder: Path, weights_sha256: str, size_px: int) -> Gate | None:
    """The gate beside a card, None where there is none. Raises GateError as `parse_gate`."""
    place = folder / FILE
    return parse_gate(place.read_bytes(), place, weights_sha256, size_px) if place.is_file() else None


def parse_gate(data: str | bytes, place: Path, weights_sha256: str, size_px: int) -> Gate:
    """The gate that lies at `place`, for a network of that size.

    Raises GateError for one that is damaged, or of other weights or another size.
    """
    try:
        fields = json.loads(data)
        arrays = {
            name: np.array(fields[name], np.float64) for name in ("mean", "scale", "gain", "psnr", "error", "bounds")
        }
        gate = Gate(**(fields | arrays | {"cuts": tuple(fields["cuts"])}))
    except (ValueError, KeyError, TypeError) as error:
        raise GateError(f"{place} is no gate ({type(error).__name__}: {error}): measure it again") from None
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise GateError(f"{place} holds numbers that are not finite: measure it again")
    if gate.weights_sha256 != weights_sha256:
        raise GateError(f"{place} was measured for other weights than lie beside it: measure it again")
    if gate.size_px != size_px:
        raise GateError(f"{place}: its gate is for {gate.size_px} px and the network makes {size_px}")
    return gate


def allowed(gain: np.ndarray, psnr: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Which candidates may be used, (N, K) bool, of what is predicted for them."""
    return (gain >= LEAST_GAIN) & (gain - ERRORS * error >= -NOTICED) & (psnr >= -DB_PER_LPIPS * gain)


def worth_of(gain: np.ndarray, psnr: np.ndarray) -> np.ndarray:
    """What a candidate promises, (N, K); the largest is taken."""
    return gain + LPIPS_PER_DB * psnr


def standardised(values: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Signs (N, F) as a fit takes them, (N, 2 F + 1): in standard deviations, none beyond 4, their squares, and a 1."""
    signs = np.clip((values - mean) / scale, -_FAR, _FAR)
    return np.column_stack([signs, (signs**2 - 1) / _SPREAD, np.ones(len(signs))])


def _rounded(value):
    """As JSON, six digits."""
    if isinstance(value, np.ndarray):
        return [_rounded(v) for v in value] if value.ndim else float(f"{value:.6g}")
    return float(f"{value:.6g}") if isinstance(value, np.floating) else value
