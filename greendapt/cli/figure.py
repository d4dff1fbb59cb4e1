"""``greendapt figure RUN``: the report's charts for a paper or a slide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.core.terminal import say, show


# a parameter an option: typer reads them from here
def figure(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="NAMES", help="pdf, png, svg; joined by commas. [pdf]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file to write; in the run's folder without it."),
    ] = None,
    panels: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="development, external, the name of an external set, learning; joined by commas.",
        ),
    ] = "development",
    strategies: Annotated[
        str | None, typer.Option(metavar="NAMES", help="These alone, joined by commas.")
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="These alone: backbones, transfers, shots, such as resnet50,10,full.",
        ),
    ] = None,
    style: Annotated[
        str, typer.Option(metavar="paper|slides", help="Text of 8 pt on 85 mm, or 14 on 254.")
    ] = "paper",
    width: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="85mm, 8.5cm, 3.35in, 241pt.")
    ] = None,
    font: Annotated[
        str | None, typer.Option(metavar="FAMILY", help="One that is installed here.")
    ] = None,
) -> None:
    """Draw the report's charts for a paper or a slide, at its width and with its font.

    Example: greendapt figure runs/chestxray-... --panels development,external --format pdf,svg

    Prints the files; on stderr a caption, and what should be known before one believes it.
    """
    from greendapt import api

    made = api.read_run(run)
    if strategies is not None or setting is not None:
        made = made.part(strategies, None, setting)
    formats, stem = _files(form, out)
    done = made.figure(formats, stem, panels=panels, style=style, width=width, font=font)
    for caution in made.view.cautions:
        say(f"note: {caution}")
    for path in done.files:
        show(str(path))
    say(f"caption: {done.caption}")


def _files(form: str | None, out: Path | None) -> tuple[str, Path | None]:
    """Formats, and a name without ending: ``--out plots/front.svg`` says both."""
    from greendapt.report.charts.paper import FORMATS

    ending = "" if out is None else out.suffix[1:]
    if out is None or ending not in FORMATS:
        return form or "pdf", out
    return form or ending, out.with_suffix("")
