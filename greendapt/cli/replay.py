"""``greendapt replay``: when would it have been best to stop?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greendapt.cli.options import Json
from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.stats.intervals import Interval
    from greendapt.stats.rule_comparison import Agreement, Row


# a parameter an option: typer reads them from here
def replay(
    trajectories: Annotated[
        list[Path],
        typer.Argument(help="Runs with checkpoints, tables, or the folder of the released ones."),
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
    from greendapt.core.text import aligned, markdown_table
    from greendapt.report.view.stopping import tables
    from greendapt.stats.rule_comparison import Terms, agreements, common_scores, compare, usual
    from greendapt.store.trajectories import read_trajectories
    from greendapt.suite.overrides import names

    series = [one for path in trajectories for one in read_trajectories(path)]
    terms = Terms(budget_share=budget, tie=tie, transfer_epochs=transfer_epochs)
    rows = compare(series, rule or usual(series), terms)
    judged = names(scores) or common_scores(series)
    agree = agreements(series, judged)
    if json:
        show_json(_as_json(rows, agree, len(series)))
    else:
        lines = [
            markdown_table(head, body) if markdown else aligned([head, *body], numbers=False)
            for head, *body in tables(rows, agree)
        ]
        show("\n\n".join(map("\n".join, lines)))


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
                "versus_equal": interval(row.totals.versus_equal),
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
