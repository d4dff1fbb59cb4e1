"""A run as the world may see it: no path of the machine it ran on.

A path in a sentence has no end that could be told for sure, so that in doubt more is cut than a
path: words are lost then, but no name of a folder is told.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greendapt.report.view.model import View
from greendapt.report.view.texts import each_text
from greendapt.store.runinfo import RunData

_SEPARATOR = re.compile(r"[/\\]+")
_START = r"(?:(?:~\w*|\.{1,2})?[/\\]|[A-Za-z]:[\\/])"
_NO_NEXT = rf"(?![\s=:]{_START}\S)(?!\s--?\w)(?![:;]\s)"  # another path, an option, a new clause
_FOLDER = rf"(?:{_NO_NEXT}[^/\\\n'\"])+[/\\]+"
_LAST = r"[^\s/\\:;,'\"()=]*"
_SUFFIX = r"\.[A-Za-z][A-Za-z0-9]{0,4}(?!\w)"
_PATH = re.compile(
    rf"""(?P<address>\b(?:https?://|hf-hub:)[^\s'"]+)
    |(?:file:/*)?(?<![\w/.~\\%)\]]){_START}[/\\]*(?=\S)(?:{_FOLDER})*{_LAST}
    |(?<![\w/\\.~-])[^\s/\\:;,'"()=]+[/\\]+(?:{_FOLDER})*{_LAST}{_SUFFIX}
    |\w[^\s/\\:;,'"()=]*(?:\\+[^\s/\\:;,'"()=]+)+""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Public:
    """``known``: paths that the run itself names, longest first."""

    known: Sequence[str] = ()

    @classmethod
    def of(cls, run: RunData) -> Public:
        suite = _texts(run.info.suite.model_dump(mode="json"))
        named = [text for text in suite if _SEPARATOR.search(text.strip("/\\"))]
        named += [text for word in _words(run.info.command) for text in _paths(word)]
        return cls(sorted({text.rstrip("/\\") for text in named}, key=len, reverse=True))

    def run(self, run: RunData) -> RunData:
        """With every path in its command, notes, errors and facts cut down to its last name."""
        notes = [one.model_copy(update={"text": self.text(one.text)}) for one in run.info.notes]
        environment = {
            name: self.text(fact) if isinstance(fact, str) else fact
            for name, fact in run.info.environment.items()
        }
        command = self.command(run.info.command)
        info = run.info.model_copy(
            update={"command": command, "notes": notes, "environment": environment}
        )
        failures = [
            failure.model_copy(update={"error": self.text(failure.error)})
            for failure in run.summary.failures
        ]
        said = {"failures": failures, "notes": list(map(self.text, run.summary.notes))}
        return replace(run, info=info, summary=run.summary.model_copy(update=said))

    def view(self, view: View) -> View:
        """The same of all that a report says."""
        shown: View = each_text(view, self.text)
        return shown

    def command(self, text: str) -> str:
        words = _words(text)
        return shlex.join(map(_cut, words)) if words else self.text(text)

    def text(self, text: str) -> str:
        """Absolute, home and relative paths (``../data/xrays``) by their last name."""
        for path in self.known:
            text = text.replace(path, "/" + _SEPARATOR.split(path)[-1])
        return _PATH.sub(_last_name, text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _words(command: str) -> list[str]:
    """Those of a command line; none where it is not written as greendapt writes one."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return words if shlex.join(words) == command else []


def _paths(word: str) -> Iterator[str]:
    """What may be a path in it: behind ``=``, and before the columns of a table."""
    value = word.rpartition("=")[2]
    for path in (value, re.sub(r"[:@][^/\\]*$", "", value)):
        if _SEPARATOR.search(path.strip("/\\")):
            yield path


def _cut(word: str) -> str:
    if "://" in word or word.startswith("hf-hub:"):
        return word
    option, equals, value = word.rpartition("=")
    return option + equals + _SEPARATOR.split(value.rstrip("/\\"))[-1] if value else word


def _last_name(match: re.Match[str]) -> str:
    return match["address"] or _SEPARATOR.split(match[0].rstrip("/\\"))[-1]
