import numpy as np

from greendapt.data.dataset import load
from greendapt.data.leaks import thumbnails
from greendapt.suite.datasets import FractalData


def fractals(classes=6, images=48, seed=0, size=48, needs="labels"):
    spec = FractalData(source="fractal", classes=classes, images=images, seed=seed)
    return load(spec, name="set", image_size=size, aliases={}, needs=needs)


def test_classes_take_turns():
    found = fractals()
    assert found.synthetic
    assert found.pixels.shape == (48, 1, 48, 48)
    assert found.targets.tolist() == list(range(6)) * 8
    assert len(found.classes) == 6
    assert len(set(found.hashes)) == 48


def test_the_same_again_is_the_same_and_another_seed_is_not():
    assert fractals().digest == fractals().digest
    assert fractals().digest != fractals(seed=1).digest


def test_an_image_does_not_depend_on_how_many_are_made():
    assert (fractals(images=60).pixels[:48] == fractals().pixels).all()


def test_no_system_is_dust_or_a_block():
    found = fractals(classes=24, images=96, size=64)
    spread = found.pixels.std(axis=(1, 2, 3))
    assert spread.min() > 5
    middle = np.abs(
        found.pixels.astype(float) - np.median(found.pixels, axis=(2, 3), keepdims=True)
    )
    touched = (middle > 12).mean(axis=(1, 2, 3))
    assert (touched > 0.03).mean() > 0.95


def test_images_of_a_class_are_alike_but_not_the_same():
    # two images of one class, turned at random: their radial density agrees more than others' does
    found = fractals(classes=8, images=240, size=48)
    grey = found.pixels[:, 0].astype(np.float32)
    grey = np.abs(grey - np.median(grey, axis=(1, 2), keepdims=True))
    power = np.abs(np.fft.fft2(grey))[:, :24, :24].reshape(240, 1, 24, 24)
    features = thumbnails(np.log1p(power), side=24)
    train, test = features[:160], features[160:]
    nearest = found.targets[:160][(test @ train.T).argmax(axis=1)]
    assert (nearest == found.targets[160:]).mean() > 2 / 8
    assert (test @ train.T).max() < 0.9999


def test_splits_and_unlabelled():
    found = fractals(needs="images")
    assert found.task == "unlabelled"
    assert set(found.splits) == {"train", "val", "test"}
