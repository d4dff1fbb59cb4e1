"""What a phase learns from, by name: ``supervised``, ``simclr``, ``simmim``, ``dino``, a plug-in's.

The settings and what a suite has to know of them, without torch; `greendapt.train.learners` says
how each is done. A suite writes the name, or a table with the name and what differs from the
defaults: ``objective = { name = "simmim", mask_ratio = 0.5 }``. Another package adds one with two
classes and one entry point of the group ``greendapt.objectives``::

    class Turns(Objective):
        name: Literal["turns"] = "turns"
        learner: ClassVar = "my_package.turns:TurnsLearner"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, PositiveFloat

from greendapt.core.registry import Registry
from greendapt.suite.datasets import Table

Width = Annotated[int, Field(gt=0, le=1_000_000)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Objective(Table):
    """Settings, part of a phase's key: a frozen table whose defaults are those of the paper."""

    learner: ClassVar[str]
    """``module:class`` of its `greendapt.train.learners.base.Learner`, loaded when it trains."""
    needs_labels: ClassVar[bool] = False
    constant: ClassVar[bool] = False
    """Whether a step takes each image as it is: frozen units may then be stored."""
    least_images: ClassVar[int] = 1
    """Of a batch: fewer give no loss to learn from."""
    paced: ClassVar[bool] = False
    """Whether a step depends on how many are still to come."""
    ranks_epochs: ClassVar[bool] = True
    """Whether the validation losses of two epochs compare."""

    name: str

    @property
    def plain(self) -> str | dict[str, Any]:
        """As a suite writes it: the name alone where nothing differs from the defaults."""
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
        return {"name": self.name, **changed} if changed else self.name

    def __str__(self) -> str:
        plain = self.plain
        if isinstance(plain, str):
            return plain
        settings = ", ".join(f"{key} {value}" for key, value in plain.items() if key != "name")
        return f"{self.name} ({settings})"


class Supervised(Objective):
    learner: ClassVar = "greendapt.train.learners.mlp:Supervised"
    needs_labels: ClassVar = True
    constant: ClassVar = True

    name: Literal["supervised"] = "supervised"


class SimCLR(Objective):
    """Two views of an image are to be nearer than those of others (Chen et al. 2020)."""

    learner: ClassVar = "greendapt.train.learners.mlp:Contrastive"
    least_images: ClassVar = 2

    name: Literal["simclr"] = "simclr"


class SimMIM(Objective):
    """The pixels of masked patches are to be told from the rest (Xie et al. 2022)."""

    learner: ClassVar = "greendapt.train.learners.masked:MaskedImages"

    name: Literal["simmim"] = "simmim"
    mask_ratio: Share = 0.6
    mask_patch: Annotated[int, Field(gt=0, le=224)] = 32
    """Side of a masked patch in pixels of a 224 px image; it grows and shrinks with the image."""


class Dino(Objective):
    """A student is to say of crops what its own moving average says of whole views (Caron et al.
    2021)."""

    learner: ClassVar = "greendapt.train.learners.distilled:SelfDistillation"
    paced: ClassVar = True
    ranks_epochs: ClassVar = False

    name: Literal["dino"] = "dino"
    local_views: Annotated[int, Field(ge=0, le=100)] = 8
    local_side: Annotated[int, Field(gt=0, le=224)] = 96
    """Pixels of a small crop where the image has 224; it grows and shrinks with the image."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.996
    """Of the teacher at first; it rises to 1 by a cosine."""
    student_temperature: PositiveFloat = 0.1
    teacher_temperature: PositiveFloat = 0.04
    centre_momentum: Annotated[float, Field(ge=0, le=1)] = 0.9
    hidden: Width = 2048
    bottleneck: Width = 256
    outputs: Width = 65536
    keep: Literal["teacher", "student"] = "teacher"
    """Whose weights the phase leaves."""


OBJECTIVES: Registry[type[Objective]] = Registry(
    "greendapt.objectives",
    "objective",
    {
        "supervised": "greendapt.suite.objectives:Supervised",
        "simclr": "greendapt.suite.objectives:SimCLR",
        "simmim": "greendapt.suite.objectives:SimMIM",
        "dino": "greendapt.suite.objectives:Dino",
    },
    Objective,
    classes=True,
)


def _read(value: Any) -> Objective:
    """Raises ValueError, of which pydantic's errors of an objective's own keys are one kind."""
    if isinstance(value, Objective):
        return value
    table = value if isinstance(value, Mapping) else {"name": value}
    name = table.get("name")
    if not isinstance(name, str) or name not in OBJECTIVES:
        names = ", ".join(f"'{name}'" for name in OBJECTIVES.names())
        raise ValueError(f"should be one of {names}, or a table with such a name")
    return OBJECTIVES.get(name).model_validate(table)


def _plain(objective: Objective) -> str | dict[str, Any]:
    return objective.plain


Learns = Annotated[Objective, BeforeValidator(_read), PlainSerializer(_plain)]
"""An objective by its name, or by the name in its table."""
