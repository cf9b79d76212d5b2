"""A figure on two grounds, for light pages and for dark ones, from one drawing; the bytes are the same each time."""

import io
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase, GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.image import imsave

# Labels are the user's, where a $ is a $.
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "text.parse_math": False}
DPI = 150


@dataclass(frozen=True)
class Ground:
    """The colours of a page: what is drawn on, text, thin lines, an area behind the data."""

    paper: str
    ink: str
    line: str
    band: str


LIGHT = Ground("#ffffff", "#333333", "#e3e3e3", "#e9eff6")
DARK = Ground("#16181c", "#d0d0d0", "#3a3d44", "#232c38")
GROUNDS = {"light": LIGHT, "dark": DARK}

DARK_FOR = dict(zip(map(to_rgba, astuple(LIGHT)), map(to_rgba, astuple(DARK)), strict=True))


def on_grounds(draw: Callable[..., Figure], drawn: object) -> dict[str, bytes]:
    """Name of each ground (light, dark) -> PNG of draw(drawn, LIGHT), with what has a colour of LIGHT in that of the ground.

    `draw` makes its figure by `panels.make_figure`. Colours take no room, so that everything stands in the same place, and
    finding the places takes longer than drawing.
    """
    with mpl.rc_context(STYLE):
        figure = draw(drawn, LIGHT)
        renderer = figure.canvas.get_renderer()
        figure.draw(renderer)
        return {"light": _png(renderer.light), "dark": _png(renderer.dark)}


class Canvas(FigureCanvasBase):
    """Lets a figure be measured and drawn by one `Renderer`."""

    def get_renderer(self) -> "Renderer":
        """The figure's renderer; matplotlib asks for it by this name."""
        if not hasattr(self, "_renderer"):
            self._renderer = Renderer(*self.get_width_height())
        return self._renderer


class Renderer(RendererBase):
    """Hands all that is drawn to two renderers, to the second with the colours of DARK. Images are not among it.

    What it defines is matplotlib's, and described there.
    """

    def __init__(self, width: int, height: int):
        super().__init__()
        self.width, self.height, self.dpi = width, height, DPI
        self.light, self.dark = (RendererAgg(width, height, DPI) for _ in range(2))
        self.points_to_pixels = self.light.points_to_pixels
        self.get_canvas_width_height = self.light.get_canvas_width_height
        self.get_text_width_height_descent = self.light.get_text_width_height_descent

    def draw_path(self, gc, path, transform, rgbFace=None):
        self.light.draw_path(gc, path, transform, rgbFace)
        self.dark.draw_path(_darkened(gc), path, transform, _dark(rgbFace))

    def draw_markers(self, gc, marker_path, marker_trans, path, trans, rgbFace=None):
        self.light.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        self.dark.draw_markers(_darkened(gc), marker_path, marker_trans, path, trans, _dark(rgbFace))

    def draw_path_collection(
        self, gc, master_transform, paths, all_transforms, offsets, offset_trans, facecolors, edgecolors, *rest, **more
    ):
        places = (master_transform, paths, all_transforms, offsets, offset_trans)
        self.light.draw_path_collection(gc, *places, facecolors, edgecolors, *rest, **more)
        colours = (_all_dark(facecolors), _all_dark(edgecolors))
        self.dark.draw_path_collection(_darkened(gc), *places, *colours, *rest, **more)

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        self.light.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        self.dark.draw_text(_darkened(gc), x, y, s, prop, angle, ismath, mtext)


def _darkened(gc: GraphicsContextBase) -> GraphicsContextBase:
    """The same line, clip and so on in the colour of DARK."""
    found = GraphicsContextBase()
    found.copy_properties(gc)
    found.set_foreground(_dark(gc.get_rgb()), isRGBA=True)
    return found


def _dark(colour: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The colour of DARK for one of LIGHT, as opaque as that; any other as it is."""
    if colour is None:
        return None
    return (*DARK_FOR.get((*colour[:3], 1.0), colour)[:3], *colour[3:])


def _all_dark(colours: Iterable) -> np.ndarray:
    """(N, 4) colours of a collection, each as `_dark` has it."""
    return np.array([_dark(tuple(colour)) for colour in colours]).reshape(-1, 4)


def _png(renderer: RendererAgg) -> bytes:
    """What was drawn as PNG, without the name of the program that drew it."""
    out = io.BytesIO()
    imsave(out, renderer.buffer_rgba(), format="png", origin="upper", dpi=DPI, metadata={"Software": None})
    return out.getvalue()
