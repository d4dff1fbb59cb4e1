"""All texts of a view at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from greendapt.core.figures import Figure
from greendapt.report.view.sentences import Sentence


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """``value``, of dataclasses, tuples and dicts, with every text in it changed."""
    if isinstance(value, Sentence):
        return Sentence(*(each_text(span, change) for span in value.spans))
    if isinstance(value, str):
        changed = change(value)
        return value if changed == value else type(value)(changed)
    if isinstance(value, Figure):
        return value.model_copy(update={"source": each_text(value.source, change)})
    if type(value) is tuple:
        return tuple(each_text(one, change) for one in value)
    if isinstance(value, dict):
        return {each_text(key, change): each_text(one, change) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: each_text(getattr(value, one.name), change) for one in fields(value)}
        return replace(value, **parts)
    return value
