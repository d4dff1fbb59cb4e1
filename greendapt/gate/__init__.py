"""Verdicts on costs and scores: exact, noisy, accuracy; and the honest answer inconclusive."""

from __future__ import annotations

from greendapt.core.errors import GreendaptError
from greendapt.suite.limits import Tier


def tiers_of(text: str | None, option: str = "--tiers") -> frozenset[Tier]:
    """``exact,accuracy`` as tiers; all for None. Raises GreendaptError, which names ``option``."""
    if text is None:
        return frozenset(Tier)
    try:
        return frozenset(Tier(part.strip()) for part in text.split(","))
    except ValueError as error:
        names = ", ".join(Tier)
        raise GreendaptError(f"{option} {text}: {error} (there is: {names})") from error
