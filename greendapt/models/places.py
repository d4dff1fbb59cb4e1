"""Where the blocks of a timm network begin, and of which stage each is.

A block is a module in one of the network's lists (``blocks``, ``stages.2.blocks``, ``features``),
or a part of the network itself where it has no lists; stages come from timm's ``feature_info``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from torch import nn

from greendapt.models.probe import Call, Probe

_STEM = re.compile("stem|patch_embed|patch_conv|conv_stem")
_BLOCKS = re.compile("block|layer|encoder|stage")
_WEIGHTED = (nn.Conv2d, nn.Linear)
_PARTS = 4
"""Stages of a network of one resolution."""


def begins(net: nn.Module, seen: Probe) -> list[Call]:
    """The modules at which a block begins, in order; each takes all that the rest needs."""
    paths = dict.fromkeys(_Walker(net, seen).root())
    return sorted((seen.calls[path] for path in paths), key=lambda call: call.begin)


class _Walker:
    def __init__(self, net: nn.Module, seen: Probe) -> None:
        self.net, self.seen = net, seen
        self.runs = seen.first_runs()

    def root(self) -> Iterator[str]:
        parts = [path for path in self._children("") if not _STEM.match(path)]
        opened = [path for path in parts if self._is_list(path) or self._is_stage(path)]
        lists = [path for path in opened if self._holds_blocks(path)]
        layers = [path for path in parts if self._is_list(path) and self._layers(path) > 1]
        for path in lists or layers or parts:
            yield from self._within(path) if lists or layers else self._alone(path)

    def _within(self, path: str) -> list[str]:
        """Where blocks begin within a part: it is a block itself where none do."""
        if self._is_list(path):
            return self._list(path) or self._alone(path)
        return self._stage(path) or self._alone(path)

    def _list(self, path: str) -> list[str]:
        children = self._children(path)
        if self._is_plain(path):
            layers = [c for c in children if isinstance(self.net.get_submodule(c), _WEIGHTED)]
            return [c for c in layers if self.seen.enters(c)]
        found: list[str] = []
        for child in children:
            opens = self._is_list(child) and self._holds_blocks(child)
            if opens or self._is_stage(child):
                found += self._within(child)
            elif self._composite(child):
                found += self._alone(child)
        return found

    def _stage(self, path: str) -> list[str]:
        """Of a stage: its downsampling goes with the block behind it; nothing where one of its
        blocks takes more than the block before it gives."""
        found: list[str] = []
        waiting: list[str] = []
        for child in self._children(path):
            if not self._is_blocks(child):
                embeds = "." not in path and _STEM.match(child.rpartition(".")[2])
                waiting = waiting or ([] if embeds else self._alone(child))
                continue
            blocks = self._children(child)
            if not all(self.seen.enters(block) for block in blocks[1:]):
                return []
            heads = waiting or self._alone(blocks[0])
            if not heads:
                return []
            found += [*heads, *blocks[1:]]
            waiting = []
        return found

    def _alone(self, path: str) -> list[str]:
        return [path] if self.seen.enters(path) else []

    def _children(self, path: str) -> list[str]:
        """Parts that run, in the order in which they first do."""
        names = (name for name, _ in self.net.get_submodule(path).named_children())
        paths = (f"{path}.{name}" if path else name for name in names)
        return sorted((p for p in paths if p in self.runs), key=self.runs.__getitem__)

    def _is_list(self, path: str) -> bool:
        return isinstance(self.net.get_submodule(path), (nn.Sequential, nn.ModuleList))

    def _composite(self, path: str) -> bool:
        return any(True for _ in self.net.get_submodule(path).children())

    def _is_plain(self, path: str) -> bool:
        return not any(self._composite(child) for child in self._children(path))

    def _holds_blocks(self, path: str) -> bool:
        return self._is_stage(path) or not self._is_plain(path)

    def _layers(self, path: str) -> int:
        return sum(isinstance(m, _WEIGHTED) for m in self.net.get_submodule(path).children())

    def _is_blocks(self, path: str) -> bool:
        named = _BLOCKS.search(path.rpartition(".")[2]) is not None
        return named and self._is_list(path) and not self._is_plain(path)

    def _is_stage(self, path: str) -> bool:
        return not self._is_list(path) and any(map(self._is_blocks, self._children(path)))


def stages_of(net: nn.Module, seen: Probe, calls: list[Call]) -> list[int]:
    """Of the blocks that begin with ``calls``: from 1, one for each resolution from a quarter of
    the image's side on; a network of one resolution is taken in parts as equal as can be."""
    levels = _levels(net, seen, calls)
    numbers = {level: number for number, level in enumerate(sorted({*levels}), start=1)}
    if len(numbers) > 1:
        return [numbers[level] for level in levels]
    parts = min(_PARTS, len(calls))
    return [1 + i * parts // len(calls) for i in range(len(calls))]


def _levels(net: nn.Module, seen: Probe, calls: list[Call]) -> list[int]:
    """How often the image's side is halved behind each block, by ``feature_info``; never less than
    before it."""
    ends = seen.last_ends()
    infos = [
        (ends[info["module"]], max(2, round(math.log2(info["reduction"]))))
        for info in getattr(net, "feature_info", ())
        if info.get("module") in ends
    ]
    levels: list[int] = []
    for call, end in zip(calls, [*(c.begin for c in calls[1:]), math.inf], strict=True):
        within = [level for at, level in infos if call.begin < at < end]
        behind = [level for at, level in infos if at >= end]
        level = within[-1] if within else behind[0] if behind else 0
        levels.append(max(level, *levels[-1:], 0))
    return levels
