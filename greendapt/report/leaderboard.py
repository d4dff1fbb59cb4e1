"""What published runs found, by dataset, backbone and strategy: one list for every index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greendapt.core.text import for_markdown, markdown_table
from greendapt.report import words
from greendapt.report.published import Point, Published

BEGIN, END = "<!-- runs: greendapt publish writes this -->", "<!-- end of runs -->"
"""Between these comments of README.md the list stands."""
_UNKNOWN = "not said"
HEADS = ("Dataset", "Backbone", "Setting", "Strategy", "Score [95%]", "Training FLOPs", "Cost")


@dataclass(frozen=True)
class Line:
    """``buy``: whether it is the best buy of its setting."""

    run: Published
    point: Point
    buy: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `HEADS`."""
        one = self.point
        flops = words.amount("training_flops", one.training_flops)
        where = self.run.dataset or _UNKNOWN, one.backbone or _UNKNOWN, one.setting
        return *where, one.strategy, _score(one), flops, one.cost_said or words.MISSING


def lines(runs: Sequence[Published]) -> list[Line]:
    """By dataset, backbone and setting; strategies of a run stay in its order, that of cost."""
    every = [
        Line(run, point, run.verdicts.get(point.setting) == point.strategy)
        for run in sorted(runs, key=lambda run: run.name)
        for point in run.points
    ]
    return sorted(every, key=lambda line: line.cells[:3])


def readme(runs: Sequence[Published], before: str | None) -> str | None:
    """README.md of the site, with its lists of runs anew; None: one that has no place for them."""
    block = "\n".join([BEGIN, "", *_markdown(runs), "", END])
    if before is None:
        return f"# Published runs\n\n{block}\n"
    head, begins, rest = before.partition(BEGIN)
    _, ends, tail = rest.partition(END)
    return head + block + tail if begins and ends else None


def _markdown(runs: Sequence[Published]) -> Iterator[str]:
    newest = sorted(runs, key=lambda run: (run.started_at, run.name), reverse=True)
    for run in newest:
        yield f"- {_link(run)}: {for_markdown(run.headline)}"
    yield ""
    rows = []
    for line in lines(runs):
        *where, name, score, flops, cost = map(for_markdown, line.cells)
        name = f"**{name}**" if line.buy else name
        rows.append([*where, name, score, flops, cost, _link(line.run)])
    yield from markdown_table([*HEADS, "Run"], rows)
    yield "\nBold: the best buy of its setting. Within a setting the cheapest comes first."


def _link(run: Published) -> str:
    return f"[{run.name}]({run.name}/report.md)"


def _score(point: Point) -> str:
    if point.auc is None:
        return words.MISSING
    return f"{words.number(point.auc)} {words.interval(point.low, point.high)}".rstrip()
