"""Figures of a run as files, and the sentence that goes below them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from greendapt.core.errors import GreendaptError
from greendapt.disk.files import write_atomic
from greendapt.report.charts import paper
from greendapt.report.view.model import View


@dataclass(frozen=True)
class Drawn:
    """``caption``: one line that says what is drawn, and of what data."""

    files: tuple[Path, ...]
    caption: str


def write_figure(
    view: View,
    stem: Path,
    formats: Collection[str],
    panels: Collection[str],
    style: str,
    width: str | None = None,
    font: str | None = None,
) -> Drawn:
    """``stem`` with the ending of each of ``formats``. GreendaptError for what there is not.

    ``panels``: see `paper.pictures`; ``width`` and ``font``: None for the style's.
    """
    _check("style", [style], paper.STYLES)
    _check("format", formats, paper.FORMATS)
    if font is not None:
        paper.check_font(font)
    shown, chosen = paper.pictures(view, panels), paper.STYLES[style]
    if width is not None:
        chosen = replace(chosen, width_mm=paper.millimetres(width))
    svg = paper.figure_svg(view, shown, chosen, font)
    made = {stem.with_name(f"{stem.name}.{form}"): paper.converted(svg, form) for form in formats}
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path, data in made.items():
        write_atomic(path, data)
    return Drawn(tuple(made), paper.caption(view, shown))


def _check(option: str, given: Collection[str], known: Collection[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        what = unknown[0] if unknown else "''"
        raise GreendaptError(f"--{option} {what} is none of {', '.join(known)}")
