"""albumentations' blur and noise functions, imported without its detour over torch.

`import albumentations` imports torch where it is installed, for a tensor transform that no data stage uses: 3.7 of 4.6 s in
every stage and every worker. It is written to do without torch; hiding torch while it is imported takes that path. It also
asks the network for a newer version unless told not to.
"""

import os
import sys
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple


class Functions(NamedTuple):
    """The modules that are used."""

    blur: ModuleType
    pixel: ModuleType


@lru_cache(maxsize=1)
def functions() -> Functions:
    """albumentations' functional modules for blur and pixel noise."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    hide = "torch" not in sys.modules
    if hide:
        sys.modules["torch"] = None
    try:
        from albumentations.augmentations.blur import functional as blur
        from albumentations.augmentations.pixel import functional as pixel
    finally:
        if hide:
            del sys.modules["torch"]
    return Functions(blur, pixel)
