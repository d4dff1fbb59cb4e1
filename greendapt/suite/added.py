"""Small parts that a phase adds to frozen layers, trains, and merges into their weights in the end.

One of ``lora``, ``ia3`` and ``ssf`` in a phase or a fine-tuning, beside what ``train`` says: with
``train = "head"`` they are all that trains of the backbone, with ``train = "last:1"`` the last unit
trains, too (ExPLoRA, Khanna et al. 2025, 2406.10973). Merged, the network has the layers and the
file the names that it had before. No torch here; `greendapt.models.added` does it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from greendapt.suite.datasets import Table


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Pattern = Annotated[str, Field(min_length=1, max_length=200)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]


class Added(Table):
    """``on``: the layers by a part of their names in timm's model, such as ``attn.qkv``, or a
    pattern with ``*``; empty: every linear layer and convolution that it knows."""

    kind: ClassVar[Literal["lora", "ia3", "ssf"]]
    on: Patterns = ()

    @property
    def text(self) -> str:
        """As a title says it."""
        return " ".join([self.kind, *([f"on {' and '.join(self.on)}"] if self.on else [])])


class Lora(Added):
    """W + alpha / rank * B A: two narrow layers beside each (Hu et al. 2022, 2106.09685)."""

    kind: ClassVar = "lora"
    rank: Annotated[int, Field(ge=1, le=1024)] = 8
    alpha: Annotated[float, Field(gt=0)] | None = None
    """None: the rank, so that the scale is 1."""

    @property
    def scale(self) -> float:
        return 1.0 if self.alpha is None else self.alpha / self.rank

    @property
    def text(self) -> str:
        return super().text.replace("lora", f"lora {self.rank}", 1)


class Ia3(Added):
    """A factor for each output of a layer (Liu et al. 2022, 2205.05638), before the activation."""

    kind: ClassVar = "ia3"


class Ssf(Added):
    """A factor, and a shift where the layer has a bias, for each output (Lian et al. 2022,
    2210.08823). Those of normalisation layers are their own: ``train = "norm"``."""

    kind: ClassVar = "ssf"
