"""What is in datasets, and what in them would make a result wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from greendapt.core.remarks import Remark, leak, ranked, weak
from greendapt.data.audit.counts import Counts, count
from greendapt.data.audit.duplicates import Shared, Twins, places, shared_patients, twins
from greendapt.data.audit.separability import Separability, separability
from greendapt.data.audit.source import Source, read
from greendapt.data.checks import words
from greendapt.data.checks.cautions import contradicted
from greendapt.data.checks.shortcuts import Suspects, Told, features, shortcuts
from greendapt.data.checks.shortcuts import remarks as shortcut_remarks
from greendapt.data.copies.appearance import Floats
from greendapt.data.labels import Names
from greendapt.data.sources.listing import ASTRAY
from greendapt.suite.datasets import FolderData, NpzData


@dataclass(frozen=True)
class Audit:
    """``findings``: a sentence for each thing to put right, gravest first; none of them names a
    patient or file.

    ``read``: source -> how it was read. ``named`` names them: source -> "place in the list, file,
    reason" and the like.
    """

    read: dict[str, list[str]]
    counts: list[Counts]
    patients: list[Shared]
    twins: list[Twins]
    separability: list[Separability]
    shortcuts: dict[str, list[Told]]
    suspects: dict[str, list[Suspects]]
    findings: list[str]
    named: dict[str, list[str]]


def audit(
    specs: Sequence[FolderData | NpzData],
    *,
    aliases: Mapping[str, tuple[str, ...]],
    say: Callable[[str], None],
) -> Audit:
    """Look at every image of folders and MedMNIST's files. ``say`` hears how far it is.

    Raises DataError where one lists nothing, or has not the column or split asked for.
    """
    sources = read(specs, Names.of(aliases), say)
    counts = [count(source) for source in sources]
    say("looking for copies")
    shared, copies = shared_patients(sources), twins(sources)
    sizes = {place: len(rows) for place, rows in places(sources).items()}
    remarks = [
        *(remark for one in sources for remark in _wrong(one)),
        *map(_patients, shared),
        *(_copies(one, sizes[one.other]) for one in copies if one.one != one.other),
        *(remark for one in sources for remark in _contradicted(one)),
    ]
    say("looking for shortcuts and wrong labels")
    told = [_shortcuts(source) for source in sources]
    for source, one in zip(sources, told, strict=True):
        remarks += shortcut_remarks(*one, source.name)
    say("telling the sources apart")
    return Audit(
        {source.name: list(map(str, ranked(source.remarks))) for source in sources},
        counts,
        shared,
        copies,
        separability(sources),
        {source.name: one[0] for source, one in zip(sources, told, strict=True)},
        {source.name: one[1] for source, one in zip(sources, told, strict=True)},
        [remark.text for remark in ranked(remarks)],
        _named(sources, shared, copies),
    )


def _shortcuts(source: Source) -> tuple[list[Told], list[Suspects]]:
    readable = np.array([k for k in range(len(source)) if k not in source.bad], dtype=np.int64)
    if not len(readable):
        return [], []
    traits = None if source.traits is None else source.traits[readable]
    seen = features(source.pictures[readable], traits)
    labels = {name: values[readable] for name, values in source.labels.items()}
    if len(labels) == 2 and all(np.array_equal(*pair) for pair in [_opposites(labels)]):
        labels.popitem()  # of two classes one tells all
    ids = [source.rows[k].patient or k for k in readable.tolist()]
    number = {one: k for k, one in enumerate(dict.fromkeys(ids))}
    return shortcuts(seen, labels, np.array([number[one] for one in ids], dtype=np.int64))


def _opposites(labels: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    one, other = labels.values()
    return one, 1 - other


def _wrong(source: Source) -> list[Remark]:
    """What is wrong with the folder itself."""
    remarks = [
        weak(f"{source.name}: {len(problem.items)} {problem.what}")
        for problem in source.problems
        if problem.what != ASTRAY
    ]
    if source.bad:
        text = f"{source.name}: {len(source.bad)} of {len(source)} images cannot be read"
        remarks.append(weak(text))
    return remarks


def _patients(one: Shared) -> Remark:
    text = words.patients(one.patients, str(one.one), str(one.other))
    if one.one.source == one.other.source:
        return leak(text)
    return leak(f"{text} (if they are numbers given by each source, this may be chance)")


def _copies(one: Twins, images: int) -> Remark:
    return leak(words.copies(one.near, one.exact, images, str(one.other), str(one.one)))


def _contradicted(source: Source) -> list[Remark]:
    readable = np.array([k not in source.bad for k in range(len(source))])
    if not source.labels or not readable.any():
        return []
    targets = np.stack(list(source.labels.values()), axis=1)[readable]
    count = int(contradicted(source.hashes[readable], targets).sum())
    return [weak(words.contradicted(count, source.name))] if count else []


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
