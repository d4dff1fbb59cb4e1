"""What a run says, for a program that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greendapt.report.view.model import Verdict


@dataclass(frozen=True)
class Answer:
    """What a run says. ``by_setting``: the verdict of each backbone, transfer and number of labels.

    ``caveats``: read these before believing it.
    """

    headline: str
    caveats: tuple[str, ...]
    by_setting: Mapping[str, Verdict]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Of every setting in turn, plainest first."""
        return tuple(line for verdict in self.by_setting.values() for line in verdict.sentences)

    @property
    def best_buy(self) -> str | None:
        """The strategy that is worth its cost; None where there is none, or settings disagree."""
        names = {verdict.buy for verdict in self.by_setting.values()}
        return (names.pop() or None) if len(names) == 1 else None
