"""How far the means of the classes are apart, over the spread within them."""

import numpy as np

from greendapt.transfer.scores.base import Score, classes, matrix


def _spread(features, labels, seed):
    del seed  # nothing about it is random
    points = matrix(features)
    index, count = classes(labels, len(points))
    means = np.stack([points[index == k].mean(axis=0) for k in range(count)])
    return float(means.std() / (points - means[index]).std())


spread = Score(("features", "labels"), "higher", "class means over the spread in them", _spread)
