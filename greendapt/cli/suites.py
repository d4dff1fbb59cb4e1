"""``greendapt suites``: what there is to run."""

from __future__ import annotations

from typing import Annotated

import typer

from greendapt.core.terminal import show

app = typer.Typer(name="suites", help="List the suites, or show one.", invoke_without_command=True)


@app.callback()
def suites(context: typer.Context) -> None:
    """List the suites that come with greendapt."""
    if context.invoked_subcommand is not None:
        return
    from greendapt.suite.suite_files import profiles, read_table, shipped

    for name, path in shipped().items():
        table = read_table(path)
        show(f"{name:<14} {table['title']}")
        show(f"{'':<14} profiles: {', '.join(profiles(table))}")


@app.command("show")
def show_one(
    name: Annotated[str, typer.Argument(help="A suite's name, or a file of your own.")],
) -> None:
    """Print a suite file: a start for one of your own. It is checked on the way."""
    from greendapt.suite.suite_files import find, load

    path = find(name)
    load(path)
    show(path.read_text(encoding="utf-8"), end="")
