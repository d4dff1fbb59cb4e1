"""A veil of light over an image."""

import numpy as np

from greendapt.data.corruptions import Corruption


def _veiled(pixels, strength, generators):
    del generators  # nothing about it is random
    return np.rint(pixels + strength * (255.0 - pixels)).astype(np.uint8)


veil = Corruption((0.1, 0.2, 0.3, 0.4, 0.5), _veiled)
