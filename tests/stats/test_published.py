"""Seeds that were published (Cherti, Jitsev 2022), aggregated as a report does."""

import math
from statistics import stdev

import pytest
from scipy.special import stdtrit

from greendapt.stats.intervals import t_interval

TUBERCULOSIS_ALL_FOUR_R152X4 = [
    0.9008264541625977,
    0.9008264541625977,
    0.9173553586006165,
    0.9173553586006165,
    0.9090909361839294,
]
"""Full-shot accuracy of CheXpert + MIMIC-CXR + NIH + PadChest, by seed."""
PADCHEST_IMAGENET21K_R152X4 = [
    0.8374691009521484,
    0.8438695669174194,
    0.8405773043632507,
    0.8396955728530884,
    0.8392924070358276,
]
"""Full-shot mean AUC of ImageNet-21k, by seed."""


@pytest.mark.parametrize(
    ("seeds", "mean", "spread"),
    [(TUBERCULOSIS_ALL_FOUR_R152X4, 90.91, 0.83), (PADCHEST_IMAGENET21K_R152X4, 84.02, 0.24)],
    ids=["tuberculosis", "padchest"],
)
def test_the_published_mean_and_spread_come_out(seeds, mean, spread):
    found = t_interval([100 * value for value in seeds])
    assert round(found.mean, 2) == mean
    assert round(100 * stdev(seeds), 2) == spread
    half = stdtrit(len(seeds) - 1, 0.975) * 100 * stdev(seeds) / math.sqrt(len(seeds))
    assert (found.high - found.mean, found.mean - found.low) == pytest.approx((half, half))
