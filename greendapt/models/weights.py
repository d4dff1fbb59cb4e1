"""Where a backbone's weights come from: a safetensors file, timm, or nowhere (random)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError, safe_open
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
from greendapt.models.sources import patient, source_of


def load(name: str, weights: str, *, image_size: int, cut: int | None, seed: int) -> Backbone:
    """A backbone with weights: ``none`` (random, from ``seed``), ``timm``, or a file's path.

    Scaling, channels and padding come with the weights: from a file's metadata (``mean``,
    ``std``, ``pad_type``), else from timm's configuration of the model.
    """
    check_backbone(name)
    if weights == "timm":
        return Backbone(name, _from_timm(name, image_size), _timm_spec(name), cut, image_size)
    if weights == "none":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return create_backbone(name, image_size=image_size, cut=cut)
    return _from_file(name, Path(weights), image_size, cut)


def spec_of(name: str, weights: str) -> InputSpec:
    """What ``load`` gives the input of these weights, without loading them; of a file that is not
    made yet, what a network without weights has."""
    if weights == "timm":
        return _timm_spec(name)
    path = Path(weights)
    if weights == "none" or not path.is_file():
        return InputSpec()
    return _written_spec(path, read_metadata(path)) or _timm_spec(name)


def read_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file (never pickle), or a clear WeightsError."""
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, str]:
    """Of a safetensors file; WeightsError where it is none."""
    with _opened(path) as file:
        return file.metadata() or {}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise WeightsError(f"weights: there is no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"weights: {path} is not a safetensors file ({error}); "
            "convert a .pt or .bin file with safetensors.torch.save_file"
        ) from error


def architecture(path: Path) -> str:
    """The timm name that a safetensors file says it is of; WeightsError where it says none."""
    arch = read_file(path)[1].get("arch")
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


def _from_file(name: str, path: Path, image_size: int, cut: int | None) -> Backbone:
    tensors, metadata = read_file(path)
    arch = metadata.get("arch", name)
    if arch != name:
        raise WeightsError(f"weights: {path} holds '{arch}', the suite asks for '{name}'")
    spec = _written_spec(path, metadata) or _timm_spec(name)
    with _Undrawn():
        net = create_net(name, image_size, spec)
    kept = _written_cut(path, metadata)
    if kept is None:
        _fill(net, tensors, path)
        return Backbone(name, net, spec, cut, image_size)
    if cut not in (None, kept):
        raise WeightsError(f"weights: {path} was cut after stage {kept}, the suite cuts at {cut}")
    backbone = Backbone(name, net, spec, kept, image_size)  # the file holds what was kept
    _fill(net, tensors, path)
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
    source = source_of(name)
    mean, std = source.expects("mean"), source.expects("std")
    return InputSpec(tuple(mean), tuple(std)) if mean and std else InputSpec()


def _fill(net: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Copy by name; only the classifier, which greendapt never uses, may be left over."""
    wanted = net.state_dict()
    converter = getattr(sys.modules[type(net).__module__], "checkpoint_filter_fn", None)
    if converter is not None and not all(
        key in tensors and tensors[key].shape == value.shape for key, value in wanted.items()
    ):  # another release's names, or position embeddings of another image size
        tensors = converter(tensors, net)
    missing = [key for key in wanted if key not in tensors]
    misfits = [k for k, v in wanted.items() if k in tensors and tensors[k].shape != v.shape]
    heads = ("classifier.", "fc.", "head.")
    extra = [key for key in tensors if key not in wanted and not key.startswith(heads)]
    problems = {"missing": missing, "of another shape": misfits, "unknown": extra}
    text = "; ".join(f"{len(v)} {k} (first: {v[0]})" for k, v in problems.items() if v)
    if text:
        raise WeightsError(f"weights: {path} does not fit the backbone: tensors {text}")
    net.load_state_dict({key: tensors[key] for key in wanted})  # in the dtype of the net


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
            "offline, take --weights fractal, or a file: --weights FILE.safetensors"
        ) from error
    return net
