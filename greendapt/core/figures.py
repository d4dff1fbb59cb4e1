"""A figure is a number that says where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Quality(StrEnum):
    """How a figure was obtained, best first."""

    MEASURED = "measured"  # hardware counter, clock, or count of what really ran
    INTEGRATED = "integrated"  # sampled power, integrated over time
    ESTIMATED = "estimated"  # model or formula
    UNAVAILABLE = "unavailable"  # the value is null, never 0


_RANK = {quality: rank for rank, quality in enumerate(Quality)}


_LARGEST = 1e100
"""Of any figure: sums and products of what a stranger wrote stay finite."""
Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]


class Figure(BaseModel):
    """A number with unit, quality and source; ``low``/``high`` bound it where a bound is known.

    ``value`` is None exactly when ``quality`` is unavailable; ``source`` then says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: Number | None
    unit: str
    quality: Quality
    source: str
    low: Number | None = None
    high: Number | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Figure:
        if (self.value is None) != (self.quality is Quality.UNAVAILABLE):
            raise ValueError("a figure has a value exactly when it is not unavailable")
        if self.value is None:
            if self.low is not None or self.high is not None:
                raise ValueError("what has no value has no bounds")
        else:
            if self.low is not None and self.low > self.value:
                raise ValueError("low lies above the value")
            if self.high is not None and self.high < self.value:
                raise ValueError("high lies below the value")
        return self

    @classmethod
    def measured(cls, value: float, unit: str, source: str) -> Figure:
        return cls(value=value, unit=unit, quality=Quality.MEASURED, source=source)

    @classmethod
    def unavailable(cls, unit: str, why: str) -> Figure:
        return cls(value=None, unit=unit, quality=Quality.UNAVAILABLE, source=why)

    def scaled(self, factor: float, unit: str, source: str = "") -> Figure:
        """The figure in another unit; ``source`` is appended to where it comes from."""
        origin = f"{self.source}; {source}" if source else self.source
        if self.value is None:
            return Figure.unavailable(unit, origin)
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Figure(
            value=self.value * factor,
            unit=unit,
            quality=self.quality,
            source=origin,
            low=low,
            high=high,
        )


def _one_unit(figures: Iterable[Figure]) -> str:
    units = {figure.unit for figure in figures}
    if len(units) != 1:
        raise ValueError(f"cannot add figures of different units: {sorted(units)}")
    return units.pop()


def _bound(figures: list[Figure], side: str) -> float | None:
    bounds = [getattr(figure, side) for figure in figures]
    if all(bound is None for bound in bounds):
        return None
    return math.fsum(
        figure.value if bound is None else bound
        for figure, bound in zip(figures, bounds, strict=True)
        if figure.value is not None
    )


def _sum(figures: list[Figure], unit: str, source: str) -> Figure:
    """Of figures that all have a value; the worst quality is the sum's.

    Sums are exact before they are rounded, so bounds stay around the value.
    """
    return Figure(
        value=math.fsum(figure.value for figure in figures if figure.value is not None),
        unit=unit,
        quality=max((figure.quality for figure in figures), key=_RANK.__getitem__),
        source=source,
        low=_bound(figures, "low"),
        high=_bound(figures, "high"),
    )


def add(figures: Iterable[Figure]) -> Figure:
    """The sum of one quantity over several stages.

    One part unavailable makes the sum unavailable: a sum that leaves a part out
    would read as a saving.
    """
    parts = list(figures)
    unit = _one_unit(parts)
    missing = [figure for figure in parts if figure.value is None]
    if missing:
        return Figure.unavailable(unit, missing[0].source)
    return _sum(parts, unit, " + ".join(dict.fromkeys(figure.source for figure in parts)))


UNKNOWN = "not known when this stage ran"


def added(stages: Sequence[Mapping[str, Figure]], units: Mapping[str, str]) -> dict[str, Figure]:
    """Each quantity of ``units`` over several stages, see `add`; a stage of before it was known
    lacks it."""
    return {
        name: add(one.get(name) or Figure.unavailable(unit, UNKNOWN) for one in stages)
        for name, unit in units.items()
    }


def total(parts: Mapping[str, Figure]) -> Figure:
    """The headline of several components (gpu, cpu, ...), which says what it has and lacks.

    Components that are unavailable are left out by name; the quality is the worst of the rest.
    """
    unit = _one_unit(parts.values())
    present = {name: figure for name, figure in parts.items() if figure.value is not None}
    absent = [name for name in parts if name not in present]
    if not present:
        return Figure.unavailable(unit, "; ".join(f"{n}: {f.source}" for n, f in parts.items()))
    source = "; ".join(
        f"{name} {figure.quality.value} ({figure.source})" for name, figure in present.items()
    )
    if absent:
        source += f"; without {', '.join(absent)}"
    return _sum(list(present.values()), unit, source)
