"""The blurs of Eq. (28): I_h * k_r with the kinds of Sec. 4.2, in the meaning of the imgaug library.

The paper's ranges are SPARNetHD's, whose code draws them through imgaug; so imgaug's meaning of each number holds. Gaussian:
r is sigma. Average and median: r is the kernel's side. Motion: r is the kernel's side, with an angle and a direction.
Compared with imgaug 0.4.0: the same kernels, and the same pixels for all four; OpenCV convolves large motion kernels by a
Fourier transform, whose rounding differs between its releases by one grey level in a pixel of some thousand.
"""

import cv2
import numpy as np

from pipeline.degrade.albu import functions

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
    # OpenCV counts angles counter-clockwise, imgaug clockwise. imgaug rotates the line as an 8-bit image.
    rotation = cv2.getRotationMatrix2D(centre, -angle, 1.0)
    rotated = cv2.warpAffine((line * 255).astype(np.uint8), rotation, (kernel_px, kernel_px), flags=cv2.INTER_LINEAR)
    kernel = rotated.astype(np.float32) / 255
    return kernel / kernel.sum()


def blur(image: np.ndarray, kind: str, kernel_px: int, sigma: float, angle: float, direction: float) -> np.ndarray:
    """Blur an RGB uint8 (H, W, 3) image; arguments that the kind has no use for are ignored.

    albumentations carries average, median and motion blur, the last with imgaug's kernel in place of its own, which is
    another line. OpenCV is called for the Gaussian: albumentations' is a convolution with a square of up to 39 x 39 weights,
    which takes several times as long as OpenCV's two passes and rounds otherwise than imgaug, which calls OpenCV.
    """
    if kind == "gaussian":
        # OpenCV takes a sigma of 0 for "choose one"; imgaug leaves the image alone.
        return cv2.GaussianBlur(image, (kernel_px, kernel_px), sigmaX=sigma, sigmaY=sigma) if sigma > 1e-3 else image
    if kind == "average":
        return functions().blur.box_blur(image, kernel_px)
    if kind == "median":
        return functions().blur.median_blur(image, kernel_px)
    if kind == "motion":
        return functions().blur.convolve(image, motion_kernel(kernel_px, angle, direction))
    raise ValueError(f"blur kind {kind!r}: one of {', '.join(KINDS)}")
