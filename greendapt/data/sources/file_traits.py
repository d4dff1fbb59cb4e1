"""What an image file is, apart from what it shows: a class may be told by that alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.data.sources.formats import suffix_of
from greendapt.data.sources.traits import Traits


def file_traits(traits: Traits, paths: Sequence[Path]) -> NDArray[np.float64]:
    """[N, 8]: width, height, their ratio, longer side (px), bits a grey, channels, the ways it was
    read, and the kind of file by its suffix."""
    width, height = traits["width"].astype(float), traits["height"].astype(float)
    suffixes = [suffix_of(path) for path in paths]
    kinds = {suffix: k for k, suffix in enumerate(sorted(set(suffixes)))}
    return np.stack(
        [
            width,
            height,
            width / np.maximum(height, 1),
            np.maximum(width, height),
            *(traits[name].astype(float) for name in ("bits", "channels", "ways")),
            np.array([kinds[suffix] for suffix in suffixes], dtype=float),
        ],
        axis=1,
    )
