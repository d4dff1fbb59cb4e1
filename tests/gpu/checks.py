"""What a check of a card is, what it needs, and how all of them run within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

Figures = dict[str, Any]


class Skip(Exception):
    """Why a check cannot be done here."""


@dataclass(frozen=True)
class Bench:
    """Where checks run. ``tiny``: on small networks and images, to try the script itself."""

    device: str
    folder: Path
    ends_s: float
    tiny: bool = False

    @property
    def left_s(self) -> float:
        return self.ends_s - time.monotonic()

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)


@dataclass(frozen=True)
class Check:
    """``least_s``: not begun with less than that left. ``cards``: how many it needs."""

    name: str
    do: Callable[[Bench], Figures]
    least_s: float
    cards: int = 1


@dataclass(frozen=True)
class Outcome:
    """``status``: done, skipped or failed; ``why`` of the last two. ``figures``: what was seen."""

    name: str
    status: str
    why: str = ""
    took_s: float = 0.0
    figures: Figures = field(default_factory=dict)

    def as_table(self) -> dict[str, Any]:
        return asdict(self)


def run(checks: Sequence[Check], bench: Bench) -> list[Outcome]:
    """One after the other; a check that fails stops none."""
    return [_outcome(check, bench) for check in checks]


def cards_of(device: str) -> int:
    return torch.cuda.device_count() if device == "cuda" else 0


def _outcome(check: Check, bench: Bench) -> Outcome:
    cards = cards_of(bench.device)
    if cards < check.cards:
        needs = "a card" if check.cards == 1 else f"{check.cards} cards"
        return Outcome(check.name, "skipped", f"it needs {needs}, and torch sees {cards}")
    if bench.left_s < check.least_s:
        why = f"{max(0.0, bench.left_s):.0f} s of the budget are left, it needs {check.least_s:g}"
        return Outcome(check.name, "skipped", why)
    begun_s = time.monotonic()
    try:
        figures = check.do(bench)
    except Skip as why:
        return Outcome(check.name, "skipped", str(why), time.monotonic() - begun_s)
    except Exception as error:  # whatever it is: the other checks are still worth their time
        why = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        return Outcome(check.name, "failed", why, time.monotonic() - begun_s)
    return Outcome(check.name, "done", took_s=time.monotonic() - begun_s, figures=figures)


def as_markdown(title: str, outcomes: Sequence[Outcome]) -> str:
    """A row a figure; what was skipped or failed, with why, below."""
    lines = [f"# {title}", "", "| Check | Figure | Value |", "| --- | --- | --- |"]
    for one in outcomes:
        lines += [f"| {one.name} | {key} | {_said(value)} |" for key, value in one.figures.items()]
    for status in ("skipped", "failed"):
        told = [f"- {one.name}: {one.why}" for one in outcomes if one.status == status]
        lines += ["", f"## {status.capitalize()}", "", *told] if told else []
    return "\n".join(lines) + "\n"


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_said(one)}" for key, one in value.items())
    return str(value)
