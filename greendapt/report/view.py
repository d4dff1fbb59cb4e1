"""From a run to the view model: a pure function, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from greendapt.core.records import Row
from greendapt.core.suite import Suite
from greendapt.report import compare, validity, verdict, words
from greendapt.report.compare import Seeds
from greendapt.report.model import COST_KEYS, Comparison, Entry, FailedCell, Panel, Path, View
from greendapt.report.rundata import RunData
from greendapt.report.spending import spending, spending_note

Asked = tuple[str, str, int | str]
"""Backbone, transfer and shots: one question, one panel."""


def view(run: RunData) -> View:
    """Everything a report of ``run`` says."""
    summary, suite = run.summary, run.info.suite
    cost_key = _cost_key(summary.rows)
    questions = _questions(summary.rows)
    panels = tuple(_panel(run, question, questions, cost_key) for question in questions)
    return View(
        title=suite.title,
        about=suite.about,
        scope=_scope(run),
        suite=summary.suite,
        profile=summary.profile,
        started_at=words.moment(run.info.started_at),
        synthetic=summary.synthetic,
        headline=verdict.headline([(panel.title, panel.verdict) for panel in panels]),
        details=panels[0].verdict.sentences[1:] if len(panels) == 1 else (),
        caveats=validity.caveats(run, panels),
        cost_key=cost_key,
        panels=panels,
        spending=spending(run.records),
        spending_note=spending_note(run),
        failures=tuple(
            FailedCell(
                f"{f.strategy}, {f.backbone}, seed {f.seed}, {f.transfer}, {_labels(f.shots)}",
                f.stage,
                f.error,
            )
            for f in summary.failures
        ),
        validity=validity.facts(run, panels),
        command=run.info.command,
        reproduce=validity.reproduction(run),
    )


def _scope(run: RunData) -> str:
    """Backbones, image size, weights, transfers and seeds, in one line."""
    rows, suite = run.summary.rows, run.info.suite
    transfers = list(dict.fromkeys(row.transfer for row in rows)) or list(suite.run.transfers)
    seeds = len({row.seed for row in rows})
    return (
        f"{words.listed(list(suite.model.backbones))} at {suite.model.image_size} px, "
        f"{PurePath(suite.model.weights).name} weights; transfer by {words.listed(transfers)}; "
        f"{words.plural(seeds, 'seed')}"
    )


def _cost_key(rows: Sequence[Row]) -> str | None:
    """The first cost that every row knows: carbon, else energy, time, FLOPs."""
    known = (k for k in COST_KEYS if all(compare.figure(row, k).value is not None for row in rows))
    return next(known, None) if rows else None


def _questions(rows: Sequence[Row]) -> list[Asked]:
    """(backbone, transfer, shots) in order of appearance; few shots first."""
    found = dict.fromkeys((row.backbone, row.transfer, row.shots) for row in rows)
    backbones = list(dict.fromkeys(asked[0] for asked in found))
    transfers = list(dict.fromkeys(asked[1] for asked in found))

    def order(asked: Asked) -> tuple[int, int, float]:
        shots = float("inf") if asked[2] == "full" else float(asked[2])
        return backbones.index(asked[0]), transfers.index(asked[1]), shots

    return sorted(found, key=order)


def _labels(shots: int | str) -> str:
    return "all labels" if shots == "full" else f"{shots} labels a class"


def _title(asked: Asked, questions: Sequence[Asked]) -> str:
    """What sets a question apart from the others, the number of labels always."""
    several = [len({one[part] for one in questions}) > 1 for part in (0, 1)]
    said = [name for name, worth in zip(asked[:2], several, strict=True) if worth]
    return ", ".join([*map(str, said), _labels(asked[2])])


def references(suite: Suite, strategies: Sequence[str]) -> tuple[str | None, str | None]:
    """The names of no DAPT and of full DAPT among ``strategies``; None where the run has none."""

    def is_none(name: str) -> bool:
        return not suite.phases(name) and suite.cut(name) is None

    def is_full(name: str) -> bool:
        trained = [phase.train for phase in suite.phases(name)]
        return (
            "all" in trained
            and {"all", "head"}.issuperset(map(str, trained))
            and not suite.cut(name)
        )

    known = [name for name in strategies if name in suite.strategy]
    return next(filter(is_none, known), None), next(filter(is_full, known), None)


def _panel(run: RunData, asked: Asked, questions: Sequence[Asked], cost_key: str | None) -> Panel:
    rows = [r for r in run.summary.rows if (r.backbone, r.transfer, r.shots) == asked]
    groups = _groups(rows)
    paths = compare.metric_paths(rows)
    none, full = references(run.info.suite, list(dict.fromkeys(row.strategy for row in rows)))
    marks = {s: i for i, s in enumerate(dict.fromkeys(row.strategy for row in run.summary.rows))}
    seeds = list(groups.values())
    standing = zip(
        compare.front(seeds, cost_key), compare.front_chances(seeds, cost_key), strict=True
    )
    entries = [
        replace(
            _entry(name, groups, paths, run.info.suite, marks),
            against_full=_against(name, full, groups, paths),
            against_none=_against(name, none, groups, paths),
            on_front=on_front,
            front_probability=chance,
        )
        for name, (on_front, chance) in zip(groups, standing, strict=True)
    ]
    entries.sort(key=lambda entry: _sort_cost(entry, cost_key))
    question = verdict.Question(entries, groups, cost_key, none, full)
    return Panel(
        backbone=asked[0],
        transfer=asked[1],
        shots=str(asked[2]),
        title=_title(asked, questions),
        entries=tuple(entries),
        measures=paths,
        verdict=verdict.verdict(question),
    )


def _groups(rows: Sequence[Row]) -> dict[str, Seeds]:
    """The rows of each strategy by seed."""
    groups: dict[str, dict[int, Row]] = {}
    for row in rows:
        groups.setdefault(row.strategy, {})[row.seed] = row
    return dict(groups)


def _entry(
    name: str,
    groups: Mapping[str, Seeds],
    paths: Sequence[Path],
    suite: Suite,
    marks: Mapping[str, int],
) -> Entry:
    seeds = groups[name]
    metrics = {path: compare.metric_estimate(seeds, path) for path in paths}
    described = suite.strategy.get(name)
    return Entry(
        name=name,
        about=described.about if described else "",
        mark=marks[name],
        seeds=tuple(sorted(seeds)),
        metrics={path: estimate for path, estimate in metrics.items() if estimate},
        costs={key: compare.cost_estimate(seeds, key) for key in compare.FIGURES},
        against_full=None,
        against_none=None,
        on_front=False,
        front_probability=None,
    )


def _against(
    name: str, reference: str | None, groups: Mapping[str, Seeds], paths: Sequence[Path]
) -> Comparison | None:
    """Against a reference strategy; None for itself or without one."""
    if reference is None or reference == name or reference not in groups:
        return None
    return compare.compare(groups[name], groups[reference], reference, paths)


def _sort_cost(entry: Entry, key: str | None) -> float:
    estimate = entry.costs[key].estimate if key else None
    return float("inf") if estimate is None else estimate.mean
