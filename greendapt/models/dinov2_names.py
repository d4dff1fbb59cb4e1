"""DINOv2 as transformers names it (RAD-DINO's checkpoint, for one), by timm's names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.+)")
_PREFIXES = ("", "dinov2.", "dinov2_with_registers.", "backbone.")
_UNUSED = ("embeddings.mask_token", "classifier.", "head.")
_OUTSIDE = {
    "embeddings.cls_token": "cls_token",
    "embeddings.register_tokens": "reg_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
    "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
_WITHIN = {
    "attention.output.dense": "attn.proj",
    "layer_scale1.lambda1": "ls1.gamma",
    "layer_scale2.lambda1": "ls2.gamma",
    "mlp.weights_in": "mlp.fc1",
    "mlp.weights_out": "mlp.fc2",
}
_PROJECTIONS = ("query", "key", "value")


def from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The tensors of a DINOv2 checkpoint by timm's names; None where it is no such checkpoint.

    Query, key and value become one; the mask token and a classifier, which features do not need,
    are left out. What has no name of timm's here keeps its own, so that it is told as unknown.
    With registers timm adds positions to the patches alone: the class token's goes into that token
    there (``vit_*_reg4_dinov2``).
    """
    prefix = _prefix(tensors)
    if prefix is None:
        return None
    named: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        own = key.removeprefix(prefix)
        if own.startswith(_UNUSED) or key.startswith(_UNUSED):
            continue
        found = re.fullmatch(
            r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(weight|bias)", own
        )
        if found:
            layer, projection, kind = found.groups()
            joined = f"blocks.{layer}.attn.qkv.{kind}"
            parts.setdefault(joined, {})[projection] = value
        else:
            named[_timm_name(own)] = value
    for name, by_projection in parts.items():
        if all(projection in by_projection for projection in _PROJECTIONS):
            named[name] = torch.cat([by_projection[p] for p in _PROJECTIONS])
    return _without_class_position(named) if "reg_token" in named else named


def _prefix(tensors: Mapping[str, Tensor]) -> str | None:
    for prefix in _PREFIXES:
        first = f"{prefix}encoder.layer.0"
        marks = (f"{first}.attention.attention.query.weight", f"{first}.layer_scale1.lambda1")
        if all(mark in tensors for mark in (f"{prefix}embeddings.cls_token", *marks)):
            return prefix
    return None


def _timm_name(name: str) -> str:
    if name in _OUTSIDE:
        return _OUTSIDE[name]
    found = _LAYER.fullmatch(name)
    if found is None:
        return name
    layer, rest = found.groups()
    for theirs, ours in _WITHIN.items():
        if rest == theirs or rest.startswith(f"{theirs}."):
            return f"blocks.{layer}.{ours}{rest.removeprefix(theirs)}"
    return f"blocks.{layer}.{rest}"


def _without_class_position(named: dict[str, Tensor]) -> dict[str, Tensor]:
    positions = named["pos_embed"]
    return named | {
        "cls_token": named["cls_token"] + positions[:, :1],
        "pos_embed": positions[:, 1:],
    }
