"""Images as bytes for files and for the page, and lettering for figures; the same input gives the same bytes."""

import base64
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LOSSLESS_PX = 256  # images up to this side are embedded without loss
QUALITY = 90  # WebP's, of larger ones
# Shown in figures: images below TILE_PX are enlarged by a whole number, nearest neighbour; those above MAX_TILE_PX shrunk.
TILE_PX, MAX_TILE_PX = 128, 256
GAP_PX = 8
LABEL_PX = 18
INK, SOFT, PAPER = (40, 40, 40), (110, 110, 110), (255, 255, 255)


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    colour: tuple[int, int, int],
    size_px: float,
    anchor: str,
) -> None:
    """Text on a picture, in Pillow's own font. anchor: Pillow's, where the place is in the text."""
    # The font has no glyph for a space that keeps words together, and draws a box for it.
    draw.text(place, text.replace("\u00a0", " "), colour, ImageFont.load_default(size=size_px), anchor=anchor)


def png(image: np.ndarray) -> bytes:
    """RGB uint8 (H, W, 3) as PNG."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def webp(image: np.ndarray, **options) -> bytes:
    """RGB uint8 (H, W, 3) as WebP."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "WEBP", **options)
    return out.getvalue()


def embedded(image: np.ndarray) -> str:
    """RGB uint8 (H, W, 3) as an address that carries its content, at full size.

    Up to LOSSLESS_PX a side without loss, of QUALITY above. As WebP: of a face's image, PNG would be a third larger.
    """
    if max(image.shape[:2]) > LOSSLESS_PX:
        return data_uri(webp(image, quality=QUALITY, method=6), "webp")
    # Lossless, quality is effort: four times the time for files 0.2 % smaller at 80 and method 4.
    return data_uri(webp(image, lossless=True, quality=0, method=3), "webp")


def data_uri(data: bytes, kind: str = "png") -> str:
    """A picture as an address that carries its content."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
