"""The command line. Commands import what they need when they run: ``--help`` stays fast."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer

from greendapt import __version__
from greendapt.cli import (
    baseline,
    bench,
    check,
    cite,
    comment,
    compare,
    data,
    doctor,
    export,
    figure,
    flops,
    measure,
    plan,
    plugins,
    publish,
    recommend,
    replay,
    report,
    reproduce,
    resume,
    score,
    suites,
)
from greendapt.cli.options import add_command
from greendapt.cli.running import first_rank
from greendapt.core.errors import GreendaptError
from greendapt.core.machine import wait_passively
from greendapt.core.own_code import place_of
from greendapt.core.terminal import clean_streams, say, show

app = typer.Typer(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes as long as all the rest of a help text
    help="Which way of adapting a pre-trained network is worth its carbon, on your data and "
    "your machine? Start with: greendapt bench --suite chestxray",
)
add_command(app, bench.bench)
add_command(app, plan.plan)
add_command(app, recommend.recommend)
add_command(app, resume.resume)
add_command(app, report.report)
add_command(app, figure.figure)
add_command(app, export.export)
add_command(app, publish.publish)
add_command(app, reproduce.reproduce)
add_command(app, baseline.baseline)
add_command(app, check.check)
add_command(app, compare.compare)
add_command(app, comment.comment)
add_command(app, measure.measure, {"ignore_unknown_options": True, "help_option_names": ["--help"]})
add_command(app, flops.flops)
add_command(app, score.score)
add_command(app, replay.replay)
add_command(app, cite.cite)
add_command(app, doctor.doctor)
add_command(app, plugins.plugins)
app.add_typer(suites.app)
app.add_typer(data.app)


def _version(wanted: bool) -> None:
    if wanted:
        show(f"greendapt {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error (works after any command)."),
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option("--no-color", help="No colours (after any command; or set NO_COLOR)."),
    ] = False,
) -> None:
    pass


_ELSEWHERE = {
    "--dry-run": "greendapt plan, with the same options, says what bench will take",
    "--resume": "greendapt resume RUN goes on with a run",
    "--output": "write --out",
    "--verbose": "--debug shows the traceback of an error",
}
"""What others' tools call it, and what it is here."""


# click's usage errors: newer versions of typer carry a click of their own
_UsageError: type[Any] = next(
    k for k in typer.BadParameter.__mro__ if k.__name__ == "ClickException"
)


def main() -> NoReturn:
    """Entry point: every expected error is one sentence on stderr and an exit code."""
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ours = ("--debug",) if arguments[:1] == ["measure"] else ("--debug", "--no-color")
    anywhere = {one: one in arguments[:end] for one in ours}
    own = [argument for argument in arguments[:end] if argument not in anywhere]
    if anywhere.get("--no-color"):
        os.environ["NO_COLOR"] = "1"
    if own[:1] != ["measure"]:  # somebody else's program runs as it would alone
        wait_passively(os.environ)
    with clean_streams():
        status = _run(own + arguments[end:], debug=anywhere["--debug"])
    sys.exit(status)


def _run(arguments: list[str], debug: bool) -> int:
    try:
        return app(arguments, prog_name="greendapt", standalone_mode=False, obj=debug) or 0
    except GreendaptError as error:
        return _fail(str(error), error.exit_code, debug)
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            show(error.format_message())
            return 2
        here = _ELSEWHERE.get(getattr(error, "option_name", ""), "")
        message = error.format_message()
        return _fail(f"{message.rstrip('.')}; {here}" if here else message, 2, debug)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(
            "stopped; what was finished is kept (greendapt resume RUN goes on)", 130, debug
        )
    except BrokenPipeError:
        return 1
    except OSError as error:  # of what was named on the command line, or of a disk
        where = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{where}{error.strerror or error}", 2, debug)
    except MemoryError as error:
        what = str(error) or "more than there is was asked for"
        return _fail(f"out of memory ({what}); take fewer or smaller images", 2, debug)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        if place := place_of(error):
            return _fail(f"{place}: {what} (--debug shows the whole of it)", 2, debug)
        return _fail(f"internal error, {what} (--debug shows where; please report it)", 1, debug)


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        say(traceback.format_exc())
    if message and first_rank():
        say(f"greendapt: {message}")
    return code
