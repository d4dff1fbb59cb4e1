import numpy as np
import pytest
from PIL import Image

from greendapt.data.sources.image_files import read_images


def saved(path, values, **how):
    Image.fromarray(values, **how).save(path)
    return path


@pytest.fixture
def ramp():
    return np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))


def test_equal_channels_are_grey_and_hash_as_grey(tmp_path, ramp):
    grey = saved(tmp_path / "grey.png", ramp)
    colour = saved(tmp_path / "rgb.png", np.stack([ramp] * 3, axis=-1))
    batch = read_images([grey, colour], 16)
    assert batch.pixels.shape == (2, 1, 16, 16)
    assert batch.hashes[0] == batch.hashes[1]
    assert (batch.pixels[0] == batch.pixels[1]).all()


def test_one_coloured_image_makes_the_set_coloured(tmp_path, ramp):
    grey = saved(tmp_path / "grey.png", ramp)
    red = saved(tmp_path / "red.png", np.stack([ramp, ramp * 0, ramp * 0], axis=-1))
    pixels = read_images([grey, red], 16).pixels
    assert pixels.shape == (2, 3, 16, 16)
    assert (pixels[0, 0] == pixels[0, 2]).all()
    assert pixels[1, 1].max() == 0


@pytest.mark.parametrize(("bits", "top"), [(16, 65535), (12, 4095), (10, 1023)])
def test_deep_images_use_their_bit_depth(tmp_path, ramp, bits, top):
    deep = np.rint(ramp / 255 * top).astype(np.uint16)
    pixels = read_images([saved(tmp_path / f"{bits}.png", deep)], 32).pixels
    assert np.abs(pixels[0, 0].astype(int) - ramp).max() <= 1


def test_deep_images_of_one_set_share_a_scale(tmp_path):
    dark = saved(tmp_path / "dark.png", np.full((8, 8), 1000, np.uint16))
    light = saved(tmp_path / "light.png", np.full((8, 8), 4000, np.uint16))
    pixels = read_images([dark, light], 8).pixels
    assert pixels[1].mean() == pytest.approx(4 * pixels[0].mean(), rel=0.02)


def test_resizing_is_antialiased(tmp_path):
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = read_images([saved(tmp_path / "checks.png", checks)], 8).pixels
    assert np.abs(small.astype(int) - 127).max() < 12


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA", "CMYK"])
def test_other_modes_are_read(tmp_path, ramp, mode):
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.fromarray(ramp).convert("RGB").convert(mode).save(path)
    batch = read_images([path], 16)
    assert batch.bad == []
    assert batch.pixels.shape[2:] == (16, 16)
    assert batch.pixels[0, 0, :, -2:].mean() > batch.pixels[0, 0, :, :2].mean() + 100


def test_what_cannot_be_read_is_told_by_position(tmp_path, ramp):
    good = saved(tmp_path / "good.png", ramp)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    for suffix in ("png", "jpg"):
        whole = saved(tmp_path / f"cut.{suffix}", noise)
        whole.write_bytes(whole.read_bytes()[:700])
    text = tmp_path / "text.png"
    text.write_text("no image")
    floats = saved(tmp_path / "f.tif", np.zeros((4, 4), np.float32))
    paths = [good, tmp_path / "cut.png", tmp_path / "cut.jpg", text, tmp_path / "gone.png", floats]
    batch = read_images(paths, 16)
    assert [position for position, _ in batch.bad] == [1, 2, 3, 4, 5]
    reasons = dict(batch.bad)
    assert "truncated" in reasons[1] + reasons[2]
    assert reasons[3] == "not an image"
    assert reasons[4] == "no such file"
    assert "8 or 16 bits" in reasons[5]
