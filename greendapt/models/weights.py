"""Where a backbone's weights come from: a file, timm, or nowhere (random)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from greendapt.core.errors import WeightsError
from greendapt.models.backbone import (
    Backbone,
    InputSpec,
    check_backbone,
    create_backbone,
    create_net,
    size_option,
)
from greendapt.models.checkpoint_files import Content, read, read_metadata
from greendapt.models.checkpoint_names import account, fit
from greendapt.models.own_networks import own_network
from greendapt.models.sources import patient, source_of


def load(
    name: str,
    weights: str,
    *,
    image_size: int,
    cut: int | None,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> Backbone:
    """A backbone with weights: ``none`` (random, from ``seed``), ``timm``, or a file's path.

    Scaling, channels and padding come with the weights: from a file's metadata (``mean``,
    ``std``, ``pad_type``), else from timm's configuration of the model. ``say`` is told what was
    taken of a file that has not simply the backbone's own tensors under its own names.
    """
    check_backbone(name)
    if weights == "timm":
        return Backbone(name, _from_timm(name, image_size), _timm_spec(name), cut, image_size)
    if weights == "none":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return create_backbone(name, image_size=image_size, cut=cut)
    return _from_file(name, Path(weights), image_size, cut, say)


def spec_of(name: str, weights: str) -> InputSpec:
    """What ``load`` gives the input of these weights, without loading them."""
    if weights == "none":
        return InputSpec()
    if weights == "timm":
        return _timm_spec(name)
    path = Path(weights)
    return _written_spec(path, read_metadata(path)) or _timm_spec(name)


def architecture(path: Path) -> str:
    """The timm name that a safetensors file says it is of; WeightsError where it says none."""
    arch = read_metadata(path).get("arch")
    if arch is None:
        raise WeightsError(f"weights: {path} does not say of which backbone it is; name it")
    return arch


def save(backbone: Backbone, path: Path) -> None:
    """The backbone under timm's own names; what its input must look like goes as metadata."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in backbone.net.state_dict().items()}
    spec = backbone.spec
    metadata = {"arch": backbone.name, "mean": json.dumps(spec.mean), "std": json.dumps(spec.std)}
    if spec.pad_type is not None:
        metadata["pad_type"] = spec.pad_type
    if backbone.cut is not None:
        metadata["cut"] = str(backbone.cut)
    save_file(tensors, path, metadata)


def _from_file(
    name: str, path: Path, image_size: int, cut: int | None, say: Callable[[str], None]
) -> Backbone:
    content = read(path)
    metadata = content.metadata
    arch = metadata.get("arch", name)
    if arch != name:
        raise WeightsError(f"weights: {path} holds '{arch}', the suite asks for '{name}'")
    spec = _written_spec(path, metadata) or _timm_spec(name)
    with _Undrawn():
        net = create_net(name, image_size, spec)
    kept = _written_cut(path, metadata)
    if kept is None:
        _fill(name, net, content, path, say)
        return Backbone(name, net, spec, cut, image_size)
    if cut not in (None, kept):
        raise WeightsError(f"weights: {path} was cut after stage {kept}, the suite cuts at {cut}")
    backbone = Backbone(name, net, spec, kept, image_size)  # the file holds what was kept
    _fill(name, net, content, path, say)
    return backbone


class _Undrawn(TorchFunctionMode):
    """Within the block new weights are not drawn, which takes longer than reading trained ones."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if func in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


def _written_cut(path: Path, metadata: Mapping[str, str]) -> int | None:
    cut = metadata.get("cut")
    if cut is not None and not cut.isdecimal():
        raise WeightsError(f"weights: cut = '{cut}' in the metadata of {path} is not a stage")
    return None if cut is None else int(cut)


def _written_spec(path: Path, metadata: Mapping[str, str]) -> InputSpec | None:
    if "mean" not in metadata or "std" not in metadata:
        return None
    try:
        mean, std = (tuple(map(float, json.loads(metadata[key]))) for key in ("mean", "std"))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"weights: mean or std in the metadata of {path}: {error}") from error
    if len(mean) != len(std) or len(mean) not in (1, 3) or min(std) <= 0:
        raise WeightsError(
            f"weights: mean {mean} and std {std} in the metadata of {path} are not those of "
            "1 or 3 channels"
        )
    return InputSpec(mean, std, metadata.get("pad_type") or None)


def _timm_spec(name: str) -> InputSpec:
    if own_network(name):
        return InputSpec()
    source = source_of(name)
    mean, std = source.expects("mean"), source.expects("std")
    return InputSpec(tuple(mean), tuple(std)) if mean and std else InputSpec()


def _fill(
    name: str, net: nn.Module, content: Content, path: Path, say: Callable[[str], None]
) -> None:
    fitting, others = fit(net, content.tensors, str(path))
    net.load_state_dict(fitting.taken, strict=False)  # in the dtype of the net
    if content.is_safetensors and fitting.is_plain:
        return
    scaling = ""
    if "mean" not in content.metadata:
        spec = _timm_spec(name)
        mean, std = (", ".join(f"{one:g}" for one in of) for of in (spec.mean, spec.std))
        scaling = f"; images are scaled as timm does for {name} (mean {mean}, std {std})"
    say(f"Weights of {name}: {account(fitting, others)}{scaling}.")


def _from_timm(name: str, image_size: int) -> nn.Module:
    if not source_of(name).has_weights:
        raise WeightsError(f"weights: timm has no pre-trained weights for '{name}'")
    try:
        with patient():
            net: nn.Module = timm.create_model(
                name, pretrained=True, num_classes=0, **size_option(name, image_size)
            )
    except Exception as error:  # the hub client raises many kinds
        raise WeightsError(
            f"weights: timm could not get the weights of '{name}' ({type(error).__name__}); "
            "offline, take --weights fractal, or a file: --weights FILE"
        ) from error
    return net
