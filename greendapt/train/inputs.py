"""What a network is fed, gathered a batch at a time: it may lie on the disk, or on the card."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from greendapt.data.imageset import ImageSet, Stack


@dataclass(frozen=True)
class Stacked:
    """Pixels of several sources as one tensor [M, C, H, W]; what is taken is copied."""

    stack: Stack

    @property
    def shape(self) -> torch.Size:
        return torch.Size(self.stack.shape)

    def index_select(self, _dim: int, rows: Tensor) -> Tensor:
        return torch.from_numpy(self.stack[rows.numpy()])


@dataclass(frozen=True)
class Gathered:
    """The ``rows`` [N] of a tensor [M, ...], not copied: a slice of them is."""

    tensor: Tensor | Stacked
    rows: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self), *self.tensor.shape[1:]))

    def __getitem__(self, part: slice) -> Tensor:
        return self.tensor.index_select(0, self.rows[part])


Inputs = Tensor | Gathered
_CARD_SHARE = 0.25


def of(images: ImageSet) -> Inputs:
    """The pixels of a set, uint8 [N, C, H, W]."""
    if isinstance(images.pixels, Stack):
        return Gathered(Stacked(images.pixels), torch.from_numpy(images.where))
    pixels = torch.from_numpy(images.pixels)
    return pixels if images.rows is None else Gathered(pixels, torch.from_numpy(images.rows))


def gathered(inputs: Inputs, rows: Tensor | None) -> Inputs:
    """Some rows of the inputs (None: all), not copied."""
    if rows is None:
        return inputs
    if isinstance(inputs, Gathered):
        return Gathered(inputs.tensor, inputs.rows[rows])
    return Gathered(inputs, rows)


def take(inputs: Inputs, rows: Tensor) -> Tensor:
    """Some rows of the inputs, in memory. (Indexing by a tensor is eight times slower on bytes.)"""
    if isinstance(inputs, Gathered):
        return inputs.tensor.index_select(0, inputs.rows[rows])
    return inputs.index_select(0, rows.to(inputs.device))


def card_room(device: torch.device) -> float:
    """Bytes of a GPU that inputs may take, of those that are free; 0 where there is none."""
    if device.type != "cuda":
        return 0.0
    free, _ = torch.cuda.mem_get_info(device)
    return _CARD_SHARE * free


def moved(batch: Tensor, device: torch.device) -> Tensor:
    """On ``device``; to a GPU by pinned memory, so that the next batch is gathered meanwhile."""
    if device.type == "cuda" and batch.device.type == "cpu":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


@dataclass(frozen=True)
class Bank:
    """``views`` augmented copies of ``images`` images lie behind the images themselves."""

    views: int
    images: int
    generator: torch.Generator

    def draw(self, rows: Tensor) -> Tensor:
        """A random view of each of ``rows``."""
        view = torch.randint(1, self.views + 1, rows.shape, generator=self.generator)
        return rows + view * self.images


@dataclass(frozen=True)
class Examples:
    """``inputs`` uint8 [M, C, H, W] or cached float [M, ...]; ``targets`` [N] or [N, K].

    ``rows`` [N]: which of the inputs each example is (None: M = N, in order). Inputs on a disk are
    then read batch by batch, and a part of them is not a copy. ``bank``: the inputs are views of
    each image, of which one is drawn each time.
    """

    inputs: Inputs
    targets: Tensor
    rows: Tensor | None = None
    bank: Bank | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def at(
        self, index: Tensor, device: torch.device, part: slice = slice(None)
    ) -> tuple[Tensor, Tensor]:
        """Inputs of a ``part`` of the examples at ``index``, and targets of all of them."""
        rows = index if self.rows is None else self.rows[index]
        rows = rows if self.bank is None else self.bank.draw(rows)
        return moved(take(self.inputs, rows[part]), device), moved(self.targets[index], device)

    def held_on(self, device: torch.device, room_bytes: float) -> Examples:
        """The same with all its inputs on ``device``, where they take no more than that."""
        count = len(self.inputs)
        one = take(self.inputs, torch.zeros(min(1, count), dtype=torch.long))
        if not count or count * one.nbytes > room_bytes:
            return self
        whole = self.inputs if isinstance(self.inputs, Tensor) else self.inputs[slice(None)]
        return replace(self, inputs=whole.to(device))
