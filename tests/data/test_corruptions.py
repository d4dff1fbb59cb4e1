import hashlib
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.core.registry import PluginError, Registry
from greendapt.data import corruptions
from greendapt.data.corruptions import CORRUPTIONS, Corruption, corrupt
from greendapt.data.dataset import load
from greendapt.suite import models
from greendapt.suite.datasets import PhantomData
from greendapt.suite.models import CORRUPTION_NAMES, Evaluation

KINDS = CORRUPTION_NAMES.builtin


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
    for kind in KINDS:
        assert isinstance(CORRUPTIONS.get(kind), Corruption)


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
    with pytest.raises(PluginError, match="no corruption 'fog'"):
        corrupt(pixels, "fog", 3)
    with pytest.raises(DataError, match="severity 6"):
        corrupt(pixels, "noise", 6)


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("noise", "bd2d299a219959c8"),
        ("blur", "d770f6667a1d0545"),
        ("contrast", "542b140dd1e824b8"),
        ("gamma", "99a78e99a575737a"),
        ("jpeg", "c6e7790aef6ff9f7"),
        ("pixelate", "8265577b89416aeb"),
    ],
)
def test_pixels_that_results_rest_on(kind, digest):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 1, 24, 24), dtype=np.uint8)
    worse = corrupt(pixels, kind, 3, seed=5)
    assert hashlib.blake2b(worse.tobytes(), digest_size=8).hexdigest() == digest


def _grain(pixels, strength, rngs):
    noise = np.stack([rng.normal(0, strength, pixels.shape[1:]) for rng in rngs])
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


grain = Corruption((8.0, 16.0, 24.0, 32.0, 40.0), _grain)
dust = grain
broken = Corruption((1.0, 1.0, 1.0, 1.0, 1.0), lambda pixels, *_: pixels[:, :, ::2])


@pytest.fixture
def plugins(monkeypatch):
    """A function that installs corruptions of another package, by name."""

    def install(**targets):
        entries = [EntryPoint(n, v, CORRUPTIONS.group) for n, v in targets.items()]
        monkeypatch.setattr("greendapt.core.registry.entry_points", lambda **_: entries)
        fresh = Registry(CORRUPTIONS.group, "corruption", KINDS, Corruption)
        monkeypatch.setattr(corruptions, "CORRUPTIONS", fresh)
        monkeypatch.setattr(models, "CORRUPTION_NAMES", fresh)

    return install


def test_another_package_adds_one(plugins, pixels):
    with pytest.raises(ValueError, match="no corruption has that name; there is: noise, blur"):
        Evaluation(corruptions=["grain"])
    plugins(grain=f"{__name__}:grain")
    assert Evaluation(corruptions=["blur", "grain"]).corruptions == ("blur", "grain")
    with pytest.raises(ValueError, match="did you mean grain"):
        Evaluation(corruptions=["grian"])
    assert harm(pixels, corrupt(pixels, "grain", 2)) > harm(pixels, corrupt(pixels, "grain", 1)) > 5


def test_what_else_is_installed_changes_no_pixel(plugins, pixels):
    plugins(grain=f"{__name__}:grain")
    alone = {kind: corrupt(pixels, kind, 3) for kind in ("noise", "gamma", "grain")}
    plugins(dust=f"{__name__}:dust", grain=f"{__name__}:grain")
    assert all((corrupt(pixels, kind, 3) == alone[kind]).all() for kind in alone)
    assert (corrupt(pixels, "dust", 3) != alone["grain"]).any()


def test_a_plugin_that_gives_no_images(plugins, pixels):
    plugins(broken=f"{__name__}:broken", wrong=f"{__name__}:_grain")
    with pytest.raises(DataError, match="the corruption 'broken' gives uint8 "):
        corrupt(pixels, "broken", 1)
    with pytest.raises(PluginError, match="is no Corruption"):
        corrupt(pixels, "wrong", 1)
