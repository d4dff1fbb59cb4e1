"""Exported folders: plain timm makes of them the features that greendapt makes."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from greendapt.core.errors import ModelError
from greendapt.data.sources.image_files import read_images
from greendapt.models import timm_folder, weights
from greendapt.models.backbone import InputSpec, create_backbone
from greendapt.models.timm_folder import loading, write_folder

SPECS = [
    InputSpec(),
    InputSpec((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    InputSpec((0.3,), (0.2,)),
]


def random_backbone(name, size, *, spec=None, cut=None):
    """Running statistics included: fresh ones hide a batch-norm that is not loaded."""
    torch.manual_seed(1)
    backbone = create_backbone(name, image_size=size, spec=spec, cut=cut)
    for key, value in backbone.net.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.05)
        elif value.is_floating_point() and value.ndim == 1:
            value.mul_(1 + 0.1 * torch.rand_like(value))
    return backbone.eval()


@pytest.fixture
def image(tmp_path, monkeypatch):
    """``image.png`` in the working folder, no square, and its pixels [1, C, size, size] as
    greendapt reads them."""
    monkeypatch.chdir(tmp_path)

    def read(size, channels=1):
        shape = (90, 120, 3) if channels == 3 else (90, 120)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save("image.png")
        return torch.from_numpy(read_images([Path("image.png")], size).pixels)

    return read


def run(code):
    """What the lines leave as ``features``."""
    names = {}
    with torch.inference_mode():
        exec(compile(code, "lines", "exec"), names)
    return names["features"]


def assert_same(backbone, pixels, features):
    """To 1e-5 of the largest: timm keeps another layout, in which sums round otherwise."""
    with torch.inference_mode():
        expected = backbone(backbone.prepare(pixels))
    atol = 1e-5 * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(features, expected, rtol=0, atol=atol)


def test_the_lines_give_the_features_of_every_family(small, image, tmp_path):
    name, size = small
    backbone, pixels = random_backbone(name, size), image(size)
    write_folder(backbone, size, tmp_path)
    code = loading(backbone, size, str(tmp_path))
    assert len(code.split("\n\n")[1].splitlines()) == 3
    assert_same(backbone, pixels, run(code))


@pytest.mark.parametrize("name", ["mobilenetv2_100", "resnet18"])
@pytest.mark.parametrize("spec", SPECS, ids=["halves", "imagenet", "grey"])
def test_scaling_and_channels_go_with_it(name, spec, image, tmp_path):
    backbone = random_backbone(name, 64, spec=spec)
    write_folder(backbone, 64, tmp_path)
    lines = loading(backbone, 64, str(tmp_path))
    assert_same(backbone, image(64), run(lines))
    if spec.channels == 3:
        assert_same(backbone, image(64, channels=3), run(lines))


def test_padding_goes_with_it(image, tmp_path):
    """At an even side the paddings differ: loaded without, the features would be others."""
    spec = InputSpec(pad_type="same")
    backbone, pixels = random_backbone("mobilenetv2_100", 64, spec=spec), image(64)
    write_folder(backbone, 64, tmp_path)
    assert_same(backbone, pixels, run(loading(backbone, 64, str(tmp_path))))
    config = json.loads((tmp_path / "config.json").read_text())
    del config["model_args"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(AssertionError):
        assert_same(backbone, pixels, run(loading(backbone, 64, str(tmp_path))))


def test_a_classifier_can_be_put_on_it(tmp_path):
    backbone = random_backbone("resnet18", 64)
    write_folder(backbone, 64, tmp_path)
    model = timm.create_model(f"local-dir:{tmp_path}", pretrained=True, num_classes=3)
    assert torch.equal(model.conv1.weight, backbone.net.conv1.weight)
    assert model.fc.out_features == 3


def test_a_folder_is_weights_for_greendapt_too(tmp_path):
    backbone = random_backbone("test_resnet", 32, spec=SPECS[2])
    write_folder(backbone, 32, tmp_path)
    path = str(tmp_path / "model.safetensors")
    again = weights.load("test_resnet", path, image_size=32, cut=None, seed=0)
    assert again.spec == backbone.spec


def test_what_timm_cannot_load_is_not_exported(tmp_path, monkeypatch):
    backbone = random_backbone("test_resnet", 32)
    config = timm_folder._config(backbone, 32) | {"architecture": "test_vit"}
    monkeypatch.setattr(timm_folder, "_config", lambda *_: config)
    with pytest.raises(ModelError, match=r"^export: timm .* cannot load 'test_resnet' from a f"):
        write_folder(backbone, 32, tmp_path)


@pytest.mark.parametrize("spec", SPECS, ids=["halves", "imagenet", "grey"])
def test_a_cut_network_is_built_by_greendapt_and_refused_by_timm(spec, image, tmp_path):
    backbone = random_backbone("test_resnet", 32, spec=spec, cut=2)
    write_folder(backbone, 32, tmp_path)
    code = loading(backbone, 32, str(tmp_path))
    assert len(code.split("\n\n")[1].splitlines()) == 3
    assert_same(backbone, image(32), run(code))
    with pytest.raises(FileNotFoundError, match=r"config\.json"):
        timm.create_model(f"local-dir:{tmp_path}", pretrained=True)


def test_what_timm_would_load_otherwise_is_not_exported(tmp_path, monkeypatch):
    backbone = random_backbone("test_resnet", 32)
    config = timm_folder._config(backbone, 32)
    config["pretrained_cfg"]["mean"] = [0, 0, 0]
    monkeypatch.setattr(timm_folder, "_config", lambda *_: config)
    with pytest.raises(ModelError, match=r"makes other features of 'test_resnet'"):
        write_folder(backbone, 32, tmp_path)


def test_lines_for_the_hub():
    whole = create_backbone("test_resnet", image_size=32)
    assert '"hf-hub:me/it", pretrained=True' in loading(whole, 32, "me/it", on_hub=True)
    cut = create_backbone("test_resnet", image_size=32, cut=2)
    code = loading(cut, 32, "me/it", on_hub=True)
    assert 'hf_hub_download("me/it", "model.safetensors")' in code
    compile(code, "lines", "exec")
