"""What pairs join, directly or by others between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]


def components(count: int, left: Ints, right: Ints) -> Ints:
    """Numbers [count] that are the same for what the pairs (``left``, ``right``) join."""
    graph = coo_matrix((np.ones(len(left), bool), (left, right)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
