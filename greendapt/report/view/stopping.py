"""When to stop: rules replayed on recorded trajectories, as tables of text."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.report.view.model import Section, Table
from greendapt.stats.rule_comparison import (
    Agreement,
    Row,
    Terms,
    agreements,
    common_scores,
    compare,
    fixed_lengths,
)
from greendapt.store.run_trajectories import trajectories
from greendapt.store.runinfo import RunData


def stopping(run: RunData) -> Section | None:
    """The usual rules on the run's own checkpoints; None where it has none."""
    series = trajectories(run)
    if not series:
        return None
    scores = common_scores(series)
    rules = [*fixed_lengths(series), "random"]
    rules += [f"{rule}@{score}" for score in scores for rule in ("patience:2", "gain:0")]
    explanation = (
        f"Rules replayed on {len(series)} series: the checkpoints of a strategy, "
        "transfer and seed each. Regret is in points (0.01), against the best epoch of each "
        "series; equal price is a fixed length of as many epochs as the rule paid in the mean."
    )
    parts = tables(compare(series, rules, Terms()), agreements(series, scores))
    return Section("stopping", "When to stop", explanation, tuple(parts))


def tables(rows: Sequence[Row], agree: Sequence[Agreement]) -> list[Table]:
    """The rules, with what was chosen for them where something was, and how scores rank epochs."""
    head = ["rule", "regret [95%]", "against full [95%]", "against equal price [95%]"]
    head += ["epochs paid", "win/tie/loss", "settings"]
    body = [_row(row) for row in rows]
    shown = len(head) if any(row[-1] for row in body) else -1
    parts = [tuple(tuple(row[:shown]) for row in [head, *body])]
    if agree:
        ranks = [
            (one.score, one.spearman.text(".2f"), one.weighted_kendall.text(".2f")) for one in agree
        ]
        parts.append((("score", "Spearman [95%]", "weighted Kendall [95%]"), *ranks))
    return parts


def _row(row: Row) -> list[str]:
    t = row.totals
    return [
        row.rule,
        t.regret.text(".2f"),
        t.versus_full.text("+.2f"),
        t.versus_equal.text("+.2f"),
        f"{t.paid:.0f} ({t.paid_share:.0%})",
        f"{t.wins}/{t.ties}/{t.losses}",
        ", ".join(sorted({text.partition("@")[0] for text in row.settings.values()})),
    ]
