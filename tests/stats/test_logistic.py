"""Logistic regression against scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from greendapt.stats.logistic import logistic


@pytest.mark.parametrize(("n", "d"), [(40, 6), (15, 30)])
def test_logistic_against_scikit_learn(n, d):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    f = rng.normal(size=(n, d)) + rng.normal(size=(3, d))[y]
    f -= f.mean(0)
    weights, bias = logistic(f, y, 3, penalty=2.0)
    model = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(f, y)
    logits = f @ weights + bias
    theirs = model.decision_function(f)
    np.testing.assert_allclose(
        logits - logits.mean(1, keepdims=True), theirs - theirs.mean(1, keepdims=True), atol=2e-3
    )
