"""What is in dataset folders, and what in them would make a result wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from greendapt.data.audit.counts import Counts, count
from greendapt.data.audit.duplicates import Shared, Twins, shared_patients, twins
from greendapt.data.audit.separability import Separability, separability
from greendapt.data.audit.source import Source, read
from greendapt.data.labels import Names
from greendapt.data.sources.listing import ASTRAY
from greendapt.suite.datasets import FolderData


@dataclass(frozen=True)
class Audit:
    """``findings``: a sentence for each thing to put right; none of them names a patient or file.

    ``named`` does: source -> "place in the list, file, reason" and the like.
    """

    counts: list[Counts]
    patients: list[Shared]
    twins: list[Twins]
    separability: list[Separability]
    findings: list[str]
    named: dict[str, list[str]]


def audit(
    specs: Sequence[FolderData],
    *,
    aliases: Mapping[str, tuple[str, ...]],
    say: Callable[[str], None],
) -> Audit:
    """Look at every image of the folders. ``say`` hears how far it is.

    Raises DataError where a folder lists nothing, or has not the column or split asked for.
    """
    sources = read(specs, Names.of(aliases), say)
    counts = [count(source) for source in sources]
    say("looking for copies")
    shared, copies = shared_patients(sources), twins(sources)
    findings = [
        *(line for one in sources for line in _wrong(one)),
        *map(_patients, shared),
        *(_copies(one) for one in copies if one.one != one.other),
    ]
    say("telling the sources apart")
    return Audit(
        counts, shared, copies, separability(sources), findings, _named(sources, shared, copies)
    )


def _wrong(source: Source) -> list[str]:
    """What is wrong with the folder itself."""
    findings = [
        f"{source.name}: {len(problem.items)} {problem.what}"
        for problem in source.problems
        if problem.what != ASTRAY
    ]
    if source.bad:
        findings.append(f"{source.name}: {len(source.bad)} of {len(source)} images cannot be read")
    return findings


def _patients(one: Shared) -> str:
    if one.one.source == one.other.source:
        return f"{one.patients} patients are in both {one.one} and {one.other}"
    return (
        f"{one.patients} patient ids are in both {one.one} and {one.other} (if they are numbers "
        "given by each source, this may be chance)"
    )


def _copies(one: Twins) -> str:
    return (
        f"{one.exact + one.near} images of {one.other} are in {one.one}, too ({one.exact} exactly)"
    )


def _named(
    sources: Sequence[Source], shared: Sequence[Shared], copies: Sequence[Twins]
) -> dict[str, list[str]]:
    rows = {source.name: source.rows for source in sources}
    named = {
        f"{source.name}: cannot be read": [
            f"{place + 1}: {source.rows[place].shown} ({why})"
            for place, why in sorted(source.bad.items())
        ]
        for source in sources
    }
    named |= {
        f"{source.name}: {problem.what}": problem.items
        for source in sources
        for problem in source.problems
        if problem.what != ASTRAY
    }
    named |= {f"patients in {one.one} and {one.other}": one.ids for one in shared}
    named |= {
        f"copies, {one.one} and {one.other}": [
            f"{rows[one.one.source][a - 1].shown} = {rows[one.other.source][b - 1].shown}"
            for a, b in one.pairs
        ]
        for one in copies
    }
    return {key: lines for key, lines in named.items() if lines}
