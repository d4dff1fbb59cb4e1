"""Each score against a closed form, another implementation or brute force."""

import math
from importlib.metadata import EntryPoint
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.optimize import linprog, minimize
from scipy.stats import multivariate_normal, norm
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import KNeighborsClassifier

from greendapt.transfer.scores.base import Evidence, Score
from greendapt.transfer.scores.by_name import SCORES, ScoreError, score, score_of
from greendapt.transfer.scores.ccfv import ccfv, energy, wasserstein
from greendapt.transfer.scores.classifiers import knn_accuracy, probe_accuracy
from greendapt.transfer.scores.gbc import bhattacharyya, gbc
from greendapt.transfer.scores.hscore import hscore, shrinkage
from greendapt.transfer.scores.leep import leep
from greendapt.transfer.scores.logme import logme
from greendapt.transfer.scores.robustness import DISTANCES, another, robustness

NAMES = [*SCORES.names(), "robustness:pearson", "robustness:l2:0"]


def blobs(n=60, d=5, k=3, apart=1.0, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    centres = rng.normal(size=(k, d)) * apart
    return centres[y] + rng.normal(size=(n, d)), y


# --- robustness -----------------------------------------------------------------------------


@given(st.integers(2, 60), st.integers(0, 5))
def test_no_image_is_its_own_negative(count, seed):
    follower = another(count, seed)
    assert sorted(follower) == list(range(count))
    assert (follower != np.arange(count)).all()


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("margin", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(7, 6), (4, 3, 2, 2)])
def test_robustness_is_its_formula(distance, margin, shape):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=shape), rng.normal(size=shape)
    negative = another(shape[0], 3)

    def between(x, y):
        x, y = x.ravel(), y.ravel()
        if distance == "cosine":
            return 1 - x @ y / math.sqrt(x @ x) / math.sqrt(y @ y)
        if distance == "pearson":
            return 1 - np.corrcoef(x, y)[0, 1]
        return ((x - y) ** 2).mean()

    terms = [
        max(0.0, between(a[i], b[i]) - between(a[i], b[negative[i]]) + margin)
        for i in range(shape[0])
    ]
    assert robustness(a, b, 3, distance=distance, margin=margin) == pytest.approx(np.mean(terms))


def test_robustness_of_perfect_and_collapsed_features():
    images = np.eye(5)
    assert robustness(images, images, 0) == 0  # 0 - 1 + 0.5 < 0
    assert robustness(images, images, 0, margin=1.5) == pytest.approx(0.5)
    for constant in (np.ones((5, 4)), np.zeros((5, 4))):
        for distance in DISTANCES:
            found = robustness(constant, constant, 0, distance=distance, margin=0.25)
            assert found == pytest.approx(0.25)


# --- LogME ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(20, 3), (8, 12)])
def test_logme_is_the_largest_evidence(shape):
    f, y = blobs(*shape, k=2)

    def evidence(logs, target):
        alpha, beta = np.exp(np.clip(logs, -30, 30))
        covariance = np.eye(len(f)) / beta + f @ f.T / alpha
        return multivariate_normal.logpdf(target, np.zeros(len(f)), covariance)

    best = []
    for k in range(2):
        target = (y == k).astype(float)
        starts = [(a, b) for a in (-3, 0, 3, 6) for b in (0.5, 3)]
        found = [
            minimize(lambda x, t=target: -evidence(x, t), s, method="Nelder-Mead").fun
            for s in starts
        ]
        best.append(-min(found) / len(f))
    assert logme(f, y) == pytest.approx(np.mean(best), abs=1e-4)


def test_logme_of_one_feature_in_closed_form():
    """With y split into what the feature explains and the rest, the maximum is had by hand."""
    n, y = 10, np.arange(10) % 2
    f = (y + 0.5 * (np.arange(n) == 0))[:, None]
    f = f / np.linalg.norm(f)
    values = []
    for target in ((y == 0) * 1.0, (y == 1) * 1.0):
        inside = (f[:, 0] @ target) ** 2
        rest = target @ target - inside
        g = max(1.0, (n - 1) * inside / rest)  # 1 + beta / alpha
        variance = (rest + inside / g) / n
        values.append(-0.5 * (n * math.log(2 * math.pi * variance) + n + math.log(g)) / n)
    assert logme(f, y) == pytest.approx(np.mean(values), abs=1e-6)


# --- LEEP -----------------------------------------------------------------------------------


def test_leep_against_loops():
    rng = np.random.default_rng(2)
    logits, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
    theta = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    joint = {
        (k, z): sum(theta[i, z] for i in range(30) if y[i] == k) / 30
        for k in range(3)
        for z in range(4)
    }
    total = 0.0
    for i in range(30):
        said = 0.0
        for z in range(4):
            share = sum(joint[k, z] for k in range(3))
            said += joint[y[i], z] / share * theta[i, z]
        total += math.log(said)
    assert leep(logits, y) == pytest.approx(total / 30)


def test_leep_of_a_sure_head_and_of_one_that_says_nothing():
    y = np.array([0, 0, 1, 1, 1, 1])
    assert leep(np.where(y[:, None] == [0, 1, 2], 0.0, -1e9), y) == pytest.approx(0)
    entropy = -(1 / 3 * math.log(1 / 3) + 2 / 3 * math.log(2 / 3))
    assert leep(np.zeros((6, 5)), y) == pytest.approx(-entropy)


# --- H-score --------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(60, 5), (12, 40), (9, 9)])
def test_hscore_against_explicit_covariances(n, d):
    f, y = blobs(n, d)
    shrunk, a = ledoit_wolf(f)
    centred = f - f.mean(0)
    assert shrinkage(centred, np.linalg.eigvalsh(centred.T @ centred / n)) == pytest.approx(a)
    means = np.stack([f[y == k].mean(0) for k in y])
    between = np.cov(means.T, bias=True)
    expected = (1 - a) * np.trace(np.linalg.solve(shrunk, between))
    assert hscore(f, y) == pytest.approx(expected)
    assert 0 <= hscore(f, y) <= 2


# --- GBC ------------------------------------------------------------------------------------


def test_bhattacharyya_against_the_integral():
    for (m1, s1), (m2, s2) in pairwise([(0, 1), (1.5, 0.4), (-2, 2), (0, 1)]):
        overlap, _ = integrate.quad(
            lambda x, a=(m1, s1), b=(m2, s2): math.sqrt(norm.pdf(x, *a) * norm.pdf(x, *b)), -20, 20
        )
        found = bhattacharyya(*(np.array([v]) for v in (m1, s1**2, m2, s2**2)))
        assert math.exp(-found) == pytest.approx(overlap, abs=1e-7)


@pytest.mark.parametrize("spherical", [True, False])
def test_gbc_sums_over_pairs_of_classes(spherical):
    f, y = blobs(90, 4, 3, apart=1.5)
    axes = np.linalg.eigh(np.cov(f.T))[1][:, ::-1][:, :2]  # two principal axes
    p = (f - f.mean(0)) @ axes
    total = 0.0
    for i in range(3):
        for j in range(i):
            (m1, v1), (m2, v2) = ((p[y == k].mean(0), p[y == k].var(0)) for k in (i, j))
            if spherical:
                v1, v2 = np.full(2, v1.mean()), np.full(2, v2.mean())
            both = np.diag((v1 + v2) / 2)
            distance = (m1 - m2) @ np.linalg.inv(both) @ (m1 - m2) / 8 + 0.5 * math.log(
                np.linalg.det(both) / math.sqrt(np.prod(v1) * np.prod(v2))
            )
            total -= math.exp(-distance)
    assert gbc(f, y, components=2, spherical=spherical) == pytest.approx(total)


# --- classifiers ----------------------------------------------------------------------------


@pytest.mark.parametrize("neighbours", [1, 5])
def test_knn_against_scikit_learn_one_left_out(neighbours):
    f, y = blobs(61, 6, 2)  # two classes and an odd vote: no ties
    right = 0
    for i in range(len(f)):
        rest = np.arange(len(f)) != i
        model = KNeighborsClassifier(neighbours, metric="cosine").fit(f[rest], y[rest])
        right += model.predict(f[i : i + 1])[0] == y[i]
    assert knn_accuracy(f, y, neighbours=neighbours) == pytest.approx(right / len(f))


def test_knn_gives_a_tie_to_the_nearest():
    angles = np.radians([0, 10, 25, 100, 200])
    f = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # one vote each: 0 and 10 degrees go to each other's class, 200 to that of 100
    assert knn_accuracy(f, np.array([0, 0, 1, 2, 2]), neighbours=2) == pytest.approx(3 / 5)


def test_probe_tells_apart_what_can_be_told():
    f, y = blobs(60, 5, 3, apart=8)
    assert probe_accuracy(f, y, 0) == 1
    noise = np.random.default_rng(0).normal(size=(300, 5))
    assert probe_accuracy(noise, np.arange(300) % 3, 0) == pytest.approx(1 / 3, abs=0.12)


# --- CC-FV ----------------------------------------------------------------------------------


def test_wasserstein_against_a_linear_programme():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) + 1
    costs = np.linalg.norm(a[:, None] - b[None], axis=2)
    marginals = [np.kron(np.eye(5), np.ones(5)), np.kron(np.ones(5), np.eye(5))]
    found = linprog(costs.ravel(), A_eq=np.vstack(marginals), b_eq=np.full(10, 0.2))
    assert wasserstein(a, b) == pytest.approx(found.fun)


def test_energy_against_loops():
    points = np.random.default_rng(0).normal(size=(6, 3))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    pairs = [np.linalg.norm(unit[i] - unit[j]) ** -2 for i in range(6) for j in range(i)]
    assert energy(points, 2.0) == pytest.approx(np.mean(pairs))


def test_ccfv_of_two_images_by_hand():
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(2, 3, 2, 2))
    masks = np.array([[[1, 1], [0, 0]], [[0, 1], [0, 1]]])
    first, second = maps[0][:, 0, :].T, maps[1][:, :, 1].T
    apart = wasserstein(first, second)
    variety = np.mean([1 / energy(m.reshape(3, -1).T, 1.0) for m in maps])
    assert ccfv(maps, masks, 0) == pytest.approx(math.log(variety / apart))


def test_ccfv_prefers_consistent_classes():
    rng = np.random.default_rng(0)
    masks = rng.integers(1, 3, size=(4, 6, 6))
    noise = 0.3 * rng.normal(size=(4, 3, 6, 6))
    centres = np.array([[0, 0, 0], [3.0, 0, 0], [0, 3.0, 0]])
    same = centres[masks].transpose(0, 3, 1, 2) + noise
    swapped = same.copy()  # as varied within each image, but classes trade places in two of them
    swapped[:2] = same[:2, [1, 0, 2]]
    assert ccfv(same, masks, 0) > ccfv(swapped, masks, 0) + 1


# --- the interface --------------------------------------------------------------------------


def evidence(n=13, d=6, **changed):
    rng = np.random.default_rng(0)
    given = {
        "features": rng.normal(size=(n, d)),
        "labels": np.arange(n) % 3,
        "logits": rng.normal(size=(n, 4)),
        "views": (rng.normal(size=(n, d)), rng.normal(size=(n, d))),
        "maps": rng.normal(size=(n, 3, 4, 4)),
        "masks": rng.integers(0, 2, size=(n, 4, 4)),
        "source_accuracy": 0.7,
        "epoch": 3,
        "parameters": 1000,
    }
    return Evidence(**(given | changed))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(13, 6), (6, 40), (30, 1)])
def test_every_score_has_a_value_that_the_seed_decides(name, shape):
    said = [score(name, evidence(*shape), seed=1) for _ in range(2)]
    assert said[0] == said[1]
    assert said[0].why is None
    assert math.isfinite(said[0].value)
    assert said[0].better == ("lower" if name.startswith("robustness") else "higher")


@pytest.mark.parametrize("name", ["logme", "leep", "hscore", "gbc", "knn", "probe"])
def test_one_class_has_no_value(name):
    said = score(name, evidence(labels=np.zeros(13, dtype=int)))
    assert (said.value, said.why) == (None, "all images are of one class")


@pytest.mark.parametrize("name", NAMES)
def test_nan_and_nothing_have_no_value_and_a_reason(name):
    nan = np.full((13, 6), np.nan)
    bad = evidence(features=nan, logits=nan, views=(nan, nan), maps=np.full((13, 3, 4, 4), np.nan))
    without = dict.fromkeys(SCORES.get(name.partition(":")[0]).needs)
    if name not in ("source_accuracy", "epoch", "size", "random"):
        said = score(name, bad)
        assert said.value is None
        assert "finite" in said.why
    if without:
        assert "it needs" in score(name, evidence(**without)).why


@pytest.mark.parametrize("constant", [0.0, 3.7])
def test_constant_features(constant):
    flat = np.full((13, 6), constant)
    given = evidence(features=flat, views=(flat, flat), maps=np.full((13, 3, 4, 4), constant))
    for name in ("hscore", "gbc", "ccfv"):
        assert score(name, given).value is None
    assert score("robustness", given).value == pytest.approx(0.5)
    for name in ("knn", "probe"):
        assert 0 <= score(name, given).value <= 1
    assert (score("logme", given).value is None) == (constant == 0)


def test_a_class_of_one_image():
    alone = evidence(labels=np.array([0] * 6 + [1] * 6 + [2]))
    for name in ("gbc", "probe"):
        assert "fewer than 2 images" in score(name, alone).why
    for name in ("logme", "leep", "hscore", "knn"):
        assert math.isfinite(score(name, alone).value)


def test_one_image_has_no_negative():
    one = evidence(views=(np.ones((1, 6)), np.ones((1, 6))))
    assert "only one" in score("robustness", one).why


def test_masks_without_foreground():
    empty = evidence(masks=np.zeros((13, 4, 4), dtype=int))
    assert score("ccfv", empty).why == "no mask has a foreground"
    unlabelled = evidence(masks=np.full((13, 4, 4), 255))
    assert score("ccfv", unlabelled).why == "no mask has a foreground"


def test_shapes_that_do_not_fit_are_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="as many labels"):
        score("knn", evidence(labels=np.arange(4)))
    with pytest.raises(ValueError, match="shapes"):
        score("robustness", evidence(views=(np.ones((3, 2)), np.ones((3, 4)))))


@pytest.mark.parametrize("name", ["logm", "robustness:l3", "robustness:cosine:wide", "knn:l2"])
def test_unknown_scores_are_refused(name):
    with pytest.raises(ScoreError, match="there is no score"):
        score_of(name)


@given(st.floats(0.1, 10), st.integers(0, 3))
def test_scores_that_must_not_see_the_scale_of_features(factor, seed):
    f, y = blobs(30, 4, seed=seed)
    other = np.random.default_rng(seed).normal(size=f.shape)
    assert hscore(f * factor, y) == pytest.approx(hscore(f, y))
    assert gbc(f * factor, y) == pytest.approx(gbc(f, y))
    assert knn_accuracy(f * factor, y) == knn_accuracy(f, y)
    assert robustness(f * factor, other, 0) == pytest.approx(robustness(f, other, 0))


MEAN = Score(("features",), "higher", "a mean", lambda f, seed: float(np.mean(f)) + seed)


def test_another_packages_score_is_had_by_its_name(monkeypatch):
    entry = EntryPoint("mean", f"{__name__}:MEAN", "greendapt.scores")
    monkeypatch.setitem(SCORES.__dict__, "_plugins", {"mean": entry})
    assert score_of("mean") is MEAN
    assert score("mean", Evidence(features=[[1.0, 3.0]]), seed=1).value == 3
    assert score("mean", Evidence()).why == "it needs features"
    with pytest.raises(ScoreError, match="mean has no variants"):
        score_of("mean:2")
    with pytest.raises(ValueError, match="no evidence pixels"):
        Score(("pixels",), "higher", "", float)
