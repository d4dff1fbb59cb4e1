"""``greendapt replay``: when would it have been best to stop?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greendapt.cli.options import Json

if TYPE_CHECKING:
    from greendapt.bench.replaying import Agreement, Row
    from greendapt.stats.intervals import Interval


def replay(
    trajectories: Annotated[
        Path, typer.Argument(help="A table of trajectories, or the folder of the released ones.")
    ],
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="fixed:EPOCHS, random, best:EPOCHS@SCORE, patience:LOOKS:LEAST@SCORE, "
            "gain:LEAST:WINDOW@SCORE; repeatable. Without settings they are chosen, for each "
            "dataset on the others. SCORE may be a pattern, or transfer:SEEDS."
        ),
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0, help="What a chosen setting may pay, of full length.")
    ] = 0.5,
    transfer_epochs: Annotated[
        float,
        typer.Option(min=0, help="What a look by transfer costs, in epochs of pre-training."),
    ] = 1.0,
    tie: Annotated[float, typer.Option(min=0, help="Differences up to that are none.")] = 0.1,
    scores: Annotated[
        str | None, typer.Option(help="Scores whose ranking of epochs is judged, by commas.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
    json: Json = False,
) -> None:
    """Run stop rules on recorded trajectories: regret, epochs paid, wins against full length.

    A rule sees one look after the other and pays for all of them.
    """
    from greendapt.bench.options import names
    from greendapt.bench.replaying import Terms, agreements, compare, usual
    from greendapt.store.trajectories import read_trajectories

    series = read_trajectories(trajectories)
    terms = Terms(budget_share=budget, tie=tie, transfer_epochs=transfer_epochs)
    rows = compare(series, rule or usual(series), terms)
    known = set.intersection(*(set(one.scores) for one in series))
    judged = names(scores) or [s for s in ("robustness", "source_accuracy") if s in known]
    agree = agreements(series, judged)
    if json:
        typer.echo(_as_json(rows, agree, len(series)))
    else:
        lines = _tables(rows, agree)
        typer.echo("\n".join(_markdown(lines) if markdown else _plain(lines)))


_Table = list[list[str]]


def _tables(rows: Sequence[Row], agree: Sequence[Agreement]) -> list[_Table]:
    rules: _Table = [
        ["rule", "regret [95%]", "against full [95%]", "epochs paid", "win/tie/loss", "settings"]
    ]
    for row in rows:
        t = row.totals
        chosen = sorted({s.partition("@")[0] for s in row.settings.values()})
        rules.append(
            [
                row.rule,
                _interval(t.regret),
                _interval(t.versus_full, "+"),
                f"{t.paid:.0f} ({t.paid_share:.0%})",
                f"{t.wins}/{t.ties}/{t.losses}",
                ", ".join(chosen),
            ]
        )
    ranks: _Table = [["score", "Spearman [95%]", "weighted Kendall [95%]"]]
    ranks += [[a.score, _interval(a.spearman), _interval(a.weighted_kendall)] for a in agree]
    return [rules, ranks] if agree else [rules]


def _interval(value: Interval, sign: str = "") -> str:
    low_high = "" if value.low is None else f" [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"
    return f"{value.mean:{sign}.2f}{low_high}"


def _plain(tables: list[_Table]) -> list[str]:
    lines = []
    for table in tables:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for row in table:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  ".join(cells).rstrip())
        lines.append("")
    return lines[:-1]


def _markdown(tables: list[_Table]) -> list[str]:
    lines = []
    for table in tables:
        head, *body = [f"| {' | '.join(row)} |" for row in table]
        lines += [head, "|" + " --- |" * len(table[0]), *body, ""]
    return lines[:-1]


def _as_json(rows: Sequence[Row], agree: Sequence[Agreement], series: int) -> str:
    import json

    def interval(value: Interval) -> dict[str, float | None]:
        return value._asdict()

    said = {
        "series": series,
        "rules": [
            {
                "rule": row.rule,
                "regret": interval(row.totals.regret),
                "versus_full": interval(row.totals.versus_full),
                "epochs_paid": row.totals.paid,
                "paid_share": row.totals.paid_share,
                "looks": row.totals.looks,
                "wins": row.totals.wins,
                "ties": row.totals.ties,
                "losses": row.totals.losses,
                "settings": dict(row.settings),
            }
            for row in rows
        ],
        "agreement": [
            {
                "score": one.score,
                "spearman": interval(one.spearman),
                "weighted_kendall": interval(one.weighted_kendall),
            }
            for one in agree
        ],
    }
    return json.dumps(said, indent=2)
