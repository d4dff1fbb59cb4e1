"""The page's scripts and the policy that lets these run and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Packed:
    """Vega and the data, deflated and in base64; the page's script unpacks them."""

    vega: str
    data: str


def pack(payload: dict[str, Any]) -> Packed:
    """``payload`` and Vega for a page that is to stay small."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Packed(_deflated(_vega()), _deflated(text))


@cache
def own() -> Markup:
    """The page's own script, as it stands in the page."""
    return Markup(
        (files("greendapt.report.formats") / "templates" / "report.js").read_text("utf-8")
    )


def policy(style: str, *, scripts: bool) -> str:
    """A content security policy: the style sheet and the scripts by their hashes, no more."""
    hashes = " ".join(_hash(text) for text in (own(), _vega())) if scripts else "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _deflated(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


@cache
def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed as vl-convert bundles them: 0.9 MB, 2 s, no network."""
    import vl_convert

    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text
