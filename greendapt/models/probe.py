"""A pass through a network on the meta device: which modules run when, and what depends on what.

A network can be cut where one tensor alone carries the image on: every path from the features back
to the image leads through it. Autograd's graph knows the paths, and needs no values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils._pytree import tree_leaves, tree_map_only

Edge = tuple[Node, int]
"""The operation that made a tensor, and which of its outputs that is."""


@dataclass(frozen=True)
class Blank:
    """A tensor's shape for one image, in the tensor's place."""

    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass
class Call:
    """One run of a module. ``begin`` and ``end`` count operations; ``source`` made its input."""

    path: str
    begin: int
    source: Edge | None
    end: int = 0
    output: Any = None
    """With blanks for tensors; None where some part of it does not depend on the image."""
    shape: tuple[int, ...] = ()
    """Of its input, for one image."""


@dataclass(frozen=True)
class Probe:
    """What `probe` saw; ``calls`` are in order, of modules that run once."""

    image: tuple[int, ...]
    calls: dict[str, Call]
    repeated: dict[str, int]
    """Modules that run more than once, and where each begins first."""
    crossings: dict[Edge, tuple[int, int]]
    """The tensors that alone carry the image on: the first and last operation that takes each."""

    def enters(self, path: str) -> bool:
        """Whether what this module takes is all that it and what runs later need of the image."""
        call = self.calls.get(path)
        if call is None or call.source not in self.crossings:
            return False
        first, last = self.crossings[call.source]
        return call.begin < first and last < call.end

    def first_runs(self) -> dict[str, int]:
        """Where each module, or the first one within it, begins."""
        runs = [(c.path, c.begin) for c in self.calls.values()] + [*self.repeated.items()]
        return {path: min(at) for path, at in _upwards(runs).items()}

    def last_ends(self) -> dict[str, int]:
        """Where each module, or the last one within it, ends."""
        ends = [(c.path, c.end) for c in self.calls.values()]
        return {path: max(at) for path, at in _upwards(ends).items()}


def _upwards(at: list[tuple[str, int]]) -> dict[str, list[int]]:
    """Of each module: its own, and of all within it."""
    of: dict[str, list[int]] = {}
    for path, number in at:
        while path:
            of.setdefault(path, []).append(number)
            path = path.rpartition(".")[0]
    return of


def probe(net: nn.Module, image: tuple[int, ...]) -> Probe:
    """``forward_features`` of ``net``, which is on the meta device, of one image [C, H, W].

    Raises what the network raises.
    """
    net.requires_grad_(False)
    calls: list[Call] = []
    with _recorded(net, calls):
        features = _features(net, image)
    counts = Counter(call.path for call in calls)
    repeated: dict[str, int] = {}
    for call in calls:
        if counts[call.path] > 1:
            repeated.setdefault(call.path, call.begin)
    once = {call.path: call for call in calls if counts[call.path] == 1}
    return Probe(image, once, repeated, _crossings(features))


def needs(net: nn.Module, image: tuple[int, ...], starts: Sequence[str]) -> dict[str, int]:
    """Of ``net`` on the meta device: each parameter to how many of ``starts``, modules in order,
    take an input that does not come through it. Parameters that no feature needs are left out."""
    net.requires_grad_(True)
    taken: list[Tensor] = []
    hooks = [
        net.get_submodule(path).register_forward_pre_hook(lambda _, args: taken.append(args[0]))
        for path in starts
    ]
    try:
        ends = [*_features_list(net, image, taken)]
    finally:
        for hook in hooks:
            hook.remove()
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    first: dict[str, int] = {}
    seen: set[Node] = set()
    for number, tensor in enumerate(ends):
        for node in _reached(tensor, seen):
            variable = getattr(node, "variable", None)
            if id(variable) in names:
                first.setdefault(names[id(variable)], number)
    return first


def _features(net: nn.Module, image: tuple[int, ...]) -> Any:
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        pixels = torch.empty((1, *image), device="meta", requires_grad=True)
        return net.forward_features(pixels.clone())  # type: ignore[operator]


def _features_list(net: nn.Module, image: tuple[int, ...], taken: list[Tensor]) -> list[Tensor]:
    features = _features(net, image)
    return [*taken, *_tensors(features)]


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@contextmanager
def _recorded(net: nn.Module, calls: list[Call]) -> Iterator[None]:
    """Within the block, each run of a module of ``net`` is added to ``calls``."""
    anchor = torch.zeros((), requires_grad=True)
    open_calls: list[Call] = []

    def now() -> int:
        """Operations are numbered as they run: this is one of them."""
        node = (anchor * 1).grad_fn
        assert node is not None
        return node._sequence_nr()

    def enter(path: str, args: tuple[Any, ...]) -> None:
        first = args[0] if args and isinstance(args[0], Tensor) else None
        source = None if first is None or first.grad_fn is None else _edge(first)
        call = Call(path, now(), source, shape=() if first is None else tuple(first.shape))
        calls.append(call)
        open_calls.append(call)

    def leave(output: Any) -> None:
        call = open_calls.pop()
        call.end = now()
        if (tensors := _tensors(output)) and all(tensor.requires_grad for tensor in tensors):
            call.output = tree_map_only(Tensor, lambda t: Blank(tuple(t.shape), t.dtype), output)

    hooks = []
    for path, module in net.named_modules():
        if path:
            hooks.append(module.register_forward_pre_hook(lambda _, a, p=path: enter(p, a)))
            hooks.append(module.register_forward_hook(lambda _, __, out: leave(out)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _edge(tensor: Tensor) -> Edge:
    assert tensor.grad_fn is not None
    return tensor.grad_fn, tensor.output_nr


def _before(node: Node) -> list[Edge]:
    return [(n, nr) for n, nr in node.next_functions if n is not None]


def _crossings(features: Any) -> dict[Edge, tuple[int, int]]:
    """Dominators of the image in the graph, from the features back: when an operation's users are
    all done and no other operation waits, all paths lead through it."""
    ends = [tensor for tensor in _tensors(features) if tensor.grad_fn is not None]
    users: Counter[Node] = Counter()
    seen: set[Node] = set()
    for tensor in ends:
        for node in _reached(tensor, seen):
            users.update(n for n, _ in _before(node))
    taken: dict[Node, tuple[set[int], list[int]]] = {}
    waiting = {_edge(tensor)[0] for tensor in ends}
    ready = [node for node in waiting if not users[node]]
    crossings: dict[Edge, tuple[int, int]] = {}
    while ready:
        node = ready.pop()
        outputs, by = taken.get(node, (set(), []))
        if waiting == {node} and len(outputs) == 1:
            crossings[node, next(iter(outputs))] = (min(by), max(by))
        waiting.remove(node)
        for before, number in _before(node):
            numbers, takers = taken.setdefault(before, (set(), []))
            numbers.add(number)
            takers.append(node._sequence_nr())
            waiting.add(before)
            users[before] -= 1
            if not users[before]:
                ready.append(before)
    return crossings


def _reached(tensor: Tensor, seen: set[Node]) -> Iterator[Node]:
    """The operations that ``tensor`` comes through, but those in ``seen``, which it adds to."""
    pending = [] if tensor.grad_fn is None else [tensor.grad_fn]
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            yield node
            pending.extend(n for n, _ in _before(node))
