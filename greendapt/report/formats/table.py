"""The formats a report can be written in, by name; another package may add one.

A format of another package is a `Format` in a module of its own and one line of `pyproject.toml`::

    [project.entry-points."greendapt.report_formats"]
    words = "my_package.words:FORMAT"

    FORMAT = text("report.words.txt", lambda run, view: view.headline)

``greendapt report RUN --format words`` then writes it into the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import RunError
from greendapt.core.registry import Registry
from greendapt.disk.files import write_atomic
from greendapt.report.view.model import View
from greendapt.store.runinfo import RunData

Files = dict[str, bytes]
"""What lies beside what: file names and their bytes."""


@dataclass(frozen=True)
class Format:
    """``file``: its name in a run folder; ``make``: run, view and file name to bytes by name.

    ``make`` writes nothing and gives the same bytes for the same run. Names, notes and titles in a
    view are foreign text: see the escapes of `greendapt.core.text`.
    """

    file: str
    make: Callable[[RunData, View, str], Files]


def text(file: str, render: Callable[[RunData, View], str]) -> Format:
    """A format that is one text file."""
    return Format(file, lambda run, view, name: {name: render(run, view).encode()})


_HERE = "greendapt.report.formats"
FORMATS: Registry[Format] = Registry(
    "greendapt.report_formats",
    "format",
    {
        "html": f"{_HERE}.html:FORMAT",
        "md": f"{_HERE}.markdown:FORMAT",
        "csv": f"{_HERE}.cells:CSV",
        "json": f"{_HERE}.cells:JSON",
        "parquet": f"{_HERE}.cells:PARQUET",
        "latex": f"{_HERE}.latex:FORMAT",
        "modelcard": f"{_HERE}.modelcard:FORMAT",
        "annexxi": f"{_HERE}.annexxi:FORMAT",
        "emissions": f"{_HERE}.emissions:FORMAT",
        "card": f"{_HERE}.card:CARD",
        "badge": f"{_HERE}.card:BADGE",
        "terminal": f"{_HERE}.terminal:FORMAT",
    },
    Format,
)
USUAL = ("html", "md")
"""Written when nobody names a format."""


def parse(names: str) -> tuple[str, ...]:
    """``csv,json`` as names of formats. RunError for one there is not."""
    wanted = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        what = f"--format {unknown[0]} is none" if unknown else "--format names none"
        raise RunError(f"{what} of the formats {', '.join(FORMATS.names())}")
    return wanted


def write(run: RunData, view: View, names: Sequence[str], folder: Path) -> list[Path]:
    """The named formats in ``folder``, all made before any is written, each file whole."""
    formats = [FORMATS.get(name) for name in names]
    made = [one.make(run, view, one.file) for one in formats]
    return [path for files in made for path in written(files, folder)]


def write_to(run: RunData, view: View, name: str, path: Path) -> list[Path]:
    """One format at ``path``; what goes with it lies beside it."""
    return written(FORMATS.get(name).make(run, view, path.name), path.parent)


def written(files: Files, folder: Path) -> list[Path]:
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]
