"""A run in short, as a notebook shows it."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import Any

from greendapt.core.errors import GreendaptError
from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.model import Panel, View


def html(view: View) -> str:
    """The headline, what must be known, and the strategies of each setting."""
    parts = [f"<p><strong>{escape(view.headline)}</strong></p>"]
    parts += [f"<p>{escape(caveat)}</p>" for caveat in view.caveats]
    parts += [_table(panel, view.cost_key or "carbon_g") for panel in view.panels]
    return "\n".join(parts)


def _table(panel: Panel, key: str) -> str:
    heads = ("strategy", columns.score_noun([panel]), columns.called(key).noun)
    rows = [(e.name, words.score(e.score), words.cost(e.costs[key])) for e in panel.entries]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
    return f"<table><caption>{escape(panel.title)}</caption><tr>{head}</tr>{body}</table>"


def package(name: str, what: str) -> Any:
    """The module ``name``, which ``what`` needs. Raises GreendaptError where it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise GreendaptError(
            f"{what} needs {name}, which is not installed; "
            "try: python -m pip install 'greendapt[notebook]'"
        ) from error
