"""The error of seeds and patients: known cases by hand, coverage by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendapt.stats.crossed import Sample, crossed
from greendapt.stats.intervals import t_interval

SEEDS, PATIENTS = 0.02, 0.03


def run(draw, count=6, seeds=3, draws=300, spread=SEEDS, error=PATIENTS, share=0.8):
    """Samples of true means .7, and what patients share between strategies."""
    patients = error * (
        math.sqrt(share) * draw.normal() + math.sqrt(1 - share) * draw.normal(size=count)
    )
    moved = error * (
        math.sqrt(share) * draw.normal(size=(1, draws))
        + math.sqrt(1 - share) * draw.normal(size=(count, draws))
    )
    samples = {}
    for k in range(count):
        values = 0.7 + patients[k] + spread * draw.normal(size=seeds)
        samples[str(k)] = Sample(
            dict(enumerate(values)), {s: values[s] + moved[k] for s in range(seeds)}, 200
        )
    return samples


def test_of_two_strategies_without_draws_a_difference_has_the_paired_t_interval():
    one, other = [0.70, 0.74, 0.73], [0.71, 0.72, 0.78]
    model = crossed({"a": Sample(dict(enumerate(one))), "b": Sample(dict(enumerate(other)))})
    expected = t_interval([a - b for a, b in zip(one, other, strict=True)])
    assert model.difference("a", "b") == pytest.approx(expected)
    assert model.basis == "seeds"


def test_one_seed_has_the_error_of_patients_alone():
    drawn = np.random.default_rng(0).normal(0.8, 0.02, 2000)
    model = crossed({"a": Sample({0: 0.8}, {0: drawn}, 10_000)})
    low, high = model.interval("a")[1:]
    assert high - low == pytest.approx(2 * 1.96 * 0.02, rel=0.05)
    assert (model.basis, crossed({"a": Sample({0: 0.8})}).basis) == ("patients", "none")
    assert crossed({"a": Sample({0: 0.8})}).interval("a") == (0.8, None, None)


def test_patients_that_all_share_cancel_in_a_difference():
    draw = np.random.default_rng(1)
    model = crossed(run(draw, share=1.0, spread=1e-4))
    low, high = model.difference("0", "1")[1:]
    assert high - low < 0.002
    low, high = model.interval("0")[1:]
    assert high - low > 2 * PATIENTS


def test_more_seeds_leave_the_error_of_patients():
    draw = np.random.default_rng(2)
    few, many = (crossed(run(draw, seeds=seeds)) for seeds in (3, 40))
    for model in (few, many):
        low, high = model.interval("0")[1:]
        assert high - low > 2 * 1.96 * PATIENTS * 0.8


@pytest.mark.parametrize("seeds", [1, 3, 12])
@pytest.mark.parametrize("error", [0.0, PATIENTS])
def test_intervals_hold_the_truth(seeds, error):
    """.93 to .97 of 1,200 scores and 1,000 differences, within three standard errors."""
    draw, scores, gaps = np.random.default_rng(seeds), [], []
    for _ in range(200):
        samples = run(draw, seeds=seeds, spread=SEEDS if seeds > 1 else 0.0, error=error)
        if error == 0 and seeds == 1:
            return
        model = crossed(samples)
        for name in model.names:
            _, low, high = model.interval(name)
            scores.append(low <= 0.7 <= high)
            if name != "0":
                _, low, high = model.difference("0", name)
                gaps.append(low <= 0 <= high)
    assert 0.915 <= np.mean(scores) <= 0.985
    assert 0.915 <= np.mean(gaps) <= 0.985


def test_unequal_seeds_are_weighed_as_they_are():
    draw = np.random.default_rng(3)
    samples = run(draw, seeds=20)
    few = {s: samples["1"].values[s] for s in range(3)}
    samples["1"] = Sample(few, {s: samples["1"].draws[s] for s in few}, 200)
    model = crossed(samples)
    widths = [np.subtract(*model.interval(name)[:0:-1]) for name in ("0", "1")]
    assert widths[0] < widths[1]
    assert model.means[1] == pytest.approx(np.mean([*few.values()]))


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=6),
    st.floats(0.001, 0.3),
)
@settings(max_examples=60, deadline=None)
def test_intervals_stay_in_range_and_regret_is_a_probability(values, margin):
    model = crossed({str(k): Sample(dict(enumerate(v))) for k, v in enumerate(values)})
    for name in model.names:
        mean, low, high = model.interval(name)
        assert 0 <= low <= mean + 1e-12
        assert mean - 1e-12 <= high <= 1
    regret = model.regret(margin)
    assert all(0 <= worse <= 1 for worse in regret.values())
    assert model.regret(margin) == regret
    wider = model.regret(2 * margin)
    assert all(wider[name] <= regret[name] for name in regret)


def test_a_perfect_score_leaves_room_for_an_error():
    drawn = {s: np.ones(100) for s in range(3)}
    sample = Sample(dict.fromkeys(range(3), 1.0), drawn, 60)
    mean, low, high = crossed({"a": sample, "b": sample}).interval("a")
    assert (mean, high) == (1, 1)
    assert low == pytest.approx(60 / (60 + 3.841), abs=1e-3)  # Wilson's, of 60 of 60


def test_strategies_that_differ_by_chance_alone_are_drawn_together():
    model = crossed(run(np.random.default_rng(5), count=8))
    spread = [np.ptp(drawn.mean(axis=0)) for drawn in (model.joint(), model.shrunken())]
    assert spread[1] < 0.7 * spread[0]
    apart = crossed(
        {
            name: Sample({s: v + 0.1 * int(name) for s, v in sample.values.items()}, {}, 0)
            for name, sample in run(np.random.default_rng(6), count=4).items()
        }
    )
    means = apart.shrunken().mean(axis=0)
    np.testing.assert_allclose(means, apart.means, atol=0.02)
    few = crossed(run(np.random.default_rng(7), count=3))
    np.testing.assert_array_equal(few.shrunken(), few.joint())


def test_what_cannot_be_modelled_is_refused():
    with pytest.raises(ValueError, match="at least one value"):
        crossed({"a": Sample({})})
    with pytest.raises(ValueError, match="same number of draws"):
        crossed({"a": Sample({0: 1.0}, {0: np.ones(3)}), "b": Sample({0: 1.0}, {0: np.ones(4)})})
