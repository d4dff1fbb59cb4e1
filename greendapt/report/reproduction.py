"""A published report and a run of the same command: are the verdicts and the FLOPs the same?"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from greendapt.core.errors import RunError
from greendapt.report.published import Published, points, verdicts
from greendapt.report.view.model import View

_NAMES_FILES = ("--data", "-d", "--weights", "--suite", "-s")
"""Options whose values name files; in a report only the last name is left of them."""
_OUR_OWN = ("--out", "-o", "--name", "--reuse")
"""Where a run lies is said anew."""


def command(report: Published, where: Path) -> list[str]:
    """The arguments of ``greendapt`` that make the report's run again, but for its place.

    Data, weights and a suite of one's own that it names are looked for in ``where`` and the folders
    in it. RunError where the report does not say its command, or one of them is not there.
    """
    program, *words = shlex.split(report.command) or [""]
    if program != "greendapt" or words[:1] != ["bench"]:
        raise RunError(f"{report.name} does not say by which greendapt bench it was made")
    made: list[str] = []
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if equals and option in (*_NAMES_FILES, *_OUR_OWN):
            word, words = option, [value, *words]
        if word in _OUR_OWN:
            words = words[1:]
            continue
        made.append(word)
        if word in _NAMES_FILES and words:
            made.append(_placed(words.pop(0), where))
    return made


def _placed(value: str, where: Path) -> str:
    """``pool=xrays:label@train`` or ``net.safetensors``, found in ``where``."""
    role, equals, named = value.partition("=") if "=" in value else ("", "", value)
    name = re.split(r"[:@?]", named)[0]
    if not equals and "." not in name:  # chestxray, timm, none
        return value
    for path in (where / name, *sorted(where.glob(f"*/{name}"))):
        if path.exists():
            return f"{role}{equals}{path}{named.removeprefix(name)}"
    raise RunError(f"{name}, which the report's command names, is not in {where}; see --data-in")


def differences(report: Published, view: View) -> Iterator[str]:
    """A sentence for each verdict and each strategy's training FLOPs that is another one."""
    found = verdicts(view)
    for setting, verdict in report.verdicts.items():
        if found.get(setting) != verdict:
            ours = found.get(setting, "not asked")
            yield f"{setting}: the verdict is {ours}, published was {verdict}"
    flops = {(one.setting, one.strategy): one.training_flops for one in points(view)}
    for one in report.points:
        here, there = flops.get((one.setting, one.strategy)), one.training_flops
        if there is not None and (here is None or not math.isclose(here, there, rel_tol=1e-9)):
            told = "no" if here is None else f"{here:.6g}"
            yield (
                f"{one.setting}, {one.strategy}: {told} training FLOPs, published were {there:.6g}"
            )
