"""SimMIM (Xie et al. 2022, arXiv 2111.09886): patches of an image are hidden, a linear layer tells
their pixels from the last feature maps, and the loss is how far off it is (L1).

Where the network starts by embedding patches, a hidden patch's embedding is a token that is learnt,
as in the paper; else its pixels are 0 after scaling, the mean of what the weights expect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from greendapt.core.errors import ModelError
from greendapt.data.augment import Views
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.objectives import Objective, SimMIM
from greendapt.train.learners.base import Learner
from greendapt.train.learners.patches import patch_embed, patch_side
from greendapt.train.objectives import Loss, mean_of_images


class MaskedImages(Learner):
    def network(self, backbone: Backbone, image_size: int, seed: int) -> Network:
        return Masked(backbone, self.objective, image_size, seed)

    def loss(self, network: Network, task: str) -> Loss:
        del network, task
        return mean_of_images


class PixelDecoder(nn.Module):
    """Maps [B, D, H, W] to pixels [B, C, stride * H, stride * W], linearly; and the token, of
    ``token`` numbers, that stands for a hidden patch (0: there is none)."""

    def __init__(self, width: int, channels: int, stride: int, token: int) -> None:
        super().__init__()
        self.stride = stride
        self.pixels = nn.Conv2d(width, channels * stride**2, 1)
        self.token = nn.Parameter(torch.empty(token)) if token else None
        if self.token is not None:
            nn.init.trunc_normal_(self.token, std=0.02)

    def forward(self, maps: Tensor) -> Tensor:
        pixels: Tensor = functional.pixel_shuffle(self.pixels(maps), self.stride)
        return pixels


class Masked(Network):
    """``forward``: prepared images [B, C, S, S] and what of them is hidden, bool [B, 1, S, S], to
    the mean distance over the hidden pixels of each image [B]."""

    resumable = False

    def __init__(self, backbone: Backbone, settings: Objective, image_size: int, seed: int) -> None:
        assert isinstance(settings, SimMIM)
        embed, patch = patch_embed(backbone), patch_side(backbone)
        cell = patch * max(1, round(settings.mask_patch * image_size / 224 / patch))
        if cell >= image_size:
            raise ModelError(
                f"objective = 'simmim': '{backbone.name}' sees an image of {image_size} px as one "
                "patch, which is hidden or not; take a larger image_size or a smaller mask_patch"
            )
        _, width, side, _ = _last_maps(backbone, _blank(backbone, image_size)).shape
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            token = 0 if embed is None else embed.proj.out_channels
            head = PixelDecoder(width, backbone.spec.channels, -(-image_size // side), token)
        super().__init__(backbone, head)
        self.settings: SimMIM = settings
        self.patch, self.cell = patch, cell
        """Sides in pixels of what the network embeds as one, and of what is hidden as one."""

    def inputs(self, images: Tensor, views: Views) -> tuple[Tensor, ...]:
        """The masks of validation images are drawn, too."""
        seen = views(images) if self.training else images
        return self.backbone.prepare(seen), self._hidden(images, views)

    def _hidden(self, images: Tensor, views: Views) -> Tensor:
        """Of each image the same number of cells, drawn without return."""
        size, cell = images.shape[-1], self.cell
        cells = -(-size // cell)
        hidden = min(cells**2 - 1, math.ceil(self.settings.mask_ratio * cells**2))
        order = views.uniform(images, cells**2).argsort(dim=1).argsort(dim=1)
        grid = (order < hidden).view(-1, 1, cells, cells)
        return grid.repeat_interleave(cell, 2).repeat_interleave(cell, 3)[..., :size, :size]

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:  # type: ignore[override]
        size = x.shape[-1]
        with self._token_in(hidden) as is_in:
            seen = x if is_in else x.masked_fill(hidden, 0.0)
            guess = self.head(_last_maps(self.backbone, seen))[..., :size, :size]
        off: Tensor = ((guess - x).abs() * hidden).sum((1, 2, 3))
        return off / (x.shape[1] * hidden.sum((1, 2, 3)))

    @contextmanager
    def _token_in(self, hidden: Tensor) -> Iterator[bool]:
        """Within the block embeddings of hidden patches are the token; False: there is none."""
        assert isinstance(self.head, PixelDecoder)
        token, embed = self.head.token, patch_embed(self.backbone)
        if token is None or embed is None:
            yield False
            return
        gone = hidden[:, 0, :: self.patch, :: self.patch]

        def replaced(_module: nn.Module, _inputs: Any, out: Tensor) -> Tensor:
            where = gone.flatten(1) if out.ndim == 3 else gone
            return torch.where(where.unsqueeze(-1), token.to(out.dtype), out)

        hook = embed.register_forward_hook(replaced)
        try:
            yield True
        finally:
            hook.remove()

    def runs(self, name: str) -> bool:
        """All but what serves pooled features alone."""
        tail = any(name.startswith(f"{path}.") for path in self.backbone.tail)
        return tail or self.backbone.in_unit(name)


def _last_maps(backbone: Backbone, x: Tensor) -> Tensor:
    """[B, D, H, W] behind the last unit, and the norm or convolution that comes before pooling."""
    x = backbone.run(x, 0, len(backbone.units))
    for path in backbone.tail:
        x = backbone.net.get_submodule(path)(x)
    return backbone.maps(x)


def _blank(backbone: Backbone, image_size: int) -> Tensor:
    weight = next(backbone.parameters())
    backbone.eval()
    shape = (1, backbone.spec.channels, image_size, image_size)
    return torch.zeros(shape, device=weight.device)
