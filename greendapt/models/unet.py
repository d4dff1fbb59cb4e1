"""A U-Net on any backbone: the decoder of segmentation-models-pytorch over its feature pyramid."""

from __future__ import annotations

import math

import torch
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.base.initialization import initialize_decoder, initialize_head
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn

from greendapt.core.errors import ModelError
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network

_WIDTHS = (16, 32, 64, 128, 256)
"""Channels of the decoder's blocks, from fine to coarse."""


class UNet(Network):
    """``forward``: prepared images [B, C, H, W] to logits [B, K, H, W] of the same size.

    The skip connections are the last maps of each resolution, whatever family the backbone is
    of; a resolution that it lacks is an empty one. The new weights are drawn from ``seed`` alone.
    Raises ModelError where the network cannot run on images of ``image_size`` px.
    """

    resumable = False

    def __init__(self, backbone: Backbone, outputs: int, *, image_size: int, seed: int) -> None:
        channels = _channels(backbone, image_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = _Decoder(channels, outputs).to(memory_format=torch.channels_last)
        super().__init__(backbone, head)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        if start != 0:
            raise ValueError("a U-Net needs the maps of all units: it starts at unit 0")
        logits: Tensor = self.head(_aligned(x, self.backbone.pyramid(x)))
        return logits

    def runs(self, name: str) -> bool:
        """All but what lies behind the last unit, which serves pooled features alone."""
        return self.backbone.in_unit(name)


class _Decoder(nn.Module):
    """From maps at 1, 1/2, 1/4, ... of the image's side to logits at 1."""

    def __init__(self, channels: list[int], outputs: int) -> None:
        super().__init__()
        blocks = len(channels) - 1
        widths = _WIDTHS[:blocks][::-1]
        self.decoder = UnetDecoder(channels, widths, n_blocks=blocks)
        self.head = SegmentationHead(widths[-1], outputs, kernel_size=3)
        initialize_decoder(self.decoder)
        initialize_head(self.head)

    def forward(self, maps: list[Tensor]) -> Tensor:
        logits: Tensor = self.head(self.decoder(maps))
        return logits


def _aligned(image: Tensor, pyramid: list[Tensor]) -> list[Tensor]:
    """The image, then a map for each halving of its side; one without channels where there is
    none of that size."""
    by_halving = {_halvings(image, maps): maps for maps in pyramid}
    aligned = [image]
    for halving in range(1, max(by_halving) + 1):
        empty = image.new_empty((len(image), 0, *(-(-s >> halving) for s in image.shape[2:])))
        aligned.append(by_halving.get(halving, empty))
    return aligned


def _halvings(image: Tensor, maps: Tensor) -> int:
    return round(math.log2(image.shape[2] / maps.shape[2]))


@torch.no_grad()
def _channels(backbone: Backbone, image_size: int) -> list[int]:
    weight = next(backbone.parameters())
    channels = backbone.spec.channels
    image = torch.zeros((1, channels, image_size, image_size), device=weight.device)
    try:
        maps = _aligned(image, backbone.eval().pyramid(image))
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"model.image_size: '{backbone.name}' cannot run on {image_size} px images: {reason}"
        ) from error
    if not 2 <= len(maps) <= len(_WIDTHS) + 1:
        raise ModelError(
            f"'{backbone.name}' cannot carry a U-Net: its maps are {maps[-1].shape[2]} px wide "
            f"for images of {image_size} px"
        )
    return [one.shape[1] for one in maps]
