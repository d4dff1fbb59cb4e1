"""An audit as JSON, and as tables of 80 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greendapt.core.text import terminal_table
from greendapt.data.audit import Audit
from greendapt.data.audit.counts import Answers, Counts
from greendapt.data.audit.duplicates import Twins
from greendapt.data.audit.separability import Separability

_ABREAST = 3
_FEW = 12
_LABELS = 60
_JSON_KEYS = {"separability": "telling"}
"""What readers of the JSON call it."""


def as_json(audit: Audit, names: bool) -> str:
    """``names``: with the names of files and patients."""
    table = {_JSON_KEYS.get(key, key): value for key, value in asdict(audit).items()}
    if not names:
        del table["named"]
        for one in table["twins"]:
            del one["pairs"]
        for one in table["patients"]:
            del one["ids"]
    for one in (*table["patients"], *table["twins"]):
        one |= {key: _joined(one[key]) for key in ("one", "other")}
    return json.dumps({"clean": not audit.findings, **table}, indent=2, ensure_ascii=False)


def _joined(place: dict[str, str]) -> dict[str, str | None]:
    return {"source": place["source"], "split": place["split"] or None}


def as_text(audit: Audit, names: bool) -> RenderableType:
    """Tables of counts, what stands twice, how the sources differ, and what to put right."""
    parts: list[RenderableType] = []
    for start in range(0, len(audit.counts), _ABREAST):
        parts.append(_counts(audit.counts[start : start + _ABREAST]))
    for name, lines in audit.read.items():
        parts += [Text(), Text(name, style="bold"), *(Text(f"  {line}") for line in lines)]
    parts.append(Text())
    if audit.twins:
        parts.append(_twins(audit.twins))
    parts += [Text(_sentence(one)) for one in audit.separability]
    if any(audit.shortcuts.values()):
        parts.append(_shortcuts(audit))
    if names:
        for title, lines in audit.named.items():
            parts += [Text(), Text(title, style="bold"), *(Text(f"  {line}") for line in lines)]
    parts.append(Text())
    if audit.findings:
        parts += [Text(f"! {line}", style="yellow") for line in audit.findings]
    else:
        parts.append(Text("Nothing to put right.", style="green"))
    return Group(*parts)


def _counts(counts: Sequence[Counts]) -> Table:
    rows = [[name, *cells] for name, cells in _rows(counts)]
    return terminal_table(["", *(one.source for one in counts)], rows, width=80)


def _rows(counts: Sequence[Counts]) -> Iterator[tuple[str, list[str]]]:
    """Names and cells, one a source."""
    yield "images", [f"{one.images:,}" for one in counts]
    yield "patients", ["unknown" if one.patients is None else f"{one.patients:,}" for one in counts]
    if any(one.unreadable for one in counts):
        yield "cannot be read (image no.)", [_numbers(one.unreadable) for one in counts]
    tallies = {
        "split": [one.splits for one in counts],
        "view": [one.views for one in counts],
        "sex": [one.sexes for one in counts],
        "age": [one.ages for one in counts],
    }
    for title, each in tallies.items():
        for key in dict.fromkeys(key for tally in each for key in tally):
            yield f"{title} {key}", [_share(tally, key) for tally in each]
    labels = sorted({key for one in counts for key in one.labels})
    for key in labels[:_LABELS]:
        yield f"label {key}", [_answers(one.labels.get(key)) for one in counts]
    if len(labels) > _LABELS:
        yield f"and {len(labels) - _LABELS} more labels (--json has them)", [""] * len(counts)


def _numbers(places: Sequence[int]) -> str:
    if not places:
        return "0"
    more = ", ..." if len(places) > _FEW else ""
    return f"{len(places)} ({', '.join(map(str, places[:_FEW]))}{more})"


def _share(tally: dict[str, int], key: str) -> str:
    if not tally:
        return "-"
    return f"{tally.get(key, 0):,}  {_percent(tally.get(key, 0), sum(tally.values()))}"


def _percent(part: int, whole: int) -> str:
    return "  <1%" if 0 < part < whole / 200 else f"{part / whole:5.0%}"


def _answers(answers: Answers | None) -> str:
    """Positives, their share of what is certain; ``? 3`` are uncertain, ``- 4`` missing."""
    if answers is None:
        return "-"
    certain = answers.yes + answers.no
    text = f"{answers.yes:,}  {_percent(answers.yes, certain)}" if certain else "0"
    text = f"{text}  ? {answers.uncertain:,}" if answers.uncertain else text
    return f"{text}  - {answers.missing:,}" if answers.missing else text


def _twins(twins: Sequence[Twins]) -> Table:
    rows = [
        [
            str(one.other),
            "the same, before" if one.one == one.other else str(one.one),
            f"{one.exact:,}",
            f"{one.near:,}",
        ]
        for one in twins
    ]
    return terminal_table(["images of", "that are in", "exactly", "nearly"], rows, left=2, width=80)


def _shortcuts(audit: Audit) -> Table:
    """How well a simple model tells each label, by what it sees."""
    rows = [
        [source, one.label, one.seen, f"{one.auc:.2f} [{one.low:.2f}, {one.high:.2f}]"]
        for source, told in audit.shortcuts.items()
        for one in told
    ]
    return terminal_table(["source", "label", "told by", "AUC"], rows, left=3, width=80)


def _sentence(one: Separability) -> str:
    if one.auc is None:
        return f"Telling the sources apart by {one.seen} alone: not tried, {one.why}."
    interval = "" if one.low is None else f" [{one.low:.3f}, {one.high:.3f}]"
    return f"Telling the sources apart by {one.seen} alone: AUC {one.auc:.3f}{interval}"
