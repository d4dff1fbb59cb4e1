"""Networks that are there to try things out."""

from __future__ import annotations

from collections.abc import Iterable


def toys(backbones: Iterable[str]) -> list[str]:
    """Those that are timm's networks for tests: what they teach of images, no other has to."""
    return [name for name in dict.fromkeys(backbones) if name.startswith("test_")]
