"""Any timm network as units, found from the network itself, and run through timm's own code.

To start at a unit, ``forward_features`` runs with the modules before it skipped and the unit's
input put in; to stop before a unit, it is left there. What stands between the modules (position
embeddings, reshaping, arguments such as RoPE's) is timm's, in training and evaluation alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from greendapt.meter.flops import meta_copy
from greendapt.models.families import Family, Unit
from greendapt.models.places import begins, stages_of
from greendapt.models.probe import Blank, Call, Probe, needs, probe

_FAILS = (RuntimeError, NotImplementedError, AssertionError, ValueError, TypeError, LookupError)
"""What a forward pass without values raises: an image size that does not fit is refused later,
where it is run."""


@dataclass(frozen=True)
class Start:
    """Where a unit begins: its module, the shape of what that takes of one image, and what each
    module that is over by then would give."""

    path: str
    shape: tuple[int, ...]
    skipped: dict[str, Any]


@dataclass(frozen=True)
class Walk(Family):
    """The units of one network for images [C, H, W]; ``starts`` are of all units but the first."""

    starts: tuple[Start, ...] = ()
    image: tuple[int, ...] = ()

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def run(self, net: nn.Module, x: Tensor, start: int, stop: int) -> Tensor:
        return _between(net, x, self, start, stop)

    def steps(self, net: nn.Module, unit: int) -> list[Callable[[Tensor], Tensor]]:
        return [lambda x: _between(net, x, self, unit, unit + 1)]

    def entry(self, unit: int) -> str | None:
        return self.starts[unit - 1].path if unit <= len(self.starts) else None


def walk_of(name: str, net: nn.Module, image: tuple[int, ...]) -> Walk:
    """The units of a network for images [C, H, W]: one, the whole, where it cannot be cut.

    What was found of the network ``name`` before is found again at once.
    """
    return _walk(_Twin(name, meta_copy(net).eval()), image)


class _Twin:
    """A network on the meta device; equal to another of its name that has the same parts."""

    def __init__(self, name: str, net: nn.Module) -> None:
        self.net = net
        parts = tuple((path, type(module)) for path, module in net.named_modules())
        shapes = tuple((key, tuple(value.shape)) for key, value in net.state_dict().items())
        self._key = name, parts, shapes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Twin) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=16)
def _walk(of: _Twin, image: tuple[int, ...]) -> Walk:
    twin = of.net
    try:
        seen = probe(twin, image)
        calls = _apart(twin, seen, begins(twin, seen))
        first = needs(twin, image, [call.path for call in calls])
    except _FAILS:
        return _whole(twin, image)
    if not calls:
        return _whole(twin, image)
    regions = _regions(seen, calls)
    numbers = [0, *stages_of(twin, seen, calls)]
    names = ["stem", *(call.path for call in calls)]
    owned = [_owned(first, regions, i) for i in range(len(regions))]
    units = tuple(Unit(names[i], numbers[i], regions[i], owned[i]) for i in range(len(regions)))
    starts = tuple(Start(c.path, c.shape, _over(seen, c.begin)) for c in calls)
    return Walk(units, (), starts, image)


def _whole(net: nn.Module, image: tuple[int, ...]) -> Walk:
    modules = tuple(name for name, _ in net.named_children())
    owns = tuple(name for name, _ in net.named_parameters(recurse=False))
    return Walk((Unit("whole", 0, modules, owns),), (), (), image)


def _apart(net: nn.Module, seen: Probe, calls: list[Call]) -> list[Call]:
    """Those between which there are weights: a norm alone goes with the unit before it."""
    weighted = [
        path
        for path in (*seen.calls, *seen.repeated)
        if any(p.ndim > 1 for p in net.get_submodule(path).parameters(recurse=False))
    ]
    first_runs = seen.first_runs()
    runs = sorted(first_runs[path] for path in weighted)
    kept: list[Call] = []
    for call, end in zip(calls, [*(c.begin for c in calls[1:]), _EVER], strict=True):
        begin = kept[-1].begin if kept else 0
        before = any(begin <= run < call.begin for run in runs)
        if before and any(call.begin <= run < end for run in runs):
            kept.append(call)
    return kept


_EVER = 2**63


def _regions(seen: Probe, calls: list[Call]) -> list[tuple[str, ...]]:
    """The largest modules that run within each unit; one that runs often, where it does first."""
    regions = []
    for begin, end in pairwise([0, *(call.begin for call in calls), _EVER]):
        within = {c.path: 0 for c in seen.calls.values() if begin <= c.begin and c.end < end}
        within |= {path: 0 for path, run in seen.repeated.items() if begin <= run < end}
        regions.append(tuple(path for path in within if not _inside(path, within)))
    return regions


def _owned(first: dict[str, int], regions: list[tuple[str, ...]], unit: int) -> tuple[str, ...]:
    """Parameters that ``unit`` is the first to need and no module of it or before holds."""
    earlier = {path for region in regions[: unit + 1] for path in region}
    mine = (name for name, number in first.items() if number == unit)
    return tuple(name for name in mine if name not in earlier and not _inside(name, earlier))


def _over(seen: Probe, begin: int) -> dict[str, Any]:
    """The largest modules that are over by then, and what they give."""
    over = {c.path: c.output for c in seen.calls.values() if c.end < begin and c.output is not None}
    return {path: output for path, output in over.items() if not _inside(path, over)}


def _inside(path: str, others: Iterable[str]) -> bool:
    while path := path.rpartition(".")[0]:
        if path in others:
            return True
    return False


class _Stopped(Exception):
    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value


def _between(net: nn.Module, x: Tensor, walk: Walk, start: int, stop: int) -> Tensor:
    """From what unit ``start`` takes to what unit ``stop`` takes; behind the last, the features."""
    if stop <= start:
        return x
    replaced: dict[str, Callable[..., Any]] = {}
    image = x
    if start:
        entry = walk.starts[start - 1]
        if tuple(x.shape[1:]) != entry.shape[1:]:
            raise ValueError(f"unit {start} takes {entry.shape[1:]}, not {tuple(x.shape[1:])}")
        images = len(x) // entry.shape[0]
        image = x.new_empty((images, *walk.image))
        for path, output in entry.skipped.items():
            replaced[path] = partial(_blanks, output, x, images)
        replaced[entry.path] = partial(_entered, net.get_submodule(entry.path).forward, x)
    if stop <= len(walk.starts):
        replaced[walk.starts[stop - 1].path] = _leave
    try:
        with _replaced(net, replaced):
            features: Tensor = net.forward_features(image)  # type: ignore[operator]
    except _Stopped as stopped:
        return stopped.value
    return features


def _entered(forward: Callable[..., Any], x: Tensor, _: Tensor, *args: Any, **kwargs: Any) -> Any:
    return forward(x, *args, **kwargs)


def _leave(x: Tensor, *_: Any, **__: Any) -> None:
    raise _Stopped(x)


def _blanks(output: Any, like: Tensor, images: int, *_: Any, **__: Any) -> Any:
    """As a skipped module gives it; what it holds is never used."""

    def blank(b: Blank) -> Tensor:
        dtype = like.dtype if b.dtype.is_floating_point else b.dtype
        return like.new_empty((b.shape[0] * images, *b.shape[1:]), dtype=dtype)

    return tree_map_only(Blank, blank, output)


@contextmanager
def _replaced(net: nn.Module, forwards: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Within the block these modules run something else."""
    modules = {path: net.get_submodule(path) for path in forwards}
    own = {p: vars(module)["forward"] for p, module in modules.items() if "forward" in vars(module)}
    for path, module in modules.items():
        module.forward = forwards[path]
    try:
        yield
    finally:
        for path, module in modules.items():
            del module.forward
            if path in own:
                module.forward = own[path]
