"""Pairs of runs, simulated: what is said of them, and how many are asked for."""

import math
import random

import pytest

from greendapt.core.figures import Quality
from greendapt.gate.facts import Cell, Repeats, Side
from greendapt.gate.outcomes import Outcome
from greendapt.gate.pairs import judge_pairs
from greendapt.store.baselines import Machine
from greendapt.suite.limits import Limits, Tier

NAME = ("full", "resnet18", "probe", "full")
NO_LIMITS = Limits({}, {})


def side(wall_s, *, flops=1000, auc=0.8, troubles=(), quality=Quality.MEASURED):
    cell = Cell(
        exact={"training_flops": {0: flops}},
        scores={"auc": {0: auc, 1: auc}},
        repeats={"wall_s": Repeats((wall_s, wall_s * 1.01), quality)} if wall_s else {},
    )
    key = {"m": Machine(says="a CPU", troubles=troubles)}
    return Side("run", "suite", "default", "data", "m", key, {NAME: cell})


def pairs(rise, *, noise=0.01, asked=None, **head):
    """A machine that becomes 3% slower from one pair to the next."""
    draw = random.Random(3)

    def run(number):
        if asked is not None:
            asked.append(number)
        slow = 10 * 1.03**number
        one, two = (slow * math.exp(draw.gauss(0, noise)) for _ in range(2))
        return side(one), side(two * rise, **head)

    return run


def noisy(found):
    return next(v for v in found.verdicts if v.figure == "wall_s" or v.tier is Tier.NOISY)


@pytest.mark.parametrize(
    ("rise", "outcome"),
    [(1.0, Outcome.PASS), (1.15, Outcome.REGRESSION), (1.05, Outcome.INCONCLUSIVE)],
)
def test_drift_is_no_rise_and_a_rise_is_found(rise, outcome):
    found = judge_pairs(pairs(rise), NO_LIMITS)
    assert noisy(found).outcome is outcome
    assert found.outcome is outcome
    assert noisy(found).change == pytest.approx(rise, abs=0.02)


def test_clear_cases_take_the_first_look_and_others_the_budget():
    clear, doubtful = [], []
    judge_pairs(pairs(1.0, asked=clear), NO_LIMITS)
    judge_pairs(pairs(1.05, asked=doubtful), NO_LIMITS)
    assert (clear, doubtful) == (list(range(4)), list(range(8)))


def test_what_is_exact_decides_after_one_pair():
    asked = []
    found = judge_pairs(pairs(1.0, asked=asked, flops=1001), NO_LIMITS)
    assert found.outcome is Outcome.REGRESSION
    assert asked == [0]
    assert "what is certain has decided" in found.notes[-1]


def test_a_loss_of_auc_decides_after_one_pair():
    asked = []
    assert judge_pairs(pairs(1, asked=asked, auc=0.7), NO_LIMITS).outcome is Outcome.REGRESSION
    assert asked == [0]


def test_without_the_noisy_tier_one_pair_is_enough():
    asked = []
    found = judge_pairs(pairs(2.0, asked=asked), NO_LIMITS, {Tier.EXACT, Tier.ACCURACY})
    assert (found.outcome, asked) == (Outcome.PASS, [0])


def test_a_limit_of_its_own():
    found = judge_pairs(pairs(1.15), Limits({"wall_s": 0.3}, {}))
    assert found.outcome is Outcome.PASS
    assert noisy(found).limit == pytest.approx(1.3)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"troubles": ("GPU 0 was throttled by heat",)}, "GPU 0 was throttled by heat"),
        ({"quality": Quality.ESTIMATED}, "time was estimated and measured by turns"),
    ],
)
def test_what_cannot_be_compared_is_void(head, said):
    found = judge_pairs(pairs(1.0, **head), NO_LIMITS)
    assert found.outcome is Outcome.VOID
    assert said in noisy(found).phrase


def test_a_figure_that_one_side_lacks_is_void():
    found = judge_pairs(lambda _: (side(10.0), side(None)), NO_LIMITS)
    assert noisy(found).phrase == "time is unavailable"
