"""``hf-hub:ORG/NAME``: from the hub client's cache, or one sentence."""

import json

import pytest
import torch
from huggingface_hub import constants

from greendapt.core.errors import ModelError
from greendapt.models import sources
from greendapt.models.backbone import create_backbone

NAME = "hf-hub:lab/small"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Puts a config.json where the client keeps what it fetched; nothing is fetched."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    sources._on_hub.cache_clear()

    def put(config):
        folder = tmp_path / "models--lab--small"
        commit = "0" * 40
        (folder / "snapshots" / commit).mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text(commit)
        (folder / "snapshots" / commit / "config.json").write_text(json.dumps(config))

    yield put
    sources._on_hub.cache_clear()


def _config(architecture="test_vit", **arguments):
    return {
        "architecture": architecture,
        "num_classes": 7,
        "model_args": {"num_classes": 7, **arguments},
        "pretrained_cfg": {
            "input_size": [3, 160, 160],
            "fixed_input_size": True,
            "mean": [0.1, 0.2, 0.3],
            "std": [0.4, 0.5, 0.6],
        },
    }


def test_it_is_built_as_its_configuration_says(cached):
    cached(_config(embed_dim=32))
    source = sources.source_of(NAME)
    assert source.architecture == "test_vit"
    assert source.expects("mean") == [0.1, 0.2, 0.3]
    assert source.has_weights
    backbone = create_backbone(NAME, image_size=64).eval()
    assert backbone(torch.zeros(1, 3, 64, 64)).shape == (1, 32)


@pytest.mark.usefixtures("cached")
def test_offline_it_says_so_in_one_sentence():
    with pytest.raises(ModelError) as caught:
        create_backbone(NAME, image_size=64)
    text = str(caught.value)
    assert text.startswith(f"model.backbones: '{NAME}': {constants.ENDPOINT} cannot be reached")
    assert text.endswith("--weights FILE.safetensors")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"architectures": ["Dinov2Model"], "model_type": "dinov2"}, "is not timm's"),
        (_config("resnet5O"), "has no model 'resnet5O'"),
    ],
)
def test_a_repository_that_is_not_timms_is_refused(cached, config, says):
    cached(config)
    with pytest.raises(ModelError, match=says):
        sources.source_of(NAME)


@pytest.mark.usefixtures("cached")
def test_a_name_that_is_none_is_refused():
    with pytest.raises(ModelError, match="'hf-hub:': the hub does not give it"):
        sources.source_of("hf-hub:")
