"""Options that several commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from greendapt.cli.panels import PanelCommand

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else there.")]

Tiers = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="exact, noisy, accuracy, joined by commas; all without."),
]


def with_options_of(
    other: Callable[..., None], *left_out: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that also takes the options of ``other`` which it does not name itself, but
    for those ``left_out``; it reads their values from its context (``context.params``)."""

    def extend(command: Callable[..., None]) -> Callable[..., None]:
        own = _parameters(command)
        others = {k: v for k, v in _parameters(other).items() if k not in left_out}
        every = own | {k: v for k, v in others.items() if k not in own}

        def run(**given: Any) -> None:
            command(**{name: given[name] for name in own})

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(list(every.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: one.annotation for name, one in every.items()}
        return run

    return extend


def _parameters(command: Callable[..., None]) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    parameters = inspect.signature(command).parameters
    return {name: one.replace(annotation=hints[name]) for name, one in parameters.items()}


def add_command(app: typer.Typer, function: Callable[..., None], settings: Any = None) -> None:
    """Listed with its whole first paragraph, which a plain help text would cut to one line.

    ``settings``: of click's context.
    """
    short = " ".join((function.__doc__ or "").partition("\n\n")[0].split())
    function.__annotations__ = get_type_hints(function, include_extras=True)
    for annotation in function.__annotations__.values():
        _name_what_it_takes(annotation)
    app.command(cls=PanelCommand, short_help=short, context_settings=settings)(function)


_TAKES = {int: "N", float: "X", Path: "PATH", str: "TEXT"}


def _name_what_it_takes(annotation: Any) -> None:
    """Of an option that does not say it; typer would write ``<str>``."""
    if get_origin(annotation) is not Annotated:
        return
    kind, *about = get_args(annotation)
    for one, text in _TAKES.items():
        for info in about:
            option = isinstance(info, OptionInfo) and info.metavar is None
            if option and one in (kind, *get_args(kind)):
                info.metavar = text


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress on stderr; the verdict alone on stdout.")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say of each stage why it runs or is reused.")
]
Trust = Annotated[
    bool,
    typer.Option("--trust", help="Run the suite's own code ([own.NAME]); read it before."),
]
Metric = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What is judged: auc, auprc, sensitivity, specificity, f1, balanced_accuracy; "
        "of masks dice, jaccard.",
    ),
]
BudgetText = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        help="Stop before the stage that would make this command take more: 50g (CO2e), 20Wh, "
        "1kWh, 30min, 2h.",
    ),
]
ExecutorName = Annotated[
    str | None,
    typer.Option(
        "--executor",
        metavar="local|slurm",
        help="Who does the work: processes of this machine, or Slurm jobs. Without: this process.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many at once. local: 1, for clean energy; slurm: as many as fit."
    ),
]
SlurmSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--slurm",
        metavar="KEY[=VALUE]",
        help="partition=NAME, time=MINUTES, gpus_per_node=1, exclusive, ... (repeatable).",
    ),
]
