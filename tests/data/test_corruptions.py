from typing import get_args

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.data.corruptions import STRENGTHS, corrupt
from greendapt.data.dataset import load
from greendapt.suite.datasets import PhantomData
from greendapt.suite.models import Corruption

KINDS = get_args(Corruption)


def phantoms(size):
    spec = PhantomData(source="phantom", images=12)
    return load(spec, name="set", image_size=size, aliases={}).pixels


@pytest.fixture(scope="module")
def pixels():
    return phantoms(64)


@pytest.fixture(scope="module")
def large():
    return phantoms(128)


def harm(before, after):
    return float(np.sqrt(((before.astype(float) - after) ** 2).mean()))


def test_every_kind_of_the_suite_is_there():
    assert set(STRENGTHS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_it_grows_with_severity_and_leaves_the_input_alone(pixels, kind):
    kept = pixels.copy()
    harms = [harm(pixels, corrupt(pixels, kind, s)) for s in range(1, 6)]
    assert harms == sorted(harms)
    assert harms[0] > 0.5
    assert harms[4] > 1.5 * harms[0]
    assert (pixels == kept).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_the_same_alone_or_among_others(pixels, kind):
    every = corrupt(pixels, kind, 3, seed=1)
    alone = corrupt(pixels[[7]], kind, 3, seed=1, index=np.array([7]))
    assert every.dtype == np.uint8
    assert every.shape == pixels.shape
    assert (alone[0] == every[7]).all()


@pytest.mark.parametrize("kind", ["noise", "gamma"])
def test_random_kinds_depend_on_the_seed(pixels, kind):
    assert (corrupt(pixels, kind, 3, seed=1) != corrupt(pixels, kind, 3, seed=2)).any()


@pytest.mark.parametrize("kind", ["noise", "blur", "contrast", "gamma", "pixelate"])
def test_severity_means_much_the_same_at_other_sizes(pixels, large, kind):
    small_harm, large_harm = (harm(p, corrupt(p, kind, 4)) for p in (pixels, large))
    assert large_harm == pytest.approx(small_harm, rel=0.35)


@pytest.mark.parametrize("kind", KINDS)
def test_grey_stays_grey_in_three_channels(pixels, kind):
    bad = corrupt(np.repeat(pixels, 3, axis=1), kind, 3).astype(int)
    assert np.abs(bad[:, 0] - bad[:, 2]).max() <= (8 if kind == "jpeg" else 0)


def test_what_each_does(pixels):
    flat = np.full((2, 1, 32, 32), 100, np.uint8)
    assert corrupt(flat, "noise", 3).std() == pytest.approx(25.5, rel=0.1)
    for kind in ("blur", "contrast", "pixelate"):
        assert (corrupt(flat, kind, 5) == flat).all()
    blocks = corrupt(pixels, "pixelate", 5)
    assert len(np.unique(blocks[0, 0], axis=0)) <= 12
    spread = pixels.std(axis=(1, 2, 3))
    np.testing.assert_allclose(
        corrupt(pixels, "contrast", 3).std(axis=(1, 2, 3)), 0.4 * spread, rtol=0.03
    )


def test_unknown_kind_or_severity(pixels):
    with pytest.raises(DataError, match="no corruption 'fog'"):
        corrupt(pixels, "fog", 3)
    with pytest.raises(DataError, match="severity 6"):
        corrupt(pixels, "noise", 6)
