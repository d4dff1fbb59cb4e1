"""What is wrong with a file, in words."""

from __future__ import annotations

from pydantic import ValidationError


def what_is_wrong(error: Exception) -> str:
    """The first thing, on one line, with the key where it stands."""
    if isinstance(error, ValidationError):
        worst = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, worst["loc"]))
        return f"{place}: {worst['msg']}" if place else worst["msg"]
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error).partition("\n")[0] or type(error).__name__
