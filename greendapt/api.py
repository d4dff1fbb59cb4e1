"""greendapt from Python: load a suite, run it, read a run, and look at what came out.

``import greendapt`` has all of it, and loads torch only when something runs::

    suite = greendapt.load_suite("chestxray", "smoke", {"run.seeds": 2})
    run = greendapt.run(suite, out="runs")
    run.frame(), run.pareto(), run.verdict.headline
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greendapt.accounting.grid import Grid
from greendapt.core.errors import GreendaptError, RunError
from greendapt.core.records import Failure, Record, Summary
from greendapt.core.terminal import say
from greendapt.report import at_size
from greendapt.report.charts import drawing, pareto_chart
from greendapt.report.charts.theme import LIGHT
from greendapt.report.figure import Drawn, write_figure
from greendapt.report.formats import cells, notebook, table
from greendapt.report.part import part_of, seeds_of, words_of
from greendapt.report.report_files import load_run, on_grid, run_folder, with_question
from greendapt.report.trackers.table import Tracked, track
from greendapt.report.view.answer import Answer as Answer
from greendapt.report.view.from_run import view
from greendapt.report.view.model import Panel, View
from greendapt.report.view.payback import Bill
from greendapt.report.view.recommendation import Recommendation, recommendations
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import RunData, RunInfo
from greendapt.suite import suite_files
from greendapt.suite.models import Suite

if TYPE_CHECKING:
    from greendapt.run.allowance import Allowance, Standing
    from greendapt.run.budget import Budget
    from greendapt.run.export import Exported
    from greendapt.run.progress import Reporter
    from greendapt.run.session import Session
    from greendapt.run.workers.executor import Executor
    from greendapt.train.parallel import Ranks

Say = Callable[[str], None]


def load_suite(
    name_or_path: str | Path,
    profile: str = "default",
    changes: Mapping[str, Any] | None = None,
) -> Suite:
    """A shipped suite by name, or one's own by path.

    ``changes``: keys as ``--set`` takes them, with values as Python has them, laid over the suite
    in order: ``{"run.seeds": 2, "phase.head": {"epochs": 5}}``; their relative paths count from
    the working folder, those of a suite's file from that file. Raises SuiteError, which lists
    every problem with its key.
    """
    nested = [suite_files.nested(key, value) for key, value in (changes or {}).items()]
    return suite_files.load(suite_files.find(str(name_or_path)), profile, nested, say)


def run(
    suite: Suite,
    *,
    out: str | Path = "runs",
    reuse: str | Path | None = None,
    executor: Executor | None = None,
    progress: bool | Reporter = True,
    explain: bool = False,
    go_on: bool | Callable[[RunFolder], bool] = False,
    budget: Budget | None = None,
    name: str | None = None,
    command: str = "",
    debug: bool = False,
) -> Run:
    """Run ``suite`` in a new folder of ``out``: what ``greendapt bench`` does.

    ``reuse``: an earlier run of this machine, whose equal stages are taken over. ``executor``: who
    does the work; None: this process. ``progress``: lines or a bar on stderr, a reporter of one's
    own, or nothing. ``explain``: say of each stage why it runs or is reused. ``go_on``: whether to
    go on with an unfinished run of the same suite in ``out``. ``budget``: end before the stage that
    would take more than is left of it; what is returned says how far that went (``budget``), and
    holds the cells that are done. ``name``: of the run's folder; None: the suite's and the time.
    ``command``: how the run says it was made. ``debug``: an error in a stage ends the run.

    A cell that fails is in ``failures`` of what is returned, and stops no other. Raises
    GreendaptError for what cannot be run. Under torchrun the processes that are not the first help
    it, and end here with SystemExit.
    """
    from greendapt.forecast.budgeting import allowance_of, check_budget
    from greendapt.forecast.kept_plans import kept_plan
    from greendapt.run.plan import stages
    from greendapt.run.prepare import prepare_session
    from greendapt.run.reuse import adopt, comparable
    from greendapt.run.session import unfinished

    tell = say if progress else _silent
    check_budget(budget, executor)
    with _first_rank(suite) as ranks:
        session = prepare_session(suite, tell)
        doing = _Doing(session, executor, progress, debug, ranks)
        before = unfinished(Path(out), suite)
        if before is not None and (go_on(before) if callable(go_on) else go_on):
            return doing.go_on(before, budget, tell)
        info = session.info(command)
        earlier = None if reuse is None else comparable(RunFolder(Path(reuse)), info.fingerprint)
        there = [] if earlier is None else earlier.records()
        allowed = allowance_of(session, budget, Path(out), there, tell)
        folder = RunFolder.create(Path(out), suite.name, name)
        folder.write(info.model_copy(update={"plan": kept_plan(suite, info.fingerprint)}))
        if earlier is not None:
            planned = stages(session.plan)
            taken = adopt(folder, earlier, planned)
            tell(f"{taken} of {len(planned)} stages are taken over from {earlier.path}")
        return doing.finish(folder, explain=explain, allowance=allowed)


def resume(
    path: str | Path,
    *,
    executor: Executor | None = None,
    progress: bool | Reporter = True,
    budget: Budget | None = None,
    debug: bool = False,
) -> Run:
    """Do what is left of a run, with its suite as it was then; see `run`.

    ``budget``: of what this call does, whatever was spent before. Raises RunError where ``path`` is
    no run.
    """
    from greendapt.forecast.budgeting import check_budget
    from greendapt.run.prepare import prepare_session

    tell = say if progress else _silent
    check_budget(budget, executor)
    folder = RunFolder(Path(path))
    before = folder.read()
    with _first_rank(before.suite) as ranks:
        session = prepare_session(before.suite, tell, before)
        return _Doing(session, executor, progress, debug, ranks).go_on(folder, budget, tell)


def read_run(
    path: str | Path,
    grid: Grid | None = None,
    margin: float | None = None,
    metric: str | None = None,
    predictions: int | None = None,
) -> Run:
    """The run in the folder ``path``, with the grams of its own or another ``grid``, judged with
    its own or another ``margin`` (so much worse in AUC or Dice is as good), by its own or another
    ``metric`` (auprc, f1, ...), with costs of its own or another number of ``predictions``.

    Of one that is not ``finished``, the cells that are done: its first caveat says how many. Raises
    RunError where it is no run, nothing of it is done, no cell has that metric, or
    its use was not measured.
    """
    from greendapt.run.interim import so_far

    folder = run_folder(Path(path))
    whole = folder.summary_path.exists()
    asked = grid, predictions
    data = load_run(folder.path, *asked) if whole else on_grid(so_far(folder), *asked)
    return Run(folder.path, with_question(data, margin, metric))


@dataclass(frozen=True)
class Run:
    """A run: what was asked, what it reached, what that cost."""

    path: Path
    data: RunData
    budget: Standing | None = None
    """How far a budget went; None for a run without one, and for one that is read."""

    @property
    def finished(self) -> bool:
        """Whether it came to its end; else its cells are those that are done so far."""
        return not self.data.interim

    @property
    def info(self) -> RunInfo:
        """Suite, machine, software, data in numbers, grid."""
        return self.data.info

    @property
    def records(self) -> tuple[Record, ...]:
        """One a finished stage, in order."""
        return self.data.records

    @property
    def summary(self) -> Summary:
        """Every cell, with its metrics and costs."""
        return self.data.summary

    @property
    def failures(self) -> Sequence[Failure]:
        """Cells that did not finish, and why."""
        return self.summary.failures

    @cached_property
    def view(self) -> View:
        """What every report of it says."""
        return view(self.data)

    @property
    def bill(self) -> Bill:
        """What the question cost, and after how many adaptations its answer has paid for it."""
        return self.view.bill

    @property
    def verdict(self) -> Answer:
        """Which strategy is worth its cost, in sentences."""
        settings = {panel.title: panel.verdict for panel in self.view.panels}
        return Answer(self.view.headline, self.view.caveats, settings)

    @cached_property
    def recommendations(self) -> tuple[Recommendation, ...]:
        """Which strategy to take, how surely, one a setting: what ``greendapt recommend`` says."""
        return recommendations(self.data)

    def at_size(self, images: int) -> Run:
        """It, with costs as if its pool had so many images. Raises RunError."""
        return replace(self, data=at_size.at_size(self.data, images))

    def part(
        self,
        strategies: str | Iterable[str] | None = None,
        seeds: str | int | Iterable[int] | None = None,
        setting: str | Iterable[str] | None = None,
    ) -> Run:
        """A part of it, judged by itself; its first caveats say which. ``records`` stay all.

        Each as a list, or as the command line takes it: ``part("none,full", "0..2", "resnet50")``.
        ``setting``: backbones, transfers and shots; words of one kind are alternatives, and every
        kind that is named must match. Raises RunError for names there are not, and where no cell
        remains.
        """
        some = part_of(self.data, words_of(strategies), seeds_of(seeds), words_of(setting))
        return Run(self.path, some)

    def frame(self) -> Any:
        """A pandas DataFrame with one row a cell, and the columns of ``--format csv``.

        Raises GreendaptError without pandas.
        """
        pandas = notebook.package("pandas", "Run.frame()")
        return pandas.DataFrame(cells.cells(self.data))

    def pareto(self, setting: str | None = None) -> Any:
        """An Altair chart of score against cost, the one of the report's page.

        ``setting``: one of ``verdict.by_setting``; None: the first. Raises GreendaptError for
        another, where nothing has a score and a cost, and without altair.
        """
        altair = notebook.package("altair", "Run.pareto()")
        return altair.Chart.from_dict(self.pareto_spec(setting))

    def pareto_spec(self, setting: str | None = None) -> dict[str, Any]:
        """The same as a Vega-Lite specification, which needs no further package."""
        panel, key = self._panel(setting), self.view.cost_key
        if panel is None or key is None or not panel.scores:
            raise GreendaptError(f"{self.path}: there is nothing to draw, no score with a cost")
        spec = pareto_chart.pareto_spec(panel, panel.path, key, LIGHT, pareto_chart.WIDE)
        return drawing.framed({"title": panel.title, "background": LIGHT.paper, **spec}, LIGHT)

    def _panel(self, setting: str | None) -> Panel | None:
        panels = {panel.title: panel for panel in self.view.panels}
        if setting is None:
            return next(iter(panels.values()), None)
        if setting not in panels:
            raise GreendaptError(f"there is no setting '{setting}' (there is: {'; '.join(panels)})")
        return panels[setting]

    def report(self, formats: Sequence[str] = table.USUAL, out: Path | None = None) -> list[Path]:
        """Write the named formats, into the run's folder or, one of them, as ``out``.

        The paths of what was written. Raises RunError for a format there is not, and for a part
        without ``out``: the folder holds the reports of the whole run.
        """
        names = table.parse(",".join(formats))
        if out is None and self.data.part:
            raise RunError("a part is not written over the run's reports: give a file, --out FILE")
        if out is None:
            return table.write(self.data, self.view, names, self.path)
        if len(names) > 1:
            raise GreendaptError("one file can hold one format: name one with it")
        return table.write_to(self.data, self.view, names[0], out)

    def figure(
        self,
        formats: str | Iterable[str] = "pdf",
        out: str | Path | None = None,
        *,
        panels: str | Iterable[str] = "development",
        style: str = "paper",
        width: str | None = None,
        font: str | None = None,
    ) -> Drawn:
        """Draw its charts for a paper or a slide: what ``greendapt figure`` does.

        ``out``: a file name without ending; None: ``figure`` in the run's folder. ``panels``:
        ``development``, ``external`` or the name of a set, ``learning``. ``style``: ``paper`` or
        ``slides``. ``width``: ``"85mm"``, ``"3.35in"``. Raises GreendaptError where there is none.
        """
        stem = Path(out) if out else self.path / "figure"
        return write_figure(
            self.view, stem, words_of(formats) or (), words_of(panels) or (), style, width, font
        )

    def export(
        self,
        strategy: str,
        *,
        seed: int | None = None,
        setting: str | Iterable[str] | None = None,
        out: str | Path | None = None,
        push_to_hub: str | None = None,
    ) -> Exported:
        """Write the backbone that ``strategy`` adapted as a folder that plain timm loads.

        ``seed``: None for the first. ``setting``: as `part` takes it, where there are several.
        ``out``: None for one in ``exports/`` of the run. ``push_to_hub``: a repository to upload it
        to, made private where there is none. Raises GreendaptError; see `greendapt.run.export`.
        """
        from greendapt.run.export import Choice, export

        choice = Choice(strategy, seed, words_of(setting))
        return export(self.path, self.data, choice, Path(out) if out else None, push_to_hub)

    def track(self, to: str, out: str | Path | None = None) -> Tracked:
        """Log every cell with the tracker ``to``: mlflow, tensorboard, trackio or wandb.

        ``out``: a new folder; None for one in ``exports/`` of the run. Nothing is sent anywhere but
        to a server that the tracker's own environment names. Raises RunError where it cannot be.
        """
        return track(self.data, self.path, to, Path(out) if out else None)

    def _repr_html_(self) -> str:
        """The headline, and the strategies of each setting, for a notebook."""
        return notebook.html(self.view)


def _silent(line: str) -> None:
    del line


@contextmanager
def _first_rank(suite: Suite) -> Iterator[Ranks]:
    """The processes of a launcher, in the first of them; the others help it until it is done."""
    from greendapt.run.workers.torchrun import follow
    from greendapt.train.parallel import open_ranks

    with open_ranks(suite.run.device) as ranks:
        if not ranks.first:
            raise SystemExit(follow(ranks))
        yield ranks


@dataclass(frozen=True)
class _Doing:
    """A prepared run, who does it and how it is told."""

    session: Session
    executor: Executor | None
    progress: bool | Reporter
    debug: bool
    ranks: Ranks

    def go_on(self, before: RunFolder, budget: Budget | None, tell: Say) -> Run:
        """Do what is left of a run, for so much more."""
        from greendapt.forecast.budgeting import allowance_of

        session, there = self.session, before.records()
        same = session.info().fingerprint == before.read().fingerprint
        if not same:
            tell(
                "note: this is another machine or other software than the run began with; "
                "its costs will be mixed"
            )
        out = before.path.parent
        allowed = allowance_of(session, budget, out, there, tell, comparable=same)
        return self.finish(before, explain=True, allowance=allowed)

    def finish(self, folder: RunFolder, *, explain: bool, allowance: Allowance | None) -> Run:
        """``explain`` says of each stage why it runs or is reused."""
        from greendapt.core.console import Console
        from greendapt.run.interim import so_far
        from greendapt.run.progress import TerminalReporter, reporter

        shown = self.progress
        if shown is True:
            shown = reporter(explain=explain)
        elif shown is False:
            shown = TerminalReporter(Console(quiet=True), explain)
        session = replace(self.session, allowance=allowance)
        ending = session.run(
            folder, shown, debug=self.debug, executor=self.executor, ranks=self.ranks
        )
        if folder.summary_path.exists():
            return replace(read_run(folder.path), budget=ending.standing)
        return Run(folder.path, on_grid(so_far(folder, least=0), None), ending.standing)
