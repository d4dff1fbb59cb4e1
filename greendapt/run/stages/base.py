"""What a stage leaves besides its files, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greendapt.train.phase import Trained

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Outcome:
    """What goes into the record besides the meter's figures; ``warning`` is said aloud."""

    training_flops: int
    metrics: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def warning(self) -> str | None:
        said: str | None = self.details.get("warning")
        return said


def trained_outcome(trained: Trained, images: int) -> Outcome:
    """Of a training on so many images."""
    fit = trained.fit
    return Outcome(
        trained.training_flops,
        details={
            "images": images,
            "steps": fit.steps,
            "samples": fit.samples,
            "best_epoch": fit.best_epoch,
            "train_loss": fit.train_loss,
            "val_loss": fit.val_loss,
            "epoch_s": fit.epoch_s,
            "trainable_params": trained.trainable_params,
            "cached_bytes": trained.cached_bytes,
            "uncounted": trained.uncounted,
        },
    )
