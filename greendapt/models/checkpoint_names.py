"""Which of a file's tensors a network takes, under whatever names they lie in it.

A checkpoint may hold several networks, each under a prefix of its own (``state_dict``, ``module``,
``teacher.backbone``, ...). A prefix is taken where all that the network needs lies under it, and
nothing that would belong to the network is left over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from greendapt.core.errors import WeightsError
from greendapt.models.checkpoint_converters import named_for

_COMPUTED = ("num_batches_tracked", "relative_position_index", "attn_mask", "relative_coords_table")
"""Buffers that a network makes itself: they may be missing, left over, or of another kind."""
_BESIDE = re.compile(
    r"(classifier|fc|heads?|head_dist|class_layers|last_linear|last_layer|pre_logits|op_threshs"
    r"|(lm|cls|linear|classification|contrastive|mim|dino|ibot|online|seg)_head"
    r"|proj|proj(ection|ector)\w*|predict(ion|or)\w*|prototypes?\w*|decoder\w*|queue\w*"
    r"|mask_token|masked_embed)(\.|$)"
)
"""What lies beside a backbone in its checkpoints, by the first part of its name: heads, what only
the pre-training needs."""
_AVERAGED = {"teacher", "ema", "swa"}
_FOLLOWING = {"student", "momentum", "target", "key", "k"}
_FIRST = 3


@dataclass(frozen=True)
class Fit:
    """What a network would take of a file.

    ``prefix``: where it lies; ``how``: the conversion of names; ``taken``: tensors under the
    network's names, ``misfits``: those of another shape or kind; ``left``: names that are of no
    part it has; ``beside``: heads and the like; ``held``: how many tensors the file has.
    """

    prefix: str
    how: str
    taken: dict[str, Tensor]
    missing: list[str]
    misfits: dict[str, Tensor]
    left: list[str]
    beside: list[str]
    held: int

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.misfits or self.left)

    @property
    def is_plain(self) -> bool:
        """Whether the file has the network's own names, and at most a classifier beside them."""
        classifiers = ("classifier.", "fc.", "head.")
        return not (self.prefix or self.how) and all(k.startswith(classifiers) for k in self.beside)


def fit(net: nn.Module, tensors: Mapping[str, Tensor], file: str) -> tuple[Fit, list[str]]:
    """How ``net`` takes the tensors of ``file``, and the prefixes of other copies that it could.

    Of several copies an averaged one (teacher, ema) goes before one that was trained, and that
    before one that follows it or learns of it (momentum, target, key, student). Raises WeightsError
    with a table where none fits, or where two are equally good.
    """
    wanted = net.state_dict()
    tried: list[Fit] = []
    for prefix in _prefixes(tensors, sum(not _is_computed(name) for name in wanted) // 2):
        if any(prefix.startswith(one.prefix) for one in tried if one.is_whole):
            continue
        under = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        for how, named in named_for(under, net):
            one = _fit(wanted, named, prefix, how, len(tensors))
            tried.append(one)
            if one.is_whole:
                break
    whole = sorted((one for one in tried if one.is_whole), key=lambda one: _rank(one.prefix))
    if not whole:
        raise WeightsError(_refusal(file, wanted, tensors, tried))
    first, *others = whole
    others = [one for one in others if not _are_same(one, first)]
    if others and _rank(others[0].prefix) == _rank(first.prefix):
        places = f"'{first.prefix[:60]}' and '{others[0].prefix[:60]}'"
        raise WeightsError(
            f"weights: {file} holds several networks that fit, under {places}, and nothing says "
            "which is meant; save the tensors of one alone"
        )
    return first, [one.prefix for one in others]


def _prefixes(names: Iterable[str], least: int) -> list[str]:
    """Under which at least so many names lie; the shortest first."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        counts.update(".".join([*parts[:i], ""]) for i in range(len(parts)))
    return sorted((one for one, count in counts.items() if count >= max(1, least)), key=len)


def _fit(
    wanted: Mapping[str, Tensor], named: Mapping[str, Tensor], prefix: str, how: str, held: int
) -> Fit:
    there = [name for name in wanted if name in named]
    taken = {name: named[name] for name in there if _is_like(wanted[name], named[name])}
    rest = [name for name in named if name not in wanted and not _is_computed(name)]
    return Fit(
        prefix,
        how,
        taken,
        missing=[name for name in wanted if name not in named and not _is_computed(name)],
        misfits={k: named[k] for k in there if k not in taken and not _is_computed(k)},
        left=[name for name in rest if not _BESIDE.match(name)],
        beside=[name for name in rest if _BESIDE.match(name)],
        held=held,
    )


def _is_like(wanted: Tensor, given: Tensor) -> bool:
    """In shape and kind: numbers that lie in memory, with a point where such are wanted."""
    return (
        wanted.shape == given.shape
        and given.layout == wanted.layout
        and given.device.type == "cpu"
        and not given.is_quantized
        and not given.is_complex()
        and given.is_floating_point() == wanted.is_floating_point()
    )


def _is_computed(name: str) -> bool:
    return name.rpartition(".")[2] in _COMPUTED


def _rank(prefix: str) -> int:
    words = {*re.split(r"[._]", prefix)}
    return -1 if words & _AVERAGED else 1 if words & _FOLLOWING else 0


def _are_same(one: Fit, other: Fit) -> bool:
    """Whether a network is there twice, as part of two others."""
    return one.taken.keys() == other.taken.keys() and all(
        torch.equal(tensor, other.taken[name]) for name, tensor in one.taken.items()
    )


def _refusal(
    file: str, wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], tried: list[Fit]
) -> str:
    """A sentence, and a table of the reading that comes nearest."""
    text = f"weights: {file} does not fit the backbone"
    if any(one.ndim == 5 for one in tensors.values()):
        text += "; its convolutions are of volumes, greendapt's networks take images"
    if not tried:
        return f"{text}: {len(tensors)} tensors for {len(wanted)} ({_some([*tensors])})"
    best = max(tried, key=lambda one: (len(one.taken), len(one.misfits)))
    shapes = [f"{k} {[*v.shape]} for {[*wanted[k].shape]}" for k, v in best.misfits.items()]
    rows = {
        "taken": [*best.taken],
        "missing": best.missing,
        "of another shape or kind": shapes,
        "left over": best.left,
        "left over, of a head": best.beside,
    }
    place = f" under '{best.prefix[:60]}'" if best.prefix else ""
    how = f" by {best.how}" if best.how else ""
    header = f"{text}; the nearest reading of its {len(tensors)} tensors{place}{how}:"
    return "\n".join(
        [header, *(f"  {k:<24} {len(v):>5}  {_some(v)}" for k, v in rows.items() if v)]
    )


def account(one: Fit, others: list[str]) -> str:
    """What is taken of a file and what is not, for a sentence. ``others``: as ``fit`` gives."""
    text = f"{len(one.taken)} tensors of the file's {one.held}"
    text += f" under '{one.prefix.rstrip('.')[:80]}'" if one.prefix else ""
    text += f", by {one.how}" if one.how else ""
    if others:
        text += f"; not the copy under '{others[0].rstrip('.')[:80]}'"
    if one.beside:
        text += f"; {len(one.beside)} beside the backbone are left out ({_some(one.beside)})"
    return text


def _some(names: list[str]) -> str:
    """The first few, none too long for a line."""
    more = ", ..." if len(names) > _FIRST else ""
    return ", ".join(name[:60] for name in names[:_FIRST]) + more
