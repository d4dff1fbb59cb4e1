"""Other libraries' names of layers as timm's: each converter that is known, in the order tried.

A further one is a function and a line in ``CONVERTERS``.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from greendapt.models import dinov2_names, torchvision_names

Tensors = dict[str, Tensor]
Convert = Callable[[Tensors, nn.Module], Tensors | None]
_CHILDREN = {"0": "conv1", "1": "bn1", **{str(i + 3): f"layer{i}" for i in range(1, 5)}}


@dataclass(frozen=True)
class Converter:
    """``convert`` takes tensors and the network, and gives tensors under timm's names, or None
    where the names are not those it knows. ``about``: what was done, for a sentence."""

    about: str
    convert: Convert


def named_for(tensors: Tensors, net: nn.Module) -> Iterator[tuple[str, Tensors]]:
    """Each reading of the names, as (what was done, tensors); first as they are.

    After each comes timm's own conversion for the network, which also knows other releases' names,
    and resamples position embeddings.
    """
    for converter in CONVERTERS:
        named = _tried(converter.convert, tensors, net)
        if named is None:
            continue
        yield converter.about, named
        by_timm = _tried(_by_timm, named, net)
        if by_timm is not None:
            yield ", ".join(filter(None, (converter.about, "timm's own conversion"))), by_timm


def _tried(convert: Convert, tensors: Tensors, net: nn.Module) -> Tensors | None:
    """None also where names or shapes are not as the conversion takes them for granted."""
    try:
        return convert(dict(tensors), net)
    except Exception:  # of what it does not know it makes many kinds
        return None


def _by_timm(tensors: Tensors, net: nn.Module) -> Tensors | None:
    convert: Convert | None = getattr(
        sys.modules[type(net).__module__], "checkpoint_filter_fn", None
    )
    if convert is None:
        return None
    with contextlib.redirect_stdout(io.StringIO()):  # it may print, where --json is alone
        return convert(tensors, net)


def _in_sequence(tensors: Tensors, net: nn.Module) -> Tensors | None:
    """``nn.Sequential(*resnet.children())``, as many self-supervised trainings keep it."""
    if not hasattr(net, "layer4") or "0.weight" not in tensors or "4.0.conv1.weight" not in tensors:
        return None
    split = {name: name.partition(".") for name in tensors}
    return {
        f"{_CHILDREN.get(first, first)}.{rest}": tensors[name]
        for name, (first, _, rest) in split.items()
    }


def _unchunked(tensors: Tensors, net: nn.Module) -> Tensors | None:
    """DINOv2's training keeps its blocks in chunks, each under its number in the whole."""
    del net
    chunked = re.compile(r"^blocks\.\d+\.(\d+)\.")
    if "blocks.0.0.norm1.weight" not in tensors:
        return None
    return {chunked.sub(r"blocks.\1.", name): tensor for name, tensor in tensors.items()}


CONVERTERS = (
    Converter("", lambda tensors, net: tensors),  # noqa: ARG005
    Converter("torchvision's names", torchvision_names.to_timm),
    Converter("a ResNet's layers in a sequence", _in_sequence),
    Converter("DINOv2's chunks of blocks", _unchunked),
    Converter("transformers' names", lambda tensors, net: dinov2_names.from_transformers(tensors)),  # noqa: ARG005
)
