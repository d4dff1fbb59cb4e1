"""What a network is fed, gathered a batch at a time: it may lie on the disk."""

from __future__ import annotations

from dataclasses import dataclass

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
    return inputs.index_select(0, rows)


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
        return take(self.inputs, rows[part]).to(device), self.targets[index].to(device)
