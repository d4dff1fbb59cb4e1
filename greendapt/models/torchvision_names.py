"""torchvision's names of layers as timm's, for the families whose networks are the same.

MobileNetV3, EfficientNet from B5 on and EfficientNetV2 are left out: their batch norms divide by
another epsilon than timm's, so that the same weights would make other features.
"""

from __future__ import annotations

import re

from torch import Tensor, nn

Tensors = dict[str, Tensor]
_COUNT = "num_batches_tracked"
_DENSE = re.compile(r"(denselayer\d+\.)(?:layers\.)?(norm|relu|conv)\.?([12]\.)")
_VIT = (
    (r"^conv_proj\.", "patch_embed.proj."),
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^encoder\.layers\.encoder_layer_(\d+)\.", r"blocks.\1."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.self_attention\.in_proj_", ".attn.qkv."),
    (r"\.self_attention\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.(?:0|linear_1)\.", ".mlp.fc1."),
    (r"\.mlp\.(?:3|linear_2)\.", ".mlp.fc2."),
    (r"^encoder\.ln\.", "norm."),
    (r"^heads\.", "head."),
)
_CONVNEXT = (
    (r"^features\.0\.", "stem."),
    (r"\.block\.0\.", ".conv_dw."),
    (r"\.block\.2\.", ".norm."),
    (r"\.block\.3\.", ".mlp.fc1."),
    (r"\.block\.5\.", ".mlp.fc2."),
    (r"\.layer_scale$", ".gamma"),
    (r"^classifier\.0\.", "head.norm."),
)
_SWIN = (
    (r"^features\.0\.0\.", "patch_embed.proj."),
    (r"^features\.0\.2\.", "patch_embed.norm."),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.3\.", ".mlp.fc2."),
)


def to_timm(tensors: Tensors, net: nn.Module) -> Tensors | None:
    """None where the names are not torchvision's of a network that timm has, too."""
    if any(".denselayer1." in name for name in tensors):
        return _densenet(tensors)
    if "class_token" in tensors:
        return _renamed(tensors, _VIT)
    if "features.1.0.layer_scale" in tensors:
        named = _in_stages(_renamed(tensors, _CONVNEXT), "stages")
        return {k: v.flatten() if k.endswith(".gamma") else v for k, v in named.items()}
    if "features.1.0.attn.qkv.weight" in tensors:
        return _in_stages(_renamed(tensors, _SWIN), "layers")
    if "features.0.0.weight" in tensors and hasattr(net, "conv_stem"):
        return _in_order(tensors, net)
    return None


def _renamed(tensors: Tensors, rules: tuple[tuple[str, str], ...]) -> Tensors:
    def renamed(name: str) -> str:
        for pattern, by in rules:
            name = re.sub(pattern, by, name)
        return name

    return {renamed(name): tensor for name, tensor in tensors.items()}


def _densenet(tensors: Tensors) -> Tensors:
    """Also MONAI's, the dotted ones of before torchvision 0.4, and those without ``features``."""
    named = {_DENSE.sub(r"\1\2\3", name): tensor for name, tensor in tensors.items()}
    if "conv0.weight" not in named:
        return named
    return {f"features.{name}": tensor for name, tensor in named.items()}


def _in_stages(tensors: Tensors, stages: str) -> Tensors:
    """``features`` by turns a stage (odd) and what comes before the next one (even)."""

    def renamed(name: str) -> str:
        match = re.match(r"features\.(\d+)\.(\w+)\.(.*)", name)
        if match is None:
            return name
        place, part, rest = int(match[1]), match[2], match[3]
        within = f"blocks.{part}" if place % 2 else f"downsample.{part}"
        return f"{stages}.{place // 2}.{within}.{rest}"

    return {renamed(name): tensor for name, tensor in tensors.items()}


def _in_order(tensors: Tensors, net: nn.Module) -> Tensors | None:
    """Networks of inverted residuals: the same layers in the same order, under other names."""
    convolutions = [one for one in net.modules() if isinstance(one, nn.Conv2d)]
    norms = [one for one in net.modules() if isinstance(one, nn.BatchNorm2d)]
    same = all(type(one) is nn.Conv2d for one in convolutions)  # timm's 'same' padding is another
    if not same or any(one.eps != 1e-5 for one in norms) or not hasattr(net, "bn2"):
        return None
    if convolutions[-1].out_channels > 1792:  # B5 and larger
        return None
    theirs = [k for k in tensors if k.startswith("features.") and not k.endswith(_COUNT)]
    ours = [k for k in net.state_dict() if not k.endswith(_COUNT)]
    ends = [[name.rpartition(".")[2] for name in names] for names in (ours, theirs)]
    if ends[0] != ends[1]:
        return None
    rest = {k: v for k, v in tensors.items() if not k.startswith("features.")}
    return {one: tensors[other] for one, other in zip(ours, theirs, strict=True)} | rest
