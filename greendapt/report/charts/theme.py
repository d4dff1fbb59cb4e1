"""Colours and shapes of strategies, for charts and tables alike."""

from __future__ import annotations

from dataclasses import dataclass

SHAPES = (
    "M1,0A1,1,0,1,1,-1,0A1,1,0,1,1,1,0Z",  # circle
    "M-.88,-.88H.88V.88H-.88Z",  # square
    "M0,-1.1L1.1,.85H-1.1Z",  # triangle
    "M0,-1.2L1.2,0L0,1.2L-1.2,0Z",  # diamond
    "M0,1.1L1.1,-.85H-1.1Z",  # triangle, point down
    "M-.38,-1.1H.38V-.38H1.1V.38H.38V1.1H-.38V.38H-1.1V-.38H-.38Z",  # cross
    "M1.1,0L-.85,1.1V-1.1Z",  # triangle, point right
    "M0,-1.15L1.1,-.35L.68,.95H-.68L-1.1,-.35Z",  # pentagon
)
"""SVG paths within -1.2 to 1.2; Vega scales them by the square root of half the size."""

DASHES: tuple[list[int], ...] = ([], [8, 3], [4, 3], [2, 2])


@dataclass(frozen=True)
class Theme:
    """Colours by use (``edge``: of controls); ``series``: one a `Family`, told apart under
    deuteranopia, too."""

    paper: str
    ink: str
    quiet: str
    line: str
    edge: str
    accent: str
    series: tuple[str, ...]


LIGHT = Theme(
    paper="#ffffff",
    ink="#1c2321",
    quiet="#56605c",
    line="#e2e4df",
    edge="#858d89",
    accent="#0b6e4f",
    series=("#667085", "#aa6622", "#ee4477", "#223300", "#550077", "#0066dd", "#bb66dd"),
)
DARK = Theme(
    paper="#1a1f22",
    ink="#e8ebe6",
    quiet="#a3ada8",
    line="#333b3d",
    edge="#77817d",
    accent="#5fd0a3",
    series=("#98a2b3", "#ffdd55", "#cc6666", "#779900", "#dd88ff", "#0088ff", "#ffddaa"),
)


def variables(theme: Theme) -> dict[str, str]:
    """CSS custom properties of a theme."""
    series = {f"--s{index}": colour for index, colour in enumerate(theme.series)}
    return {
        "--paper": theme.paper,
        "--ink": theme.ink,
        "--quiet": theme.quiet,
        "--line": theme.line,
        "--edge": theme.edge,
        "--accent": theme.accent,
        **series,
    }


CSS = Theme(
    paper="var(--paper)",
    ink="var(--ink)",
    quiet="var(--quiet)",
    line="var(--line)",
    edge="var(--edge)",
    accent="var(--accent)",
    series=tuple(f"var(--s{index})" for index in range(len(LIGHT.series))),
)
"""A theme that asks the page: one drawing is both light and dark."""


def colour(theme: Theme, mark: int) -> str:
    """Of the family in ``mark`` (`greendapt.report.view.marks`)."""
    return theme.series[mark % len(theme.series)]


def shape(mark: int) -> str:
    """By the rank within the family in ``mark``."""
    return SHAPES[mark // len(LIGHT.series) % len(SHAPES)]


def dash(mark: int) -> list[int]:
    """Of a line, by the same rank: none, then ever shorter ones."""
    return DASHES[mark // len(LIGHT.series) % len(DASHES)]
