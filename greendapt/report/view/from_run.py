"""From a run to the view model: a pure function, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from statistics import fmean
from typing import Any

from greendapt.core.records import Row
from greendapt.core.text import listed, plural, shots_text, visible
from greendapt.report import words
from greendapt.report.view import budgets, corruption_scores, estimates, validity, verdict
from greendapt.report.view.estimates import Seeds
from greendapt.report.view.learning import learning
from greendapt.report.view.model import (
    COST_KEYS,
    HEADLINES,
    Comparison,
    Entry,
    FailedCell,
    Panel,
    Path,
    Setting,
    Standing,
    View,
    headline,
)
from greendapt.report.view.planned import planned
from greendapt.report.view.scaling import scaling
from greendapt.report.view.sentences import Sentence
from greendapt.report.view.spending import spending, spending_note, stage_costs
from greendapt.report.view.stopping import stopping
from greendapt.store.runinfo import RunData
from greendapt.suite.models import Suite
from greendapt.suite.references import full_dapt, no_dapt


def view(run: RunData) -> View:
    """Everything a report of ``run`` says, with nothing in its text that a reader cannot see."""
    shown: View = _visible(_view(run))
    return shown


def _visible(value: Any) -> Any:
    """``value`` with `visible` text all the way down."""
    if isinstance(value, Sentence):
        return Sentence(*map(_visible, value.spans))
    if isinstance(value, str):
        return value if value.isprintable() else type(value)(visible(value))
    if type(value) is tuple:
        return tuple(map(_visible, value))
    if isinstance(value, dict):
        return {_visible(key): _visible(one) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: _visible(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **parts)
    return value


def _view(run: RunData) -> View:
    summary, suite = run.summary, run.info.suite
    marks = {s: i for i, s in enumerate(dict.fromkeys(row.strategy for row in summary.rows))}
    cost_key = _cost_key(summary.rows)
    settings = _settings(summary.rows)
    panels = tuple(_panel(run, setting, settings, cost_key, marks) for setting in settings)
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
        cautions=run.cautions,
        cost_key=cost_key,
        panels=panels,
        learning=learning(run, marks),
        sections=tuple(section for part in (stopping, scaling) if (section := part(run))),
        spending=spending(run.records),
        stage_costs=stage_costs(run),
        spending_note=spending_note(run),
        planned=planned(run.info.plan, run.records),
        failures=tuple(
            FailedCell(
                f"{f.strategy}, {f.backbone}, seed {f.seed}, {f.transfer}, {shots_text(f.shots)}",
                f.stage,
                f.error,
            )
            for f in summary.failures
        ),
        validity=validity.facts(run, panels),
        intensity_g_per_kwh=run.info.grid.intensity_g_per_kwh,
        pue=run.info.grid.pue,
        command=run.info.command,
        reproduce=validity.reproduction(run),
    )


def _scope(run: RunData) -> str:
    """Backbones, image size, weights, transfers and seeds, in one line."""
    rows, suite = run.summary.rows, run.info.suite
    backbones = list(dict.fromkeys(row.backbone for row in rows)) or list(suite.model.backbones)
    transfers = list(dict.fromkeys(row.transfer for row in rows)) or list(suite.run.transfers)
    seeds = len({row.seed for row in rows})
    return (
        f"{listed(backbones)} at {suite.model.image_size} px, "
        f"{PurePath(suite.model.weights).name} weights; transfer by {listed(transfers)}; "
        f"{plural(seeds, 'seed')}"
    )


def _cost_key(rows: Sequence[Row]) -> str | None:
    """The first cost that every row knows: carbon, else energy, time, FLOPs."""
    keys = (k for k in COST_KEYS if all(estimates.figure(row, k).value is not None for row in rows))
    return next(keys, None) if rows else None


def _settings(rows: Sequence[Row]) -> list[Setting]:
    """(backbone, transfer, shots) in order of appearance; few shots first."""
    settings = dict.fromkeys(estimates.setting(row) for row in rows)
    backbones = list(dict.fromkeys(setting[0] for setting in settings))
    transfers = list(dict.fromkeys(setting[1] for setting in settings))

    def order(setting: Setting) -> tuple[int, int, float]:
        shots = float("inf") if setting[2] == "full" else float(setting[2])
        return backbones.index(setting[0]), transfers.index(setting[1]), shots

    return sorted(settings, key=order)


def _title(setting: Setting, settings: Sequence[Setting]) -> str:
    """What sets a question apart from the others, the number of labels always."""
    several = [len({one[part] for one in settings}) > 1 for part in (0, 1)]
    names = [name for name, worth in zip(setting[:2], several, strict=True) if worth]
    return ", ".join([*map(str, names), shots_text(setting[2])])


def _panel(
    run: RunData,
    setting: Setting,
    settings: Sequence[Setting],
    cost_key: str | None,
    marks: Mapping[str, int],
) -> Panel:
    rows = [r for r in run.summary.rows if estimates.setting(r) == setting]
    paths = estimates.metric_paths(rows)
    suite = run.info.suite
    strategies = list(dict.fromkeys(row.strategy for row in rows))
    none, fulls = no_dapt(suite, strategies), full_dapt(suite, strategies)
    # of full DAPT on several pools none is what the others are to be compared with
    full = fulls[0] if len({suite.pool(name) for name in fulls}) == 1 else None
    groups = _sorted(_groups(rows), cost_key)
    seeds = list(groups.values())
    standing = estimates.standings(seeds, cost_key, headline(paths))
    names = estimates.figure_names(rows)
    entries = [
        replace(
            _entry(name, groups, paths, names, run.info.suite, marks, stands),
            against_full=_against(name, full, groups, paths),
            against_none=_against(name, none, groups, paths),
        )
        for name, stands in zip(groups, standing, strict=True)
    ]
    question = verdict.Question(
        entries, groups, cost_key, none, full, headline(paths), several_full=len(fulls) > 1
    )
    scores = [path for path in paths if path[-1] in HEADLINES]
    return Panel(
        backbone=setting[0],
        transfer=setting[1],
        shots=str(setting[2]),
        title=_title(setting, settings),
        entries=tuple(entries),
        measures=paths,
        figures=names,
        standings={(k, p): estimates.standings(seeds, k, p) for k in COST_KEYS for p in scores},
        verdict=verdict.verdict(question),
        budgets=budgets.budgets(entries),
        targets=budgets.targets(entries),
        robustness=corruption_scores.robustness(groups),
    )


def _sorted(groups: Mapping[str, Seeds], cost_key: str | None) -> dict[str, Seeds]:
    """Cheapest first; in order of appearance where no cost is known."""

    def cost(name: str) -> float:
        costs = estimates.cost_values(groups[name], cost_key).values() if cost_key else ()
        return fmean(costs) if costs else float("inf")

    return {name: groups[name] for name in sorted(groups, key=cost)}


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
    figures: Sequence[str],
    suite: Suite,
    marks: Mapping[str, int],
    standing: Standing,
) -> Entry:
    seeds = groups[name]
    metrics = {path: estimates.metric_estimate(seeds, path) for path in paths}
    described = suite.strategy.get(name)
    return Entry(
        name=name,
        about=described.about if described else "",
        mark=marks[name],
        seeds=tuple(sorted(seeds)),
        metrics={path: estimate for path, estimate in metrics.items() if estimate},
        costs={key: estimates.cost_estimate(seeds, key) for key in figures},
        against_full=None,
        against_none=None,
        standing=standing,
    )


def _against(
    name: str, reference: str | None, groups: Mapping[str, Seeds], paths: Sequence[Path]
) -> Comparison | None:
    """Against a reference strategy; None for itself or without one."""
    if reference is None or reference == name or reference not in groups:
        return None
    return estimates.compare(groups[name], groups[reference], reference, paths)
