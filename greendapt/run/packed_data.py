"""The user's packs: in the cache, made under a meter of their own, before any strategy runs."""

from __future__ import annotations

from collections.abc import Callable

from greendapt.data.pack.packs import Packs
from greendapt.disk.cache import cache_folder
from greendapt.meter import Meter


def packs(say: Callable[[str], None], device: str = "cpu") -> Packs:
    """Packs in the cache folder. ``device``: what is reserved meanwhile, and so metered."""
    return Packs(cache_folder() / "packs", say, lambda: Meter(device=device))
