"""Draws of means say what Student's interval says, and keep the pairing."""

import numpy as np
import pytest

from greendapt.stats.intervals import t_interval
from greendapt.stats.joint_means import mean_draws


def test_each_column_has_students_interval():
    values = [[0.91], [0.93], [0.95]]
    draws = mean_draws(values, n=200_000)
    _, low, high = t_interval([0.91, 0.93, 0.95])
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([low, high], abs=2e-3)


def test_what_is_always_better_on_every_seed_stays_better():
    sample = np.array([[0.6, 0.62], [0.7, 0.72], [0.9, 0.92]])
    draws = mean_draws(sample)
    np.testing.assert_allclose(draws[:, 1] - draws[:, 0], 0.02)


def test_one_seed_has_no_draws():
    with pytest.raises(ValueError, match="two seeds"):
        mean_draws([[0.5, 0.6]])
