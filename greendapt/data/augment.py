"""Random views of a batch, one draw per image, on the batch's device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from greendapt.core.own_code import OwnCodeError, OwnFunction, allowed
from greendapt.suite.recipes import Augmentation


@dataclass(frozen=True)
class Strength:
    """Half-ranges of uniform draws; ``crop``: smallest and largest share of the area kept."""

    turn_rad: float
    shift: float
    crop: tuple[float, float]
    flip: float
    brightness: float
    contrast: float
    blur_share: float
    blur: tuple[float, float]
    """Standard deviation, of the image's side."""


NONE = Strength(0.0, 0.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, (0.0, 0.0))
LIGHT = Strength(0.12, 0.05, (0.85, 1.0), 0.0, 0.08, 0.15, 0.0, (0.0, 0.0))
STRONG = Strength(0.17, 0.0, (0.3, 1.0), 0.5, 0.25, 0.5, 0.5, (0.004, 0.02))
"""SimCLR's crop, flip, brightness and contrast, blur (Chen et al., ICML 2020); no hue: grey."""


_STRENGTHS: dict[Augmentation, Strength] = {"none": NONE, "light": LIGHT, "strong": STRONG}


def augment(
    batch: Tensor,
    kind: Augmentation,
    generator: torch.Generator,
    count: int | None = None,
    part: slice = slice(None),
    crop: tuple[float, float] | None = None,
    side: int | None = None,
) -> Tensor:
    """``batch`` float [B, C, H, W] in [0, 1] -> the same shape and range.

    ``crop``: the share of the area that each view keeps, whatever ``kind`` says of it; ``side``: of
    the views, in pixels. All draws come from ``generator`` (a CPU one gives the same views on every
    device). ``batch`` may be a ``part`` of ``count`` images that are augmented together: each gets
    the same view.
    """
    if kind == "none" and crop is None:
        return batch
    count = len(batch) if count is None else count
    if kind not in _STRENGTHS:
        own = _own(batch, allowed("augmentation", kind), generator, count, part)
        return own if crop is None else augment(own, "none", generator, count, part, crop, side)
    strength = _STRENGTHS[kind] if crop is None else replace(_STRENGTHS[kind], crop=crop)
    draw = _Draw(count, part, batch.device, generator)
    out = _warp(batch, strength, draw, side)
    out = _tone(out, strength, draw)
    if strength.blur_share > 0:
        out = _blur(out, strength, draw)
    return out.clamp(0.0, 1.0)


def _own(
    batch: Tensor, own: OwnFunction, generator: torch.Generator, count: int, part: slice
) -> Tensor:
    """Image by image, each with a generator of its own: a view depends on no other image."""
    seeds = torch.randint(2**62, (count,), generator=generator, device=generator.device)[part]
    views = []
    for image, seed in zip(batch, seeds.tolist(), strict=True):
        with own.guard():
            view = own.call(image, torch.Generator().manual_seed(seed))
        if not isinstance(view, Tensor) or view.shape != image.shape:
            gives = list(view.shape) if isinstance(view, Tensor) else type(view).__name__
            raise OwnCodeError(
                f"own.{own.name}: {own.function} of {own.file.name} gives {gives} for an image "
                f"{list(image.shape)}; it must give an image of the same shape"
            )
        views.append(view)
    return torch.stack(views).to(batch).clamp(0.0, 1.0) if views else batch


@dataclass(frozen=True)
class _Draw:
    """Uniform draws, one per image of ``count``; those of ``part`` are given."""

    count: int
    part: slice
    device: torch.device
    generator: torch.Generator

    def __call__(self, low: float, high: float) -> Tensor:
        draws = torch.rand(self.count, generator=self.generator, device=self.generator.device)
        return (low + (high - low) * draws[self.part]).to(self.device)


def _warp(batch: Tensor, strength: Strength, draw: _Draw, side: int | None) -> Tensor:
    """Crop, turn, shift and flip in one resampling, to ``side`` pixels (None: as many)."""
    turn = draw(-strength.turn_rad, strength.turn_rad)
    zoom = draw(*strength.crop).sqrt()
    aspect = draw(-0.15, 0.15).exp()
    room = (1.0 - zoom).clamp(min=0.0) + strength.shift
    flip = torch.where(draw(0.0, 1.0) < strength.flip, -1.0, 1.0)
    across, down = zoom * aspect.sqrt(), zoom / aspect.sqrt()
    cos, sin = turn.cos(), turn.sin()
    rows = (
        torch.stack([flip * across * cos, -down * sin, room * draw(-1.0, 1.0)], dim=1),
        torch.stack([flip * across * sin, down * cos, room * draw(-1.0, 1.0)], dim=1),
    )
    theta = torch.stack(rows, dim=1).to(batch.dtype)
    shape = [*batch.shape[:2], *(batch.shape[2:] if side is None else (side, side))]
    grid = functional.affine_grid(theta, shape, align_corners=False)
    return functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)


def _tone(batch: Tensor, strength: Strength, draw: _Draw) -> Tensor:
    contrast = (1.0 + draw(-strength.contrast, strength.contrast)).view(-1, 1, 1, 1)
    bright = draw(-strength.brightness, strength.brightness).view(-1, 1, 1, 1)
    mean = batch.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (batch - mean) * contrast.to(batch.dtype) + bright.to(batch.dtype)


def _blur(batch: Tensor, strength: Strength, draw: _Draw) -> Tensor:
    """A Gaussian of its own width per image, as a matrix from the left and from the right."""
    sigma = draw(*strength.blur)
    sigma = torch.where(draw(0.0, 1.0) < strength.blur_share, sigma, torch.zeros_like(sigma))
    left = _gaussian(batch.shape[2], sigma, batch)
    right = _gaussian(batch.shape[3], sigma, batch)
    return left @ batch @ right.transpose(-1, -2)


def _gaussian(side: int, sigma: Tensor, like: Tensor) -> Tensor:
    at = torch.arange(side, device=like.device, dtype=like.dtype)
    width = (sigma * side).clamp(min=1e-2).to(like.dtype).view(-1, 1, 1)
    weight = torch.exp(-0.5 * ((at[:, None] - at[None, :]) / width) ** 2)
    return (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(1)


class Views(Protocol):
    """What the views of one batch, and all else that is random in it, are drawn from."""

    def __call__(
        self, images: Tensor, crop: tuple[float, float] | None = None, side: int | None = None
    ) -> Tensor:
        """Another view of each image; ``crop`` and ``side`` as of `augment`."""
        ...

    def uniform(self, images: Tensor, width: int) -> Tensor:
        """[B, width] in [0, 1) for the B images, on their device."""
        ...


@dataclass(frozen=True)
class Drawn:
    """Views of a ``part`` of ``count`` images, drawn for all of them: any part gets the same."""

    kind: Augmentation
    generator: torch.Generator
    count: int
    part: slice

    def __call__(
        self, images: Tensor, crop: tuple[float, float] | None = None, side: int | None = None
    ) -> Tensor:
        return augment(images, self.kind, self.generator, self.count, self.part, crop, side)

    def uniform(self, images: Tensor, width: int) -> Tensor:
        generator = self.generator
        draws = torch.rand((self.count, width), generator=generator, device=generator.device)
        return draws[self.part].to(images.device)


class Shapes:
    """Views without content, to count what they cost."""

    def __call__(
        self, images: Tensor, crop: tuple[float, float] | None = None, side: int | None = None
    ) -> Tensor:
        del crop
        return images if side is None else images.new_empty((*images.shape[:2], side, side))

    def uniform(self, images: Tensor, width: int) -> Tensor:
        return images.new_empty((len(images), width))
