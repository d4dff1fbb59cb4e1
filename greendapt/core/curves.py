"""Curves of a network's probabilities on one set of images, a point a line, by class."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Value(BaseModel):
    """With its 95% interval over patients; None where that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float | None = None
    high: float | None = None


class Calibrated(_Value):
    """Of the ``bin``-th part of the images, in the order of their probability of the class: its
    mean (``predicted``), and the share of them that have the class (``observed``)."""

    bin: int
    predicted: float
    observed: float


class Benefit(_Value):
    """``net``: true positives less false ones, an image, where those with at least this probability
    (``threshold``) are treated; a false one counts threshold / (1 - threshold). ``all``: where all
    images are treated; where none is it is 0."""

    threshold: float
    net: float
    all: float


class Curves(BaseModel):
    """By class; a class whose curve cannot be had is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibration: dict[str, tuple[Calibrated, ...]] = {}
    net_benefit: dict[str, tuple[Benefit, ...]] = {}
