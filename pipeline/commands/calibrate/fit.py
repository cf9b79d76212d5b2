"""A gate from measurements: ridge regression, judged on photos and on a data set that it has not seen."""

from dataclasses import dataclass

import numpy as np

from pipeline.commands.restore.gate.gate import standardised

PENALTY = 0.03  # of the ridge, per face
FOLDS = 5
UNKNOWN_WEIGHT = 3.0  # of a face that the network was not trained on, in the fit: such are the users'
# Of PSNR: nobody sees a difference above it. Clean photos, from 60 dB down, would bend the fit for all others.
UNSEEN_DB = 38.0
MOST_DB = 12.0  # a PSNR change that counts: beyond it a face is as good as given back, or lost
_QUANTILES = (0.2, 0.99)  # of the residuals, between which a predicted error lies


@dataclass(frozen=True)
class Measured:
    """Spoilt faces, what was seen of them and what became of them; N faces, F signs, K cuts.

    photo: (N,) names, one per true face. group: (N,) its data set. known: (N,) whether the network was trained on it.
    kind: (N,) of damage. values: (N, F). lpips, psnr: (N, K + 1), of the spoilt face first, then per cut.
    """

    photo: np.ndarray
    group: np.ndarray
    known: np.ndarray
    kind: np.ndarray
    values: np.ndarray
    lpips: np.ndarray
    psnr: np.ndarray

    @property
    def gain(self) -> np.ndarray:
        """LPIPS gained by each cut, (N, K)."""
        return self.lpips[:, :1] - self.lpips[:, 1:]

    @property
    def change(self) -> np.ndarray:
        """PSNR change by each cut in dB, (N, K), within +-12; what lies above 38 dB counts as that."""
        seen = np.minimum(self.psnr, UNSEEN_DB)
        return np.clip(seen[:, 1:] - seen[:, :1], -MOST_DB, MOST_DB)


@dataclass(frozen=True)
class Fit:
    """Coefficients as a gate has them, and what they predicted for faces whose photo they had not seen, (N, K) each."""

    mean: np.ndarray
    scale: np.ndarray
    gain: np.ndarray
    psnr: np.ndarray
    error: np.ndarray
    bounds: np.ndarray
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray]


def fit(faces: Measured) -> Fit:
    """Fit gain, PSNR change and the usual error of the gain.

    Cross-fitted: each photo's faces are predicted by a fit without them, and a group that the network does not know by a fit
    without the group, so that residuals are those of new photos. PSNR is predicted too well from photos that the network was
    trained on: the mean of that, seen on the unknown ones, is taken off.
    """
    weight = _weights(faces)
    mean, scale = faces.values.mean(0), faces.values.std(0) + 1e-9
    signs = standardised(faces.values, mean, scale)
    cuts = faces.gain.shape[1]
    targets = np.hstack([faces.gain, faces.change])
    cross = _cross_fitted(faces, signs, targets, weight)
    too_good = np.concatenate([np.zeros(cuts), _too_good(faces, cross)])
    residual = np.abs(faces.gain - cross[:, :cuts])
    bounds = np.quantile(residual, _QUANTILES, axis=0)
    coefficients = _ridge(signs, targets, weight)
    coefficients[-1] -= too_good
    error = np.clip(_cross_fitted(faces, signs, residual, weight), *bounds)
    cross -= too_good
    return Fit(
        mean,
        scale,
        gain=coefficients[:, :cuts],
        psnr=coefficients[:, cuts:],
        error=_ridge(signs, residual, weight),
        bounds=bounds,
        predicted=(cross[:, :cuts], cross[:, cuts:], error),
    )


def _weights(faces: Measured) -> np.ndarray:
    return np.where(faces.known, 1.0, UNKNOWN_WEIGHT)


def _folds(faces: Measured) -> np.ndarray:
    """(N,) names of the parts that are predicted without themselves."""
    place = np.unique(faces.photo, return_inverse=True)[1]
    return np.where(faces.known, [f"fold {n % FOLDS}" for n in place], faces.group)


def _too_good(faces: Measured, cross: np.ndarray) -> np.ndarray:
    """(K,) by how many dB unknown faces fall short of what is predicted for them without them; 0 where all were unknown."""
    if not faces.known.any():
        return np.zeros(faces.change.shape[1])
    short = cross[:, faces.gain.shape[1] :] - faces.change
    return np.maximum(short[~faces.known].mean(0), 0)


def _cross_fitted(faces: Measured, signs: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> np.ndarray:
    predicted = np.empty_like(targets)
    for fold in np.unique(_folds(faces)):
        left_out = _folds(faces) == fold
        predicted[left_out] = signs[left_out] @ _ridge(signs[~left_out], targets[~left_out], weight[~left_out])
    return predicted


def _ridge(signs: np.ndarray, targets: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F + 1, T): weighted least squares with a penalty on all but the intercept."""
    penalty = np.full(signs.shape[1], PENALTY * weight.sum())
    penalty[-1] = 0
    weighted = signs * weight[:, None]
    return np.linalg.solve(weighted.T @ signs + np.diag(penalty), weighted.T @ targets)
