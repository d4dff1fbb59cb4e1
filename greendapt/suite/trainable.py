"""What a phase trains, by name: ``head``, ``last:N``, ``first:N``, ``all``, ``bias``, ``norm``,
``names:PATTERN``, a plug-in's, or a list of these and of stages, which trains all that they name.

A suite says it as text, ``NAME`` or ``NAME:ARGUMENT``, and a `TrainSet` reads the text and says
which units of a backbone train, and which parameters beside them. No torch: a suite is checked
without it. Another package adds a name with one class and one entry point of the group
``greendapt.train_sets``::

    @dataclass(frozen=True)
    class Every(TrainSet):
        step: int

        @classmethod
        def parse(cls, argument):
            return cls(int(argument))  # ValueError where it is none

        def units(self, backbone):
            return frozenset(range(0, len(backbone.stages), self.step))
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fnmatch import fnmatchcase

from greendapt.core.errors import ModelError, SuiteError
from greendapt.core.registry import Registry

Train = str | tuple[str, ...]
"""``head``, ``last:N`` (blocks), ``all``, another `TrainSet` by its name, or a list such as
``["stem", "stage4"]`` or ``["bias", "last:1"]``."""


@dataclass(frozen=True)
class Units:
    """A backbone as a train set sees it: the stage of each unit from the image on (the stem: 0)."""

    backbone: str
    stages: tuple[int, ...]


@dataclass(frozen=True)
class Parameter:
    """Of a backbone: its ``name`` in timm's model, and whether it is of a normalisation layer."""

    name: str
    of_norm: bool


def matches(pattern: str, name: str) -> bool:
    """Whether a dotted ``name`` has ``pattern`` among its parts (``attn.proj``), or, with ``*``,
    ``?`` or ``[``, is matched by it as a whole."""
    if set("*?[") & set(pattern):
        return fnmatchcase(name, pattern)
    return f".{pattern}." in f".{name}."


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

    def also(self, parameter: Parameter) -> bool:
        """Whether a parameter of another unit trains, too."""
        del parameter
        return False

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
        return cls(_number(argument))

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
class First(TrainSet):
    """The first ``count`` units, the stem among them."""

    count: int

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return cls(_number(argument))

    def units(self, backbone: Units) -> frozenset[int]:
        count = len(backbone.stages)
        if self.count > count:
            raise ModelError(
                f"train = 'first:{self.count}': '{backbone.backbone}' has {count} units"
            )
        return frozenset(range(self.count))


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


class _Beside(TrainSet):
    """No whole unit, only parameters by what they are."""

    def units(self, backbone: Units) -> frozenset[int]:
        del backbone
        return frozenset()


@dataclass(frozen=True)
class Bias(_Beside):
    """Every bias (BitFit, Ben Zaken et al. 2022, 2106.10199)."""

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return _alone(cls(), argument)

    def also(self, parameter: Parameter) -> bool:
        return parameter.name.endswith("bias")


@dataclass(frozen=True)
class Norm(_Beside):
    """Scale and shift of every normalisation layer (Frankle et al. 2021, 2003.00152)."""

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return _alone(cls(), argument)

    def also(self, parameter: Parameter) -> bool:
        return parameter.of_norm


@dataclass(frozen=True)
class Names(_Beside):
    """Every parameter whose name `matches` (``attn.proj``: APLA, Sorkhei et al. 2025,
    2503.11335)."""

    pattern: str

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        if not argument:
            raise ValueError("PATTERN is a part of parameter names, such as attn.proj")
        return cls(argument)

    def also(self, parameter: Parameter) -> bool:
        return matches(self.pattern, parameter.name)


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


@dataclass(frozen=True)
class Union(TrainSet):
    """All that its ``parts`` train; a suite writes them as a list."""

    parts: tuple[TrainSet, ...]

    @classmethod
    def parse(cls, argument: str) -> TrainSet:
        return _union(tuple(argument.split(",")), "train")

    def units(self, backbone: Units) -> frozenset[int]:
        return frozenset[int]().union(*(part.units(backbone) for part in self.parts))

    def also(self, parameter: Parameter) -> bool:
        return any(part.also(parameter) for part in self.parts)

    @property
    def freezes_stem(self) -> bool:
        return all(part.freezes_stem for part in self.parts)

    def may_move_frozen(self, later: TrainSet) -> bool:
        return self != later and any(part.may_move_frozen(later) for part in self.parts)


def _number(argument: str) -> int:
    if re.fullmatch("0*[1-9][0-9]*", argument) is None:
        raise ValueError("N is a number of at least 1")
    return int(argument)


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
        "first": "greendapt.suite.trainable:First",
        "bias": "greendapt.suite.trainable:Bias",
        "norm": "greendapt.suite.trainable:Norm",
        "names": "greendapt.suite.trainable:Names",
        "all": "greendapt.suite.trainable:Everything",
    },
    TrainSet,
    classes=True,
)


_WRITTEN = {"last": "last:N", "first": "first:N", "names": "names:PATTERN"}


def train_set(train: Train, where: str = "train") -> TrainSet:
    """What a suite's ``train`` means; ``where`` it stands. Raises SuiteError."""
    if not isinstance(train, str):
        if not train:
            raise SuiteError(f"{where}: an empty list trains the head alone; say 'head'")
        return _union(train, where)
    name, colon, argument = train.partition(":")
    why = ""
    if name in TRAIN_SETS and bool(argument) == bool(colon):
        try:
            return TRAIN_SETS.get(name).parse(argument)
        except ValueError as error:
            why = f": {error}"
    names = ", ".join(f"'{_WRITTEN.get(other, other)}'" for other in TRAIN_SETS.names())
    raise SuiteError(f"{where}: '{train}' is not {names} or a list of these and of stages{why}")


def _union(texts: tuple[str, ...], where: str) -> TrainSet:
    """Of train sets by their names; what is none is a stage."""
    stages = tuple(text for text in texts if _name(text) not in TRAIN_SETS)
    named = tuple(train_set(text, where) for text in texts if text not in stages)
    return Union(((Stages(stages),) if stages else ()) + named) if named else Stages(stages)


def _name(text: str) -> str:
    return text.partition(":")[0]


def of_option(text: str) -> Train:
    """As a command's option says it: separated by commas."""
    parts = tuple(text.split(","))
    one = _name(text) in TRAIN_SETS and not all(
        _name(part) in TRAIN_SETS or re.fullmatch("stem|stage[0-9]+", part) for part in parts
    )
    return text if one or (len(parts) == 1 and _name(text) in TRAIN_SETS) else parts


def train_text(train: Train) -> str:
    """As a title says it: ``last:2``, ``stem+stage4``."""
    return train if isinstance(train, str) else "+".join(train)
