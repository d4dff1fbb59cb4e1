import pytest
import torch

from greendapt.core import own_code
from greendapt.core.own_code import OwnCodeError
from greendapt.data.augment import augment


def batch(size=32, count=6, channels=1):
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(1))


def views(images, kind, seed=0):
    return augment(images, kind, torch.Generator().manual_seed(seed))


def test_none_is_the_batch_itself():
    images = batch()
    assert views(images, "none") is images


@pytest.mark.parametrize("kind", ["light", "strong"])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_range_and_repeatability(kind, channels):
    images = batch(channels=channels)
    out = views(images, kind)
    assert out.shape == images.shape
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(out, views(images, kind))
    assert not torch.equal(out, views(images, kind, seed=1))


@pytest.mark.parametrize("kind", ["light", "strong"])
def test_each_image_has_its_own_draw(kind):
    out = views(batch(count=1).repeat(4, 1, 1, 1), kind)
    assert len({tuple(image.flatten().tolist()) for image in out}) == 4


def smooth(size=48):
    x = torch.linspace(0, 1, size)
    return (0.2 + 0.6 * x[None, :] * x[:, None]).expand(64, 1, size, size)


def test_light_is_milder_than_strong():
    images = smooth()
    away = {k: (views(images, k) - images).abs().mean().item() for k in ("light", "strong")}
    assert 0 < away["light"] < 0.6 * away["strong"]


def test_only_strong_mirrors():
    images = torch.zeros(64, 1, 32, 32)
    images[..., :12] = 1.0
    for kind, mirrored in (("light", 0.0), ("strong", 0.5)):
        out = views(images, kind)
        share = (out[..., 16:].mean((1, 2, 3)) > out[..., :16].mean((1, 2, 3))).float().mean()
        assert share.item() == pytest.approx(mirrored, abs=0.2)


@pytest.fixture
def turned(tmp_path, monkeypatch):
    """One's own augmentation: each image by a factor of its own."""
    monkeypatch.setattr(own_code, "_LOADED", {})
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "def dim(image, generator):\n"
        "    assert image.ndim == 3\n"
        "    return 1.5 * image * torch.rand((), generator=generator)\n"
    )
    own_code.load("augmentation", "dim", file, "dim")
    return "dim"


def test_ones_own_draws_from_its_generator_alone_whichever_part_it_gets(turned):
    images = batch(channels=3)
    whole = views(images, turned)
    assert torch.equal(whole, views(images, turned))
    assert not torch.equal(whole, views(images, turned, seed=1))
    assert whole.max() <= 1
    assert len({round((b / a).median().item(), 6) for a, b in zip(images, whole, strict=True)}) == 6
    part = augment(images[2:5], turned, torch.Generator().manual_seed(0), count=6, part=slice(2, 5))
    assert torch.equal(part, whole[2:5])


def test_a_name_that_was_not_allowed_is_no_other_augmentation():
    with pytest.raises(OwnCodeError, match="not allowed to run augmentation code"):
        views(batch(), "foreign")


def test_ones_own_comes_before_a_crop(turned):
    images = batch(channels=3)
    crops = augment(images, turned, torch.Generator().manual_seed(0), crop=(0.2, 0.4), side=16)
    assert crops.shape == (6, 3, 16, 16)
    brightest = views(images, turned).amax(dim=(1, 2, 3))
    assert (crops.amax(dim=(1, 2, 3)) <= brightest + 1e-6).all()
