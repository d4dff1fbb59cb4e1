"""What a phase trains, by name: ``head``, ``last:N``, ``all``, a list of stages, or a plug-in's.

A suite says it as text, ``NAME`` or ``NAME:ARGUMENT``, and a `TrainSet` reads the text and says
which units of a backbone train. No torch: a suite is checked without it. Another package adds a
name with one class and one entry point of the group ``greendapt.train_sets``::

    @dataclass(frozen=True)
    class First(TrainSet):
        count: int

        @classmethod
        def parse(cls, argument):
            return cls(int(argument))  # ValueError where it is none

        def units(self, backbone):
            return frozenset(range(self.count))
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from greendapt.core.errors import ModelError, SuiteError
from greendapt.core.registry import Registry

Train = str | tuple[str, ...]
"""``head``, ``last:N`` (blocks), ``all``, another `TrainSet` by its name, or a list of stages such
as ``["stem", "stage4"]``."""


@dataclass(frozen=True)
class Units:
    """A backbone as a train set sees it: the stage of each unit from the image on (the stem: 0)."""

    backbone: str
    stages: tuple[int, ...]


class TrainSet(ABC):
    """Which units of a backbone train; the head always does. A frozen dataclass: equal ones train
    the same."""

    @classmethod
    @abstractmethod
    def parse(cls, argument: str) -> TrainSet:
        """What stands behind ``NAME:`` in a suite, empty for ``NAME`` alone.

        Raises ValueError for what it cannot read.
        """

    @abstractmethod
    def units(self, backbone: Units) -> frozenset[int]:
        """Indices of the units that train. Raises ModelError where the backbone has no such."""

    @property
    def freezes_stem(self) -> bool:
        """Whether the first unit never trains: what lies before those that train can be stored."""
        return False

    def may_move_frozen(self, later: TrainSet) -> bool:
        """Whether training this may have changed units that are frozen while ``later`` trains.

        True where that is not known: what was stored of them is then made anew.
        """
        return self != later


@dataclass(frozen=True)
class Last(TrainSet):
    """The last ``blocks`` units."""

    blocks: int

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        if re.fullmatch("0*[1-9][0-9]*", argument) is None:
            raise ValueError("N is a number of at least 1")
        return cls(int(argument))

    def units(self, backbone: Units) -> frozenset[int]:
        count = len(backbone.stages)
        if self.blocks and count == 1:
            raise ModelError(f"train = 'last:{self.blocks}': {_whole(backbone)}")
        if self.blocks >= count:
            raise ModelError(
                f"train = 'last:{self.blocks}': '{backbone.backbone}' has {count - 1} blocks "
                "and a stem"
            )
        return frozenset(range(count - self.blocks, count))

    @property
    def freezes_stem(self) -> bool:
        return True

    def may_move_frozen(self, later: TrainSet) -> bool:
        return self.blocks > (later.blocks if isinstance(later, Last) else 0)


@dataclass(frozen=True)
class Head(Last):
    """No unit."""

    blocks: int = 0

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return _alone(cls(), argument)


@dataclass(frozen=True)
class Everything(TrainSet):
    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return _alone(cls(), argument)

    def units(self, backbone: Units) -> frozenset[int]:
        return frozenset(range(len(backbone.stages)))


@dataclass(frozen=True)
class Stages(TrainSet):
    """Whole stages; a suite writes them as a list."""

    names: tuple[str, ...]

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return cls(tuple(argument.split(",")))

    def units(self, backbone: Units) -> frozenset[int]:
        if len(backbone.stages) == 1:
            raise ModelError(f"train = {list(self.names)}: {_whole(backbone)}")
        names = ["stem", *(f"stage{i}" for i in range(1, backbone.stages[-1] + 1))]
        unknown = [name for name in self.names if name not in names]
        if unknown:
            raise ModelError(
                f"train: '{backbone.backbone}' has no {', '.join(unknown)} "
                f"(it has: {', '.join(names)})"
            )
        wanted = {names.index(name) for name in self.names}
        return frozenset(i for i, stage in enumerate(backbone.stages) if stage in wanted)

    @property
    def freezes_stem(self) -> bool:
        return "stem" not in self.names


def _whole(backbone: Units) -> str:
    return (
        f"'{backbone.backbone}' runs only as a whole, it has no blocks and stages to choose from; "
        "train = 'head' and 'all' run"
    )


def _alone(train_set: TrainSet, argument: str) -> TrainSet:
    if argument:
        raise ValueError("nothing stands behind it")
    return train_set


TRAIN_SETS: Registry[type[TrainSet]] = Registry(
    "greendapt.train_sets",
    "train set",
    {
        "head": "greendapt.suite.trainable:Head",
        "last": "greendapt.suite.trainable:Last",
        "all": "greendapt.suite.trainable:Everything",
    },
    TrainSet,
    classes=True,
)


def train_set(train: Train, where: str = "train") -> TrainSet:
    """What a suite's ``train`` means; ``where`` it stands. Raises SuiteError."""
    if not isinstance(train, str):
        if not train:
            raise SuiteError(f"{where}: an empty list trains the head alone; say 'head'")
        return Stages(train)
    name, colon, argument = train.partition(":")
    why = ""
    if name in TRAIN_SETS and bool(argument) == bool(colon):
        try:
            return TRAIN_SETS.get(name).parse(argument)
        except ValueError as error:
            why = f": {error}"
    plugins = [f"'{other}'" for other in TRAIN_SETS.names() if other not in TRAIN_SETS.builtin]
    names = ", ".join(["'head'", "'last:N'", *plugins, "'all'"])
    raise SuiteError(f"{where}: '{train}' is not {names} or a list of stages{why}")


def of_option(text: str) -> Train:
    """As a command's option says it: stages separated by commas."""
    return text if text.partition(":")[0] in TRAIN_SETS else tuple(text.split(","))


def train_text(train: Train) -> str:
    """As a title says it: ``last:2``, ``stem+stage4``."""
    return train if isinstance(train, str) else "+".join(train)
