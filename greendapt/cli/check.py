"""``greendapt check``: a run against a baseline, or this state of the code against another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greendapt.cli.options import Json, Tiers
from greendapt.core.terminal import say, show, show_json
from greendapt.core.text import plural

if TYPE_CHECKING:
    from greendapt.gate.facts import Side
    from greendapt.gate.outputs import Findings
    from greendapt.suite.limits import Limits, Tier


# a parameter an option: typer reads them from here
def check(
    run: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN...]",
            help="A finished run; of several, such as runs/*, the newest.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What greendapt baseline wrote.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="GIT_REF", help="Instead: run --suite there and here, in pairs, and compare."
        ),
    ] = None,
    suite: Annotated[
        str, typer.Option(help="With --against: a suite's name, or a TOML file.")
    ] = "chestxray",
    bench: Annotated[
        str,
        typer.Option(metavar="OPTIONS", help="With --against: for greendapt bench, in quotes."),
    ] = "",
    pairs: Annotated[int, typer.Option(min=2, help="With --against: the most pairs to run.")] = 8,
    out: Annotated[Path, typer.Option(help="With --against: where run folders go.")] = Path("runs"),
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CELL/]FIGURE=VALUE",
            help="What may change: training_flops=0%, energy=5%, auc=-0.01 (repeatable).",
        ),
    ] = None,
    tiers: Tiers = None,
    json: Json = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML too.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append Markdown to it: $GITHUB_STEP_SUMMARY."),
    ] = None,
) -> None:
    """Judge a run: exact costs, noisy ones, accuracy. Exit code: 0 pass, 1 regression,
    2 usage, 3 inconclusive, 4 a cell failed, 5 void (nothing to compare); the worst counts.

    Examples: greendapt check runs/chestxray-... --baseline baseline.toml --limit auc=-0.02;
    greendapt check --against origin/main --suite suite.toml --bench "--profile smoke"
    """
    from greendapt.core.errors import GreendaptError
    from greendapt.gate import check as gate
    from greendapt.gate import outputs, tiers_of
    from greendapt.suite import limits

    allowed, judged = limits.from_options(limit or []), tiers_of(tiers)
    if against is not None and not run and baseline is None:
        findings = _against(against, suite, bench, pairs, out, allowed, judged)
    elif run and baseline is not None and against is None:
        wanted = None if tiers is None else judged
        findings = gate.run_against_baseline(_newest(run), baseline, allowed, wanted)
    else:
        raise GreendaptError("give RUN and --baseline FILE, or --against GIT_REF alone")
    outputs.write(findings, junit, markdown)
    if json:
        show_json(outputs.as_json(findings))
    else:
        show(outputs.as_text(findings))
    raise typer.Exit(findings.outcome.exit_code)


def _newest(runs: Sequence[Path]) -> Path:
    """By when they were started; what holds no run is passed over where there are several."""
    from greendapt.core.errors import GreendaptError
    from greendapt.store.run import RunFolder

    if len(runs) == 1:
        return runs[0]
    started = {path: RunFolder(path).read().started_at for path in runs if _is_run(path)}
    if not started:
        raise GreendaptError(f"none of the {len(runs)} paths is the folder of a run")
    newest = max(started, key=lambda path: (started[path], str(path)))
    say(f"note: of {plural(len(started), 'run')} the newest is judged: {newest}")
    return newest


def _is_run(path: Path) -> bool:
    return (path / "run.json").is_file()


def _against(
    ref: str,
    suite: str,
    options: str,
    budget: int,
    out: Path,
    limits: Limits,
    tiers: Collection[Tier],
) -> Findings:
    import shlex
    from dataclasses import replace

    from greendapt.gate.facts import of_run
    from greendapt.gate.pairs import judge_pairs
    from greendapt.run.revisions import Pairs, trees

    with trees(ref) as (base, head):
        pairs = Pairs(base, head, suite, shlex.split(options), out, say)

        def run_pair(number: int) -> tuple[Side, Side]:
            of_base, of_head = pairs.run(number)
            return of_run(of_base), of_run(of_head)

        findings = judge_pairs(run_pair, limits, tiers, budget)
    return replace(findings, base=base.name, head=head.name)
