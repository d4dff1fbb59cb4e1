"""Options that several commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else there.")]

Tiers = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="exact, noisy, accuracy, joined by commas; all without."),
]


def with_options_of(
    other: Callable[..., None],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that also takes the options of ``other`` which it does not name itself; it reads
    their values from its context (``context.params``)."""

    def extend(command: Callable[..., None]) -> Callable[..., None]:
        own = _parameters(command)
        every = own | {k: v for k, v in _parameters(other).items() if k not in own}

        def run(**given: Any) -> None:
            command(**{name: given[name] for name in own})

        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(list(every.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: one.annotation for name, one in every.items()}
        return run

    return extend


def _parameters(command: Callable[..., None]) -> dict[str, inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    known = inspect.signature(command).parameters
    return {name: one.replace(annotation=hints[name]) for name, one in known.items()}
