"""Verdicts as text, JSON, JUnit XML and Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from greendapt.core.text import for_markdown, for_xml, markdown_table
from greendapt.disk.files import disk_errors, write_atomic
from greendapt.gate import change_text
from greendapt.gate.facts import Name
from greendapt.gate.outcomes import Outcome, Verdict, by_gravity, short_names, worst
from greendapt.stats.intervals import Interval
from greendapt.suite.limits import GAUGES, Tier

MARKDOWN_BYTES = 1_000_000
"""GitHub drops a step summary above 1 MiB."""

_MARKS = {
    Outcome.PASS: "ok",
    Outcome.REGRESSION: "REGRESSION",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.FAILED: "FAILED",
    Outcome.VOID: "void",
}


@dataclass(frozen=True)
class Findings:
    """All that a check found. ``notes`` change no verdict."""

    base: str
    head: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    names: dict[Name, str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        cells = (verdict.cell for verdict in self.verdicts if verdict.cell)
        object.__setattr__(self, "names", short_names(cells))

    @property
    def outcome(self) -> Outcome:
        return worst(self.verdicts)

    def sentence(self, verdict: Verdict) -> str:
        """One verdict with its cell's name."""
        phrase = verdict.phrase
        return f"{self.names[verdict.cell]} {phrase}" if verdict.cell else phrase

    def lines(self) -> list[tuple[Outcome, str]]:
        """A sentence a cell, the worst first: what did not pass, else that all did."""
        grouped: dict[Name | None, list[Verdict]] = {}
        for verdict in by_gravity(self.verdicts):
            grouped.setdefault(verdict.cell, []).append(verdict)
        lines = []
        for cell, verdicts in grouped.items():
            name = f"{self.names[cell]} " if cell else ""
            lines.append((worst(verdicts), name + _together(verdicts)))
        return lines

    def ending(self) -> str:
        """The outcome in one line, with how often each came."""
        counts = dict.fromkeys(Outcome, 0)
        for verdict in self.verdicts:
            counts[verdict.outcome] += 1
        counted = ", ".join(f"{n} {outcome.value}" for outcome, n in counts.items() if n)
        return f"{self.outcome.value}: {counted or 'there was nothing to judge'}"


def _together(verdicts: Sequence[Verdict]) -> str:
    """The phrases of one cell: those that did not pass, and what noise leaves of the rest."""
    bad = [verdict.phrase for verdict in verdicts if verdict.outcome is not Outcome.PASS]
    good = [verdict for verdict in verdicts if verdict.outcome is Outcome.PASS]
    changed = [v.phrase for v in good if v.tier != "exact" or v.base != v.head]
    same = len(good) - len(changed)
    counted = [f"{same} exact figures as in the baseline"] if same and not bad else []
    return "; ".join([*bad, *counted, *changed])


def write(findings: Findings, junit: Path | None, markdown: Path | None) -> None:
    """The files that were asked for; Markdown is appended, as a step summary wants it."""
    if junit is not None:
        write_atomic(junit, as_junit(findings).encode())
    if markdown is not None:
        with disk_errors(markdown, "--markdown"), markdown.open("a", encoding="utf-8") as file:
            file.write(as_markdown(findings))


def as_text(findings: Findings) -> str:
    """For a terminal or a log."""
    lines = [f"{_MARKS[outcome]:<12} {line}" for outcome, line in findings.lines()]
    notes = [f"{'note':<12} {note}" for note in findings.notes]
    return "\n".join([*lines, *notes, findings.ending()])


def as_json(findings: Findings) -> str:
    """One object: the outcome, its exit code, every verdict."""
    verdicts = [
        {**asdict(one), "cell": one.cell and "/".join(one.cell), "sentence": findings.sentence(one)}
        for one in findings.verdicts
    ]
    table = {
        "schema": 1,
        "outcome": findings.outcome,
        "exit_code": findings.outcome.exit_code,
        "base": findings.base,
        "head": findings.head,
        "verdicts": verdicts,
        "notes": findings.notes,
    }
    return json.dumps(table, indent=2, allow_nan=False) + "\n"


def as_junit(findings: Findings) -> str:
    """One test case a verdict: a regression is a failure, void and a failed cell are errors,
    inconclusive is skipped."""
    counts = [verdict.outcome for verdict in findings.verdicts]
    suite = ElementTree.Element(
        "testsuite",
        name="greendapt check",
        tests=str(len(counts)),
        failures=str(counts.count(Outcome.REGRESSION)),
        errors=str(counts.count(Outcome.FAILED) + counts.count(Outcome.VOID)),
        skipped=str(counts.count(Outcome.INCONCLUSIVE)),
    )
    for verdict in findings.verdicts:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=for_xml("/".join(verdict.cell or ("all cells",))),
            name=verdict.figure or (verdict.tier or "check"),
        )
        tag = _TAGS.get(verdict.outcome)
        if tag:
            message = for_xml(findings.sentence(verdict))
            ElementTree.SubElement(case, tag, message=message, type=verdict.outcome.value)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


_TAGS = {
    Outcome.REGRESSION: "failure",
    Outcome.FAILED: "error",
    Outcome.VOID: "error",
    Outcome.INCONCLUSIVE: "skipped",
}


_MOST_CHANGES = 30


def _changes(findings: Findings) -> list[str]:
    """A table of what is no longer as it was, the worst first: base, head and the difference."""
    changed = [
        v for v in by_gravity(findings.verdicts) if v.change is not None and v.base != v.head
    ]
    if not changed:
        return []
    rows = [
        (
            for_markdown(findings.names[v.cell] if v.cell else ""),
            GAUGES[str(v.figure)].says[1],
            _amount(v, v.base),
            _amount(v, v.head),
            _difference(v),
            _MARKS[v.outcome],
        )
        for v in changed[:_MOST_CHANGES]
    ]
    rest = len(changed) - len(rows)
    more = [f"And {rest} more."] if rest else []
    header = ("cell", "figure", "base", "head", "difference", "verdict")
    return ["", *markdown_table(header, rows), *more]


def _amount(verdict: Verdict, value: float | None) -> str:
    return "" if value is None else change_text.amount(str(verdict.figure), value)


def _difference(verdict: Verdict) -> str:
    change = Interval(float(verdict.change or 0.0), verdict.low, verdict.high)
    learnt = verdict.tier is Tier.ACCURACY
    return change_text.difference(change) if learnt else change_text.ratio(change)


def as_markdown(findings: Findings, limit_bytes: int = MARKDOWN_BYTES) -> str:
    """A table of one row a cell, the worst first, cut where a step summary would be dropped."""
    head = [
        f"### greendapt check: {findings.outcome.value}",
        "",
        f"{for_markdown(findings.head)} against {for_markdown(findings.base)}",
        "",
        "| verdict | what |",
        "| --- | --- |",
    ]
    rows = [f"| {_MARKS[outcome]} | {for_markdown(line)} |" for outcome, line in findings.lines()]
    notes = [*_changes(findings), "", *(f"- {for_markdown(note)}" for note in findings.notes)]
    size = sum(len(line.encode()) + 1 for line in (*head, *notes)) + 200
    kept = 0
    for row in rows:
        size += len(row.encode()) + 1
        if size > limit_bytes:
            break
        kept += 1
    if kept < len(rows):
        notes += ["", f"{len(rows) - kept} more cells are left out, none of them worse."]
    return "\n".join([*head, *rows[:kept], *notes, "", findings.ending()]) + "\n"
