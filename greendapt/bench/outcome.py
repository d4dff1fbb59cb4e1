"""What a stage leaves besides its files, and how it says how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
