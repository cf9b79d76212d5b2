"""What the data stages are measured against: the same work by bare calls, without records, rows, checks or Ray."""

import time
from multiprocessing import get_context
from statistics import median

import cv2
import numpy as np

from pipeline.degrade.draw import Record
from pipeline.degrade.kernels import motion_kernel
from pipeline.faces.detect import MTCNNDetector


def degrade_bare(png: bytes, record: Record) -> bytes:
    """Eq. (28) by the OpenCV calls it needs and nothing else: decode, blur, resize, noise, encode.

    Not the pipeline's bytes: OpenCV shrinks by area and draws its own noise, which is quicker than PIL's antialiased
    bicubic and a recorded noise field.
    """
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    kernel = (record.kernel_px, record.kernel_px)
    if record.kind == "gaussian":
        image = cv2.GaussianBlur(image, kernel, record.sigma)
    elif record.kind == "average":
        image = cv2.blur(image, kernel)
    elif record.kind == "median":
        image = cv2.medianBlur(image, record.kernel_px)
    elif record.kind == "motion":
        image = cv2.filter2D(image, -1, motion_kernel(record.kernel_px, record.angle, record.direction))
    image = cv2.resize(image, (record.lr_side_px, record.lr_side_px), interpolation=cv2.INTER_AREA)
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, 0, record.noise_level)
    image = cv2.add(image, noise, dtype=cv2.CV_8U)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, record.quality])[1].tobytes()


def detect_repeatedly(photos: list[np.ndarray], rounds: int = 8) -> float:
    """Seconds that the default detector takes for one of the photos, median of rounds; it is loaded before."""
    detector = MTCNNDetector()
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        for photo in photos:
            detector.detect(photo)
        seconds.append(time.perf_counter() - start)
    return median(seconds[1:]) / len(photos)


def pool_of(workers: int, task, units: list[dict]) -> None:
    """Apply a task to units in a bare process pool, started and ended here."""
    with get_context("spawn").Pool(workers) as pool:
        for _ in pool.imap(task, units):
            pass
