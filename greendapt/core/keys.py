"""Identity by content: a key is a hash of all that decides a stage's result."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def key_of(**decides: Any) -> str:
    """16 hex digits of the canonical JSON of what is given."""
    text = json.dumps(decides, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def seed_of(key: str) -> int:
    """A seed below 2**31 from a key: independent streams for independent stages."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) >> 1


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} has no place in a key")
    return dump(mode="json")
