"""A suite's own code: which functions of which files, and that they run only where it is trusted.

``[own.NAME]`` names a function of a Python file beside the suite's. A stranger's suite must not run
code unasked: `trust` runs it, `require` refuses what was not trusted before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from greendapt.core import own_code
from greendapt.core.own_code import OwnCodeError
from greendapt.suite.datasets import OwnData, Table

if TYPE_CHECKING:
    from greendapt.suite.models import Suite

OwnName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "augmentation": ("none", "light", "strong"),
}
"""The names of each kind that are greendapt's."""


class OwnCode(Table):
    """A network, an augmentation, a dataset, or a loss: ``code`` is ``module:function``."""

    kind: Literal["network", "augmentation", "dataset", "loss"]
    code: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*:[A-Za-z_]\w*$")]
    units: tuple[str, ...] = ()
    """Of a network: the sub-modules that run one after the other, the stem first."""
    folder: str = "."
    """Of the suite's file, where the module is; filled in when that is read."""

    @property
    def file(self) -> Path:
        return Path(self.folder) / f"{self.code.partition(':')[0]}.py"

    @property
    def function(self) -> str:
        return self.code.partition(":")[2]


def trust(suite: Suite, digests: Mapping[str, str] | None = None) -> None:
    """Run the suite's own code in this process. ``digests``: what each file must be.

    Raises OwnCodeError, in one sentence, where something of it cannot be had.
    """
    for name, own in suite.own.items():
        digest = None if digests is None else digests.get(name, "")
        own_code.load(own.kind, name, own.file, own.function, own.units, digest)


def require(suite: Suite) -> dict[str, str]:
    """The SHA-256 of each file of own code, by its name in the suite. Raises OwnCodeError where
    this process was not allowed to run it."""
    digests, refused = {}, dict[Path, list[str]]()
    for name, own in suite.own.items():
        there = own_code.loaded(own.kind, name)
        asked = (own.file, own.function, own.units)
        if there is None or (there.file, there.function, there.units) != asked:
            refused.setdefault(own.file, []).append(f"own.{name}")
        else:
            digests[name] = there.digest
    if refused:
        files = " and ".join(f"{file} ({', '.join(of)})" for file, of in refused.items())
        raise OwnCodeError(
            f"this suite would run code of its own, {files}: read it, then allow it with --trust "
            "(in Python: greendapt.trust(suite))"
        )
    return digests


def own_problems(suite: Suite) -> Iterator[str]:
    """What is wrong with the names, one line each."""
    for name, own in suite.own.items():
        if name in BUILT_IN.get(own.kind, ()):
            yield f"own.{name}: greendapt has a built-in {own.kind} of that name"
        if own.units and own.kind != "network":
            yield f"own.{name}.units: only a network has units"
        if len({*own.units}) < len(own.units):
            yield f"own.{name}.units: each sub-module once"
    for where, kind, name in _asked(suite):
        known = [*BUILT_IN.get(kind, ()), *(n for n, own in suite.own.items() if own.kind == kind)]
        if name not in known:
            yield f"{where}: there is no {kind} '{name}' (there is: {', '.join(known) or 'none'})"


def _asked(suite: Suite) -> Iterator[tuple[str, str, str]]:
    """Where the suite names something that may be its own, of which kind, and how."""
    recipes: dict[str, object] = {f"phase.{name}": phase for name, phase in suite.phase.items()}
    recipes |= {f"transfer.{name}": one for name, one in suite.transfer.items()}
    for name, strategy in suite.strategy.items():
        uses = enumerate(strategy.phases)
        recipes |= {f"strategy.{name}.phases[{i}]": use for i, use in uses}
    for where, recipe in recipes.items():
        for kind in ("augmentation", "loss"):
            asked = getattr(recipe, kind, None)
            if asked is not None:
                yield f"{where}.{kind}", kind, asked
    for where, spec in suite.data.tables():
        if isinstance(spec, OwnData):
            yield where, "dataset", spec.name


def unlabelled_losses(suite: Suite) -> Iterator[str]:
    """Phases whose own loss would get no labels."""
    for name in suite.strategy:
        for phase in suite.phases(name):
            if phase.loss is not None and phase.objective.name != "supervised":
                yield f"strategy.{name}: loss = '{phase.loss}' needs objective = 'supervised'"
