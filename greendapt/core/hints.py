"""What a mistyped name may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str], most: int = 1) -> str:
    """``did you mean resnet18?``, with the nearest ``most`` names; empty where none is near."""
    near = difflib.get_close_matches(name, list(names), n=most)
    return f"did you mean {', '.join(near)}?" if near else ""
