"""The formats a report can be written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import RunError
from greendapt.disk.files import write_atomic
from greendapt.report.charts.pareto_chart import report_svg
from greendapt.report.formats import cells, terminal
from greendapt.report.formats.emissions import emissions_csv
from greendapt.report.formats.html import render_html
from greendapt.report.formats.latex import render_latex
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.formats.modelcard import render_modelcard
from greendapt.report.view.model import View
from greendapt.store.runinfo import RunData

Files = dict[str, bytes]
"""What lies beside what: file names and their bytes."""


@dataclass(frozen=True)
class Format:
    """``file``: its name in a run folder; ``make``: run, view and file name to bytes by name."""

    file: str
    make: Callable[[RunData, View, str], Files]


def _text(file: str, render: Callable[[RunData, View], str]) -> Format:
    return Format(file, lambda run, view, name: {name: render(run, view).encode()})


def _markdown(_run: RunData, view: View, name: str) -> Files:
    """The Markdown, and its picture beside it where there is something to draw."""
    picture = Path(name).with_suffix(".svg").name
    drawing = report_svg(view)
    files = {name: render_markdown(view, picture if drawing else None).encode()}
    return files | ({picture: drawing.encode()} if drawing else {})


FORMATS = {
    "html": _text("report.html", lambda _, view: render_html(view)),
    "md": Format("report.md", _markdown),
    "csv": _text("report.csv", lambda run, _: cells.as_csv(cells.cells(run.summary.rows))),
    "json": _text("report.json", cells.as_json),
    "parquet": Format(
        "report.parquet",
        lambda run, _, name: {name: cells.as_parquet(cells.cells(run.summary.rows))},
    ),
    "latex": _text("report.tex", lambda _, view: render_latex(view)),
    "modelcard": _text("modelcard.md", render_modelcard),
    "emissions": _text("emissions.csv", lambda run, _: emissions_csv(run)),
    "terminal": _text("report.txt", lambda _, view: terminal.plain(view)),
}
USUAL = ("html", "md")
"""Written when nobody names a format."""


def parse(text: str) -> tuple[str, ...]:
    """``csv,json`` as names of formats. RunError for one there is not."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        what = f"--format {unknown[0]} is none" if unknown else "--format names none"
        raise RunError(f"{what} of the formats {', '.join(FORMATS)}")
    return names


def write(run: RunData, view: View, names: Sequence[str], folder: Path) -> list[Path]:
    """The named formats in ``folder``, all made before any is written, each file whole."""
    made = [FORMATS[name].make(run, view, FORMATS[name].file) for name in names]
    return [path for files in made for path in written(files, folder)]


def write_to(run: RunData, view: View, name: str, path: Path) -> list[Path]:
    """One format at ``path``; what goes with it lies beside it."""
    return written(FORMATS[name].make(run, view, path.name), path.parent)


def written(files: Files, folder: Path) -> list[Path]:
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]
