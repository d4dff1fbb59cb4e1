"""Losses: multi-class, multi-label with missing labels, and SimCLR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from segmentation_models_pytorch.losses import BINARY_MODE, MULTICLASS_MODE, DiceLoss
from torch import Tensor

from greendapt.core.own_code import OwnCodeError, OwnFunction, allowed

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits [B, K], targets) to a scalar."""


def multiclass(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy; targets int64 [B]."""
    return F.cross_entropy(logits, targets)


def multilabel(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy over what is labelled; targets float [B, K], NaN = missing."""
    present = ~targets.isnan()
    losses = F.binary_cross_entropy_with_logits(
        logits, targets.nan_to_num(), weight=present.float(), reduction="sum"
    )
    return losses / present.sum().clamp_min(1)


def labelled(targets: Tensor) -> Tensor | int:
    """What a batch counts for in a mean of losses: its images, or its labels that are known."""
    return (~targets.isnan()).sum() if targets.is_floating_point() else len(targets)


def simclr(projections: Tensor, _targets: Tensor, temperature: float = 0.2) -> Tensor:
    """NT-Xent (Chen et al. 2020, eq. 1) of [2B, D]: rows i and i + B are two views of one image."""
    z = F.normalize(projections, dim=1)
    similarity = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    half = z.shape[0] // 2
    partner = torch.arange(2 * half, device=z.device).roll(half)
    return F.cross_entropy(similarity, partner)


def mean_of_images(losses: Tensor, _targets: Tensor) -> Tensor:
    """Of losses [B] that a network has taken itself, image by image."""
    return losses.mean()


def dice(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - Dice of the probabilities (Milletari et al. 2016), over the batch, averaged over classes.

    ``logits`` [B, K, H, W] (K = 1: foreground against background), ``masks`` integer [B, H, W],
    255 where nothing is labelled. A class that the batch does not show counts 0.
    """
    mode = BINARY_MODE if logits.shape[1] == 1 else MULTICLASS_MODE
    loss: Tensor = DiceLoss(mode, smooth=0.0, ignore_index=255)(logits.float(), masks.long())
    return loss


LOSSES: dict[str, Loss] = {
    "multiclass": multiclass,
    "multilabel": multilabel,
    "simclr": simclr,
    "masks": dice,
}


def own_loss(name: str | None) -> Loss | None:
    """A loss of the suite's own code; None for no name."""
    return OwnLoss(allowed("loss", name)) if name else None


@dataclass(frozen=True)
class OwnLoss:
    """Raises OwnCodeError where the function fails, or gives no scalar."""

    own: OwnFunction

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        own = self.own
        with own.guard():
            loss = own.call(logits, targets)
        if not isinstance(loss, Tensor) or loss.ndim:
            gives = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise OwnCodeError(
                f"own.{own.name}: {own.function} of {own.file.name} gives {gives}, not one number "
                "as a tensor"
            )
        return loss
