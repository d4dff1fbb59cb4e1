"""A backbone as a folder that plain timm loads in one line, with the input that it wants.

A cut network is no architecture of timm's: its folder has no ``config.json``, so that timm refuses
it rather than draw the layers behind the cut at random, and greendapt builds it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torch import Tensor

from greendapt.core.errors import ModelError
from greendapt.disk.files import write_json
from greendapt.models import weights
from greendapt.models.backbone import Backbone
from greendapt.models.sources import source_of

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_TOLERANCE = 1e-4
"""Of the largest feature: layouts round differently, what is loaded wrongly differs by far more."""


def write_folder(backbone: Backbone, image_size: int, folder: Path) -> None:
    """Weights, and of an uncut backbone timm's configuration, which names no place they are from.

    Raises ModelError where timm makes other features of them than ``backbone`` does.
    """
    weights.save(backbone, folder / WEIGHTS)
    if backbone.cut is None:
        write_json(folder / CONFIG, _config(backbone, image_size))
        _check(backbone, image_size, folder)


def loading(backbone: Backbone, image_size: int, folder: str, *, on_hub: bool = False) -> str:
    """Python that makes features [1, D] of an image with what `write_folder` wrote: three lines,
    and their imports above. ``folder``: a path, or the name of a repository on the hub."""
    mode = "RGB" if backbone.spec.channels == 3 else "L"
    image = f'Image.open("image.png").convert("{mode}")'
    if backbone.cut is None:
        source = _quoted(f"{'hf-hub' if on_hub else 'local-dir'}:{folder}")
        return f"""\
import timm
from PIL import Image

model = timm.create_model({source}, pretrained=True, num_classes=0).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
features = model(transform({image}).unsqueeze(0))
"""
    download = "from huggingface_hub import hf_hub_download\n" if on_hub else ""
    file = f"hf_hub_download({_quoted(folder)}, {_quoted(WEIGHTS)})"
    file = file if on_hub else _quoted(f"{folder}/{WEIGHTS}")
    built = f"{_quoted(backbone.name)}, {file}, image_size={image_size}, cut={backbone.cut}, seed=0"
    return f"""\
{download}from PIL import Image
from torchvision.transforms.functional import pil_to_tensor
from greendapt.models import weights

backbone = weights.load({built})
image = pil_to_tensor({image}.resize(({image_size}, {image_size}), Image.Resampling.BILINEAR))
features = backbone.eval()(backbone.prepare(image.unsqueeze(0)))
"""


def _quoted(text: str) -> str:
    """As Python reads it; JSON's escapes are Python's."""
    return json.dumps(text, ensure_ascii=False)


def _config(backbone: Backbone, image_size: int) -> dict[str, Any]:
    """As timm's ``push_to_hf_hub`` writes it. Images are resized as greendapt does it: to a square,
    bilinear, nothing cropped."""
    name, spec = backbone.name, backbone.spec
    source = source_of(name)
    own = {key: source.expects(key) for key in ("fixed_input_size", "first_conv", "classifier")}
    config = {
        "architecture": source.architecture.partition(".")[0],
        "num_classes": 0,
        "num_features": getattr(backbone.net, "head_hidden_size", backbone.net.num_features),
        "pretrained_cfg": {
            "num_classes": 0,
            "input_size": [spec.channels, image_size, image_size],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "squash",
            "mean": list(spec.mean),
            "std": list(spec.std),
            **{key: value for key, value in own.items() if value is not None},
        },
    }
    padding = {} if spec.pad_type is None else {"pad_type": spec.pad_type}
    arguments = source.arguments | padding
    return config | {"model_args": arguments} if arguments else config


@torch.inference_mode()
def _check(backbone: Backbone, image_size: int, folder: Path) -> None:
    shape = (2, image_size, image_size, *((3,) if backbone.spec.channels == 3 else ()))
    noise = torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    images = noise.permute(0, 3, 1, 2) if noise.ndim == 4 else noise.unsqueeze(1)
    ours = backbone.eval()(backbone.prepare(images))
    by = f"export: timm {timm.__version__}"
    try:
        theirs = _by_timm(folder, noise)
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        why = str(error).splitlines()[0]
        raise ModelError(f"{by} cannot load '{backbone.name}' from a folder: {why}") from error
    if not _equal(ours, theirs):
        raise ModelError(f"{by} makes other features of '{backbone.name}' than greendapt does")


def _by_timm(folder: Path, noise: Tensor) -> Tensor:
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    transform = create_transform(**resolve_model_data_config(model))
    images = torch.stack([transform(Image.fromarray(one.numpy())) for one in noise])
    features: Tensor = model(images)
    return features


def _equal(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape:
        return False
    size = max(1.0, float(ours.abs().max()))
    return bool((ours - theirs).abs().max() <= _TOLERANCE * size)
