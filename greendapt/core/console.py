"""Rich's console, for tables and bars: its own colours, and nothing of foreign text but letters."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

from greendapt.core.terminal import fitting
from greendapt.core.text import visible


class Console(RichConsole):
    """``settings``: of Rich's console. What its texts hold is shown as `core.terminal` shows it."""

    def __init__(self, *, stderr: bool = False, **settings: Any) -> None:
        stream = fitting(sys.stderr if stderr else sys.stdout)
        super().__init__(**{"file": stream, "highlight": False, **settings})

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
