"""What an image file is, apart from what it shows: a class may be told by that alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.data.sources.image_files import in_threads

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "I", "F", "CMYK", "YCbCr")


def file_traits(paths: Sequence[Path]) -> NDArray[np.float64]:
    """[N, 6] of the headers alone: width, height, their ratio, longer side, format, depth and
    channels (mode); zeros where there is no header that can be read."""
    done = [
        np.zeros(6) if isinstance(one, str) else one for one in in_threads(_traits, list(paths))
    ]
    return np.stack(done) if done else np.zeros((0, 6))


def _traits(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        width, height = image.size
        kind = float(sum(map(ord, image.format or "")))
        mode = float(_MODES.index(image.mode) if image.mode in _MODES else len(_MODES))
    return np.array([width, height, width / height, max(width, height), kind, mode])
