"""The verdict as a picture to share, and as a badge: SVG of text alone, on a ground of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from greendapt.core.text import for_xml
from greendapt.report.charts.theme import LIGHT, Theme
from greendapt.report.formats.table import text
from greendapt.report.view.model import Tile, View

_WIDTH, _EDGE, _LINE = 800, 40, 34
_LETTERS = 50  # of the sentence, in a line of the card
_LETTER = 6.6  # pixels of the badge's letters, generously
_SANS = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_SERIF = "Charter, Palatino, Georgia, serif"


def render_card(view: View, theme: Theme = LIGHT) -> str:
    """Title, the verdict in one sentence, three figures and what to read with care, 800 px wide;
    with several settings the figures are left out: they are of one."""
    lines = textwrap.wrap(view.plain, _LETTERS)
    tiles = view.panels[0].tiles if len(view.panels) == 1 else ()
    below = 90 + _LINE * len(lines)
    height = below + (100 if tiles else 0) + 50
    parts = [
        _text(_EDGE, 50, 16, theme.quiet, textwrap.shorten(view.title, 92, placeholder=" …")),
        *(
            _text(_EDGE, 96 + _LINE * row, 25, theme.ink, line, family=_SERIF)
            for row, line in enumerate(lines)
        ),
        *_figures(tiles, below, theme),
        _text(_EDGE, height - 28, 14, theme.quiet, _small(view)),
    ]
    ground = (
        f'<rect width="{_WIDTH}" height="{height}" fill="{theme.paper}"/>'
        f'<rect width="8" height="{height}" fill="{theme.accent}"/>'
    )
    return _svg(_WIDTH, height, view.plain, ground, parts)


def render_badge(view: View, theme: Theme = LIGHT) -> str:
    """``best buy | partial2``, 20 px high, for a README."""
    buys = {panel.verdict.buy or "undecided" for panel in view.panels}
    right = buys.pop() if len(buys) == 1 else "by setting" if buys else "none"
    right = textwrap.shorten(right, 40, placeholder="…")
    left = "synthetic best buy" if view.synthetic else "best buy"
    at, width = (round(_LETTER * len(one)) + 12 for one in (left, left + right))
    width += 12
    ground = (
        f'<rect width="{width}" height="20" rx="3" fill="{theme.ink}"/>'
        f'<rect x="{at}" width="{width - at}" height="20" rx="3" fill="{theme.accent}"/>'
    )
    parts = [_text(6, 14, 11, theme.paper, left), _text(at + 6, 14, 11, theme.paper, right)]
    return _svg(width, 20, f"{left}: {right}", ground, parts)


def _figures(tiles: Sequence[Tile], top: int, theme: Theme) -> Iterator[str]:
    for number, tile in enumerate(tiles):
        x = _EDGE + number * (_WIDTH - 2 * _EDGE) // 3
        title = textwrap.shorten(tile.title, 34, placeholder=" …")
        yield _text(x, top + 12, 13, theme.quiet, title)
        yield _text(x, top + 46, 30, theme.ink, tile.value, weight="bold")
        yield _text(x, top + 68, 13, theme.quiet, tile.notes[0] if tile.notes else "")


def _small(view: View) -> str:
    care = f" · read with care: {view.caveats_in_short}" if view.caveats else ""
    return textwrap.shorten(f"greendapt · {view.suite}{care}", 110, placeholder=" …")


def _text(
    x: int, y: int, size: int, colour: str, words: str, family: str = _SANS, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" font-family="{family}" '
        f'font-weight="{weight}">{escape(for_xml(words))}</text>'
    )


def _svg(width: int, height: int, label: str, ground: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(for_xml(label))}>'
        f"{ground}{''.join(parts)}</svg>\n"
    )


CARD = text("report.card.svg", lambda _, view: render_card(view))
BADGE = text("report.badge.svg", lambda _, view: render_badge(view))
