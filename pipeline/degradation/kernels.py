"""The blurs of Eq. (28): I_h * k_r with the kinds of Sec. 4.2, in the meaning of the imgaug library.

The paper's ranges are SPARNetHD's, whose code draws them through imgaug; so imgaug's meaning of each number holds. Gaussian:
r is sigma. Average and median: r is the kernel's side. Motion: r is the kernel's side, with an angle and a direction.
"""

import cv2
import numpy as np

from pipeline.degradation.albu import functions

KINDS = ("gaussian", "average", "median", "motion")


def gaussian_kernel_px(sigma: float) -> int:
    """Side of the Gaussian kernel that imgaug takes for a sigma: int(max(5, f sigma)), made odd; f falls with sigma."""
    factor = 3.3 if sigma < 3.0 else 2.9 if sigma < 5.0 else 2.6
    side = int(max(factor * sigma, 5))
    return side + 1 - side % 2


def gaussian_sigma(kernel_px: int) -> float:
    """The sigma that OpenCV ties to a Gaussian kernel of that side (used where r is read as the kernel's side)."""
    return 0.3 * ((kernel_px - 1) * 0.5 - 1) + 0.8


def motion_kernel(kernel_px: int, angle: float, direction: float) -> np.ndarray:
    """imgaug's motion blur kernel: a line through the centre, rotated; float32 (kernel_px, kernel_px), sum 1.

    angle: degrees, clockwise. direction: -1..1; 0 is an even blur, 1 puts the weight at the front of the line, -1 at its
    end.
    """
    weight = (np.clip(direction, -1.0, 1.0) + 1.0) / 2.0
    line = np.zeros((kernel_px, kernel_px), dtype=np.float32)
    line[:, kernel_px // 2] = np.linspace(weight, 1.0 - weight, num=kernel_px)
    centre = (kernel_px / 2.0 - 0.5, kernel_px / 2.0 - 0.5)
    # OpenCV counts angles counter-clockwise, imgaug clockwise.
    rotation = cv2.getRotationMatrix2D(centre, -angle, 1.0)
    rotated = cv2.warpAffine(line, rotation, (kernel_px, kernel_px), flags=cv2.INTER_LINEAR)
    return rotated / rotated.sum()


def blur(image: np.ndarray, kind: str, kernel_px: int, sigma: float, angle: float, direction: float) -> np.ndarray:
    """Blur an RGB uint8 (H, W, 3) image; arguments that the kind has no use for are ignored.

    albumentations carries average and median. OpenCV is called for the other two: albumentations' Gaussian and motion
    kernels are its own, not imgaug's.
    """
    if kind == "gaussian":
        return cv2.GaussianBlur(image, (kernel_px, kernel_px), sigmaX=sigma, sigmaY=sigma)
    if kind == "average":
        return functions().blur.box_blur(image, kernel_px)
    if kind == "median":
        return functions().blur.median_blur(image, kernel_px)
    if kind == "motion":
        return cv2.filter2D(image, -1, motion_kernel(kernel_px, angle, direction))
    raise ValueError(f"blur kind {kind!r}: one of {', '.join(KINDS)}")
