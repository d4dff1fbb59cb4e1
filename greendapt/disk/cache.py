"""The user's cache: what is made once a machine."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """``$GREENDAPT_CACHE``, else the user's cache folder."""
    said = os.environ.get("GREENDAPT_CACHE")
    return Path(said) if said else user_cache_path("greendapt")
