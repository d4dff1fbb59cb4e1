"""The Green Algorithms formula against a published table."""

import pytest

from greendapt.accounting.green_algorithms import green_algorithms
from greendapt.core.errors import MeterError
from greendapt.core.figures import Quality

# Mehmood, Bajwa, Sun 2022 (arXiv 2204.13280): strategy, hours, kWh; a 250 W GPU and 35 GB
PUBLISHED = [
    ("full", 215.95, 94.86),
    ("L1SB", 154.63, 67.93),
    ("L2SB", 159.62, 70.12),  # printed as 159.66 h, which is not 1000 x 7.93 + 150 x 10.98 min
    ("L1SB_PFT", 175.07, 76.90),
    ("L2SB_PFT", 179.03, 78.64),
    ("TF_F1B", 69.24, 30.41),
    ("TF_F2B", 128.13, 56.28),
]


@pytest.mark.parametrize(("hours", "kwh"), [row[1:] for row in PUBLISHED], ids=lambda v: str(v))
def test_published_costs_come_out(hours, kwh):
    figure = green_algorithms(hours, 250, 35)
    assert figure.value == pytest.approx(kwh, abs=0.01)
    assert (figure.unit, figure.quality) == ("kWh", Quality.ESTIMATED)


def test_usage_and_pue():
    assert green_algorithms(10, 100, 0, usage=0.5, pue=1.0).value == pytest.approx(0.5)


def test_impossible_numbers_are_refused():
    with pytest.raises(MeterError):
        green_algorithms(-1, 250, 35)
    with pytest.raises(MeterError):
        green_algorithms(1, 250, 35, pue=0.5)
