"""Figures for a paper or a slide: the page's charts at a width in millimetres.

A chart is drawn with text of 12 pixels, whose places are found in pixels, and the whole drawing is
then scaled until that text has the size that the style asks for and the drawing the width.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from greendapt.core.errors import GreendaptError
from greendapt.core.text import listed
from greendapt.report.charts import drawing
from greendapt.report.charts.drawing import Size
from greendapt.report.charts.learning_curves import learning_spec
from greendapt.report.charts.pareto_chart import drawn, pareto_spec
from greendapt.report.charts.theme import LIGHT
from greendapt.report.view import columns
from greendapt.report.view.model import Learning, Panel, Path, View

POINTS_PER_MM = 72 / 25.4
_TEXT_PX = 12  # of names and axes in every chart
_BESIDE_PX = 300  # a chart with less room stands below its neighbour
_PPI = 300
_MOST = 12
_LENGTH = re.compile(r"(\d+\.?\d*) *(mm|cm|in|pt)")
_IN_MM = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 1 / POINTS_PER_MM}
_ROOT_SIZE = re.compile(r'(<svg[^>]*?) width="([\d.]+)" height="([\d.]+)"')


@dataclass(frozen=True)
class Style:
    """``text_pt``: of names and axes; ``width_mm``: of the figure; ``ratio``: a plot's height by
    its width."""

    text_pt: float
    width_mm: float
    ratio: float


STYLES = {"paper": Style(8, 85, 0.8), "slides": Style(14, 254, 0.6)}
FORMATS = ("svg", "pdf", "png")
LEARNING = "learning"


@dataclass(frozen=True)
class Picture:
    """One chart of a figure: a score of a setting against the cost, or learning curves."""

    of: Panel | Learning
    path: Path = ()

    @property
    def title(self) -> str:
        return columns.measure_title(self.path) if self.path else "Validation loss"

    def spec(self, view: View, size: Size) -> dict[str, Any]:
        if isinstance(self.of, Learning):
            return learning_spec(self.of, LIGHT, size)
        return pareto_spec(self.of, self.path, str(view.cost_key), LIGHT, size)


def pictures(view: View, wanted: Collection[str]) -> list[Picture]:
    """Of each setting the scores that are ``wanted``: ``development``, ``external`` (all there
    are), the name of an external set; and ``learning``, once a backbone.

    GreendaptError for a name there is not, for nothing to draw, and for more than a page holds.
    """
    known = {"development", "external", LEARNING, *_sets(view)}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise GreendaptError(f"there is no panel '{unknown[0]}' (there is: {_listed(view)})")
    found = [
        Picture(panel, path)
        for panel in view.panels
        for path in panel.scores
        if view.cost_key is not None
        and {path[0], path[1] if path[0] == "external" else ""} & set(wanted)
        and drawn(panel, path, view.cost_key)
    ]
    if LEARNING in wanted:
        found += [Picture(learning) for learning in view.learning]
    if not found:
        raise GreendaptError("there is nothing to draw: no such score with a cost")
    if len(found) > _MOST:
        raise GreendaptError(
            f"{len(found)} panels are too many for a figure (at most {_MOST}); "
            "take some with --setting or --panels"
        )
    return found


def caption(view: View, shown: Sequence[Picture]) -> str:
    """One line: what is drawn, of which setting, and what its data are."""
    scores = [picture for picture in shown if picture.path]
    parts = []
    if scores:
        titles = listed(list(dict.fromkeys(picture.title for picture in scores)))
        cost = columns.called(str(view.cost_key)).noun
        parts.append(
            f"{titles} against the {cost} of adaptation and transfer, with 95% intervals"
            f" ({'; '.join(_settings(shown))})"
        )
    if len(scores) < len(shown):
        parts.append("Lowest validation loss so far over the energy spent on adaptation")
    parts += ["Synthetic images"] if view.synthetic else []
    return "".join(f"{part}. " for part in parts).rstrip()


def figure_svg(view: View, shown: Sequence[Picture], style: Style, font: str | None = None) -> str:
    """The figure as SVG text, ``style.width_mm`` wide; ``font``: a family, else the page's."""
    wide_px = style.width_mm * POINTS_PER_MM * _TEXT_PX / style.text_pt
    beside = min(len(shown), max(1, int(wide_px // _BESIDE_PX)))
    plot_px, svg = wide_px / beside - 70, ""
    for _ in range(3):  # what axes take beside the plot is known when it is drawn
        svg = _drawn(view, shown, Size(plot_px, round(plot_px * style.ratio)), beside, font)
        missing = wide_px - _size(svg)[0]
        if abs(missing) < 1:
            break
        plot_px = max(plot_px + missing / beside, 60)
    width, height = _size(svg)
    high_mm = style.width_mm * height / width
    return _ROOT_SIZE.sub(rf'\1 width="{style.width_mm:g}mm" height="{high_mm:.3f}mm"', svg, 1)


def _drawn(view: View, shown: Sequence[Picture], size: Size, beside: int, font: str | None) -> str:
    charts = [picture.spec(view, size) for picture in shown]
    if len(shown) > 1:
        charts = [
            {**chart, "title": f"{letter}  {_apart(picture, shown)}"}
            for letter, chart, picture in zip("abcdefghijkl", charts, shown, strict=False)
        ]
    grid = {
        "concat": charts,
        "columns": beside,
        "spacing": 24,
        "padding": 2,
        "background": LIGHT.paper,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    return drawing.svg(grid, LIGHT, font)


def _apart(picture: Picture, shown: Sequence[Picture]) -> str:
    """What tells a picture from the others; its axis has its score."""
    return picture.of.title if len(_settings(shown)) > 1 else picture.title


def _settings(shown: Sequence[Picture]) -> list[str]:
    return list(dict.fromkeys(picture.of.title for picture in shown if picture.path))


def _size(svg: str) -> tuple[float, float]:
    root = _ROOT_SIZE.search(svg)
    if root is None:
        raise ValueError("vl-convert drew an SVG without a size")
    return float(root[2]), float(root[3])


def converted(svg: str, form: str) -> bytes:
    """An SVG of `figure_svg` as ``svg``, ``pdf`` or ``png`` (300 pixels an inch)."""
    if form == "svg":
        return svg.encode()
    import vl_convert

    points = re.sub(  # a unit of the drawing is a point of the page in what vl-convert makes
        r'(width|height)="([\d.]+)mm"',
        lambda side: f'{side[1]}="{float(side[2]) * POINTS_PER_MM:.4f}"',
        svg,
        count=2,
    )
    if form == "pdf":
        return bytes(vl_convert.svg_to_pdf(points))
    return bytes(vl_convert.svg_to_png(points, ppi=_PPI))


def check_font(font: str) -> None:
    """GreendaptError for a family that this machine does not have: another would be drawn."""
    import vl_convert

    if not re.fullmatch(r"[\w .-]+", font):
        raise GreendaptError(f"--font '{font}' is no name of a font family")
    root = '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="20">'
    test = f'{root}<text y="12" font-family="{font}">abc</text></svg>'
    used = re.findall(rb"/BaseFont */\w+\+([\w.-]+)", bytes(vl_convert.svg_to_pdf(test)))
    bare = re.sub(r"[ .-]", "", font).lower()
    if not any(bare in re.sub(r"[.-]", "", name.decode()).lower() for name in used):
        raise GreendaptError(
            f"--font '{font}' is not among this machine's fonts (fc-list names them); "
            "without --font a plain sans serif is taken"
        )


def millimetres(text: str) -> float:
    """Of ``85mm``, ``8.5cm``, ``3.35in``, ``241pt``. GreendaptError for anything else."""
    given = _LENGTH.fullmatch(text.strip())
    if given and 30 <= (wide := float(given[1]) * _IN_MM[given[2]]) <= 1000:
        return wide
    raise GreendaptError(f"--width '{text}': give 30mm to 1000mm, such as 85mm, 3.35in or 241pt")


def _sets(view: View) -> list[str]:
    paths = [path for panel in view.panels for path in panel.scores if path[0] == "external"]
    return list(dict.fromkeys(path[1] for path in paths))


def _listed(view: View) -> str:
    return ", ".join(["development", "external", *_sets(view), LEARNING])
