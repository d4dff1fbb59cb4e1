"""From a run to the view model: a pure function, the same for every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from statistics import fmean

from greendapt.core.disturbance import disturbed
from greendapt.core.figures import Quality
from greendapt.core.records import PAID, Row
from greendapt.core.remarks import Gravity
from greendapt.core.text import listed, plural, shots_text, visible
from greendapt.report import words
from greendapt.report.view import (
    budgets,
    corruption_scores,
    curves,
    estimates,
    first_screen,
    subgroups,
    validity,
    verdict,
)
from greendapt.report.view.bill import bill
from greendapt.report.view.claims import claims
from greendapt.report.view.in_use import in_use
from greendapt.report.view.layers import layers
from greendapt.report.view.learning import learning
from greendapt.report.view.marks import marks
from greendapt.report.view.model import (
    COST_KEYS,
    Comparison,
    Entry,
    FailedCell,
    Panel,
    Setting,
    Standing,
    View,
)
from greendapt.report.view.planned import planned
from greendapt.report.view.reached import Draws, Reached, Seeds, draws_of, metric_paths
from greendapt.report.view.rounds import rounds
from greendapt.report.view.scaling import scaling
from greendapt.report.view.spending import spending, spending_note, stage_costs
from greendapt.report.view.stopping import stopping
from greendapt.report.view.texts import each_text
from greendapt.stats.racing import SPREAD
from greendapt.store.runinfo import RunData
from greendapt.suite.models import Suite
from greendapt.suite.references import full_dapt, full_reference, no_dapt
from greendapt.suite.written import as_toml


def view(run: RunData) -> View:
    """Everything a report of ``run`` says, with nothing in its text that a reader cannot see."""
    shown: View = each_text(_view(run), visible)
    return shown


def judged(run: RunData) -> dict[Setting, verdict.Question]:
    """The question of each setting, with the answer's error model, and nothing drawn."""
    rows, draws = run.summary.rows, draws_of(run.records)
    cost_key = _cost_key(rows)
    alike = dict.fromkeys(run.info.suite.strategy, 0)
    return {setting: _question(run, draws, setting, cost_key, alike) for setting in _settings(rows)}


def _view(run: RunData) -> View:
    summary, suite = run.summary, run.info.suite
    mark_of = marks(suite, list(dict.fromkeys(row.strategy for row in summary.rows)))
    cost_key = _cost_key(summary.rows)
    settings, draws = _settings(summary.rows), draws_of(run.records)
    questions = {one: _question(run, draws, one, cost_key, mark_of) for one in settings}
    panels = tuple(_panel(question, one, settings) for one, question in questions.items())
    judged_settings = [
        (panel.title, question, panel.verdict)
        for panel, question in zip(panels, questions.values(), strict=True)
    ]
    reached = {one: question.reached for one, question in questions.items()}
    caveats = validity.caveats(run, panels)
    buys = [panel.verdict.buy for panel in panels]
    leaks = [one.text for one in run.info.notes if one.gravity is Gravity.LEAK]
    told = verdict.headline([(panel.title, panel.verdict) for panel in panels], leaks)
    parts = (
        in_use(run, questions),
        rounds(run, questions),
        claims(run, reached),
        stopping(run),
        scaling(run, reached),
        subgroups.subgroups(draws, questions),
        *curves.sections(draws, questions, buys),
    )
    return View(
        title=suite.title,
        about=suite.about,
        scope=_scope(run),
        suite=summary.suite,
        profile=summary.profile,
        started_at=words.moment(run.info.started_at),
        synthetic=summary.synthetic,
        plain=verdict.with_leaks(panels[0].plain, leaks) if len(panels) == 1 else told,
        headline=told,
        details=panels[0].verdict.sentences[1:] if len(panels) == 1 else (),
        caveats=tuple(one.text for one in caveats),
        caveats_in_short=", ".join(dict.fromkeys(one.topic for one in caveats)),
        cautions=run.cautions,
        cost_key=cost_key,
        panels=panels,
        learning=learning(run, mark_of),
        sections=tuple(one for one in parts if one),
        spending=spending(run.records),
        stage_costs=stage_costs(run),
        spending_note=spending_note(run),
        bill=bill(run, judged_settings),
        planned=planned(run.info.plan, run.records),
        failures=tuple(
            FailedCell(
                f"{f.strategy}, {f.backbone}, seed {f.seed}, {f.transfer}, {shots_text(f.shots)}",
                f.stage,
                f.error,
            )
            for f in summary.failures
        ),
        validity=(
            *validity.facts(run, panels),
            *subgroups.facts(draws, questions, buys),
        ),
        intensity_g_per_kwh=run.info.grid.intensity_g_per_kwh,
        pue=run.info.grid.pue,
        command=run.info.command,
        suite_toml=as_toml(suite),
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


def _order_key(run: RunData, rows: Sequence[Row], cost_key: str | None) -> str | None:
    """What strategies are ordered by: FLOPs, which are exact, in place of an energy that is
    estimated, or that was counted while something disturbed it."""
    if cost_key is None:
        return None
    doubtful = any(estimates.figure(row, "energy_j").quality is Quality.ESTIMATED for row in rows)
    doubtful = doubtful or any(one.record.role in PAID for one in disturbed(run.records))
    flops = all(estimates.figure(row, "training_flops").value is not None for row in rows)
    return "training_flops" if doubtful and flops else cost_key


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


def _question(
    run: RunData,
    draws: Draws,
    setting: Setting,
    cost_key: str | None,
    mark_of: Mapping[str, int],
) -> verdict.Question:
    rows = [row for row in run.summary.rows if estimates.setting(row) == setting]
    suite, order_key = run.info.suite, _order_key(run, rows, cost_key)
    strategies = list(dict.fromkeys(row.strategy for row in rows))
    none, full = no_dapt(suite, strategies), full_reference(suite, strategies)
    spread = SPREAD if suite.run.is_race else None
    groups = _sorted(estimates.by_setting(rows)[setting], order_key)
    reached = Reached.of(groups, draws, spread, suite.verdict.metric)
    standing = estimates.standings(reached, order_key, reached.path)
    names = estimates.figure_names(rows)
    entries = [
        replace(
            _entry(name, reached, names, suite, mark_of, stands),
            against_full=_against(name, full, reached),
            against_none=_against(name, none, reached),
        )
        for name, stands in zip(reached.groups, standing, strict=True)
    ]
    return verdict.Question(
        entries,
        reached,
        cost_key,
        none,
        full,
        suite.verdict.margin,
        order_key=order_key,
        path=reached.path,
        predictions=suite.use.predictions if suite.use else 0,
        several_full=len(full_dapt(suite, strategies)) > 1,
    )


def _panel(question: verdict.Question, setting: Setting, settings: Sequence[Setting]) -> Panel:
    rows = [row for seeds in question.reached.groups.values() for row in seeds.values()]
    paths = metric_paths(rows)
    scores = [path for path in paths if path[-1] == question.path[-1]]
    standing = {
        (k, p): estimates.standings(question.reached, k, p) for k in COST_KEYS for p in scores
    }
    answer = verdict.verdict(question)
    return Panel(
        backbone=setting[0],
        transfer=setting[1],
        shots=str(setting[2]),
        title=_title(setting, settings),
        entries=tuple(question.entries),
        measures=paths,
        figures=estimates.figure_names(rows),
        standings=standing,
        verdict=answer,
        plain=first_screen.plain(question, answer),
        tiles=first_screen.tiles(question, answer),
        budgets=budgets.budgets(question.entries),
        targets=budgets.targets(question.entries),
        robustness=corruption_scores.robustness(question.reached),
        path=question.path,
        predictions=question.predictions,
    )


def _sorted(groups: Mapping[str, Seeds], cost_key: str | None) -> dict[str, Seeds]:
    """Cheapest first; in order of appearance where no cost is known."""

    def cost(name: str) -> float:
        costs = estimates.cost_values(groups[name], cost_key).values() if cost_key else ()
        return fmean(costs) if costs else float("inf")

    return {name: groups[name] for name in sorted(groups, key=cost)}


def _entry(
    name: str,
    reached: Reached,
    figures: Sequence[str],
    suite: Suite,
    mark_of: Mapping[str, int],
    standing: Standing,
) -> Entry:
    seeds = reached.groups[name]
    metrics = {path: reached.estimate(name, path) for path in metric_paths(seeds.values())}
    described = suite.strategy.get(name)
    return Entry(
        name=name,
        about=described.about if described else "",
        mark=mark_of[name],
        seeds=tuple(sorted(seeds)),
        metrics={path: estimate for path, estimate in metrics.items() if estimate},
        costs={key: estimates.cost_estimate(seeds, key) for key in figures},
        against_full=None,
        against_none=None,
        standing=standing,
        trained_share=_trained_share(seeds),
        layers=layers(suite, name),
        path=reached.path,
    )


def _trained_share(seeds: Seeds) -> float | None:
    row = next(iter(seeds.values()))
    whole = row.counts.get("params", 0)
    return min(1.0, row.trainable_params / whole) if whole else None


def _against(name: str, reference: str | None, reached: Reached) -> Comparison | None:
    """Against a reference strategy; None for itself or without one."""
    if reference is None or reference == name or reference not in reached.groups:
        return None
    return estimates.compare(name, reference, reached)
