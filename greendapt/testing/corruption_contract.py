"""What a corruption has to be: see `greendapt.data.corruptions`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from greendapt import api
from greendapt.data.corruptions import CORRUPTIONS, Corruption, Pixels
from greendapt.testing.base import Contract, tiny_suite


class CorruptionContract(Contract):
    """Of a `greendapt.data.corruptions.Corruption`."""

    registry = CORRUPTIONS

    def test_images_stay_images_at_every_severity(self) -> None:
        for channels in (1, 3):
            pixels = _pixels(channels)
            before = pixels.copy()
            for strength in self._corruption().strengths:
                worse = self._apply(pixels, strength)
                assert worse.shape == pixels.shape, "images of another shape came out"
                assert worse.dtype == np.uint8, "what came out is no uint8"
                assert np.array_equal(pixels, before), "the images that were given changed"

    def test_the_worst_is_no_better_than_the_mildest(self) -> None:
        pixels = _pixels(3)
        mild, *_, severe = (
            np.abs(self._apply(pixels, strength).astype(float) - pixels).mean()
            for strength in self._corruption().strengths
        )
        assert 0 < mild <= severe, f"mean change of a pixel: {mild} at severity 1, {severe} at 5"

    def test_an_image_depends_on_no_other(self) -> None:
        pixels, strength = _pixels(3), self._corruption().strengths[2]
        together, last = self._apply(pixels, strength), len(pixels) - 1
        alone = self._apply(pixels[last:], strength, first=last)
        assert np.array_equal(together[last:], alone), "an image came out differently alone"
        assert np.array_equal(together, self._apply(pixels, strength)), "not the same each time"

    def test_a_run_is_judged_by_it(self, tmp_path: Path) -> None:
        changes = {"evaluation.corruptions": [self.name], "run.strategies": ["none"]}
        run = api.run(tiny_suite(changes), out=tmp_path, progress=False)
        assert not run.failures, run.failures
        assert run.summary.rows[0].metrics["corrupted"]["by"]

    def _corruption(self) -> Corruption:
        corruption: Corruption = self.registry.get(self.name)
        return corruption

    def _apply(self, pixels: Pixels, strength: float, first: int = 0) -> Pixels:
        """``first``: the number of the first image."""
        rngs = [np.random.default_rng([first + i]) for i in range(len(pixels))]
        return self._corruption().apply(pixels, strength, rngs)


def _pixels(channels: int) -> Pixels:
    """Six images [6, C, 32, 32] with structure, grey in every channel alike."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 1, 8, 8), dtype=np.uint8)
    return np.repeat(coarse.repeat(4, axis=2).repeat(4, axis=3), channels, axis=1)
