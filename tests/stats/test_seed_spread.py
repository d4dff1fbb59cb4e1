"""Variances of few values are drawn towards one another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import polygamma

from greendapt.stats.seed_spread import _inverse_trigamma, moderated_variances


def test_variances_that_differ_are_drawn_together_only_as_far_as_chance_explains():
    draw = np.random.default_rng(4)
    freedom = np.full(200, 4.0)
    alike = draw.chisquare(4, 200) / 4
    moderated, prior = moderated_variances(alike, freedom)
    assert prior > 8
    assert np.ptp(moderated) < 0.4 * np.ptp(alike)
    apart = alike * np.exp(draw.normal(0, 1.5, 200))
    moderated, prior = moderated_variances(apart, freedom)
    assert prior < 4
    assert np.corrcoef(np.log(moderated), np.log(apart))[0, 1] > 0.95


@given(st.floats(1e-4, 1e4))
def test_trigamma_is_inverted(value):
    assert float(polygamma(1, _inverse_trigamma(value))) == pytest.approx(value, rel=1e-5)
