"""Whom a network serves worse: AUCs by group of patients, the largest gap, and who widens it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from greendapt.core.packed import unpack
from greendapt.core.records import Row
from greendapt.core.text import listed
from greendapt.report import words
from greendapt.report.view.model import Fact, Section, Setting, Table
from greendapt.report.view.reached import Draws, Seeds
from greendapt.report.view.verdict import Question
from greendapt.stats.crossed import Crossed, Sample, crossed
from greendapt.stats.intervals import Floats, Interval

_BY = "auc_by_"
_PEOPLE = "patients_by_"
_CLASSES = "auc_by_class"
_EXPLANATION = (
    "Development AUC of groups of test patients, by what the table says of them; groups of fewer "
    "than 20 patients are left out. The gap is between the two groups that lie furthest apart for "
    "the strategy that all others are compared with (no DAPT, else the first), so that it is the "
    "same two groups for all."
)


@dataclass(frozen=True)
class Gap:
    """By ``kind`` of group, in one setting: ``better`` less ``worse``, for each strategy."""

    kind: str
    better: str
    worse: str
    model: Crossed
    scores: Mapping[str, Mapping[str, float]]
    patients: Mapping[str, float]
    reference: str

    def wider(self, name: str) -> Interval | None:
        """The gap of a strategy less that of the reference."""
        return None if name == self.reference else self.model.difference(name, self.reference)


def subgroups(draws: Draws, questions: Mapping[Setting, Question]) -> Section | None:
    """None where no table says anything of patients."""
    head = ("question", "by", "strategy", "AUC by group (patients)", "gap [95%]", "wider by [95%]")
    lines = [
        (words.setting(setting), gap.kind, name, *_line(gap, name))
        for setting, question in questions.items()
        for gap in gaps(question, draws)
        for name in gap.model.names
    ]
    table: Table = (head, *lines)
    return Section("subgroups", "Subgroups", _EXPLANATION, (table,)) if lines else None


def _line(gap: Gap, name: str) -> tuple[str, str, str]:
    groups = [
        f"{group} {words.number(value)} ({gap.patients.get(group, 0):.0f})"
        for group, value in gap.scores[name].items()
    ]
    wider = gap.wider(name)
    return (
        ", ".join(groups),
        f"{gap.better} over {gap.worse}: {gap.model.interval(name).text('+.3f')}",
        "reference" if wider is None else wider.text("+.3f"),
    )


def facts(draws: Draws, questions: Mapping[Setting, Question], buys: Sequence[str]) -> list[Fact]:
    """Of each setting's best buy: a gap that is no chance, and one that adaptation widens."""
    told = []
    for (setting, question), buy in zip(questions.items(), buys, strict=True):
        for gap in gaps(question, draws):
            if buy in gap.model.names:
                told.append(_fact(words.setting(setting), gap, buy))
    return told


def _fact(setting: str, gap: Gap, buy: str) -> Fact:
    scores, wider = gap.scores[buy], gap.wider(buy)
    both = [f"{group} {words.number(scores[group])}" for group in (gap.better, gap.worse)]
    interval = gap.model.interval(buy)
    against = "" if wider is None else f", {words.difference(wider)} against {gap.reference}"
    grave = any(
        one is not None and one.low is not None and one.low > 0 for one in (interval, wider)
    )
    text = f"{buy}: AUC by {gap.kind} {listed(both)}, gap {words.difference(interval)}{against}"
    return Fact("Subgroups", f"{setting}: {text}.", grave)


def gaps(question: Question, draws: Draws) -> Iterator[Gap]:
    """One a kind of which every strategy has scores of the same groups."""
    groups = question.reached.groups
    rows = [row for seeds in groups.values() for row in seeds.values()]
    kinds = dict.fromkeys(
        name.removeprefix(_BY)
        for row in rows
        for name, value in row.metrics.get("development", {}).items()
        if name.startswith(_BY) and isinstance(value, dict) and not name.startswith(_CLASSES)
    )
    for kind in kinds:
        gap = _gap(kind, groups, question.none, draws)
        if gap is not None:
            yield gap


def _gap(kind: str, groups: Mapping[str, Seeds], none: str | None, draws: Draws) -> Gap | None:
    tables = {
        name: [_values(row, _BY + kind) for row in seeds.values()] for name, seeds in groups.items()
    }
    shared = set.intersection(*(set(one) for many in tables.values() for one in many))
    if len(shared) < 2:
        return None
    means = {
        name: {group: fmean(one[group] for one in many) for group in sorted(shared)}
        for name, many in tables.items()
    }
    reference = none if none is not None and none in means else next(iter(means))
    at = means[reference]
    better, worse = max(at, key=at.__getitem__), min(at, key=at.__getitem__)
    people = _values(next(iter(groups[reference].values())), _PEOPLE + kind)
    samples = {
        name: _difference(seeds, draws, _BY + kind, (better, worse), sum(people.values()))
        for name, seeds in groups.items()
    }
    return Gap(kind, better, worse, crossed(samples, -1.0, 1.0), means, people, reference)


def _difference(
    seeds: Seeds, draws: Draws, name: str, pair: tuple[str, str], patients: float
) -> Sample:
    """Of the first group's AUC less the second's."""
    values, drawn = {}, {}
    for seed, row in seeds.items():
        told = _values(row, name)
        values[seed] = told[pair[0]] - told[pair[1]]
        one, other = (_drawn(row, draws, f"{name}:{group}") for group in pair)
        drawn[seed] = one - other
    return Sample(values, drawn, int(patients))


def _values(row: Row, name: str) -> dict[str, float]:
    found = row.metrics.get("development", {}).get(name)
    table = found if isinstance(found, dict) else {}
    return {group: value for group, value in table.items() if value is not None}


def _drawn(row: Row, draws: Draws, name: str) -> Floats:
    details = draws.get(row.stages[-1]) if row.stages else None
    return unpack("" if details is None else details.draws.get("development", {}).get(name, ""))
