"""Weights: files that come back as they went, and refusals in one sentence."""

import json
import time

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from greendapt.core.errors import ModelError, WeightsError
from greendapt.models import weights
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.models.checkpoint_files import read_metadata

NAME, SIZE = "test_resnet", 32


def _load(path, *, name=NAME, cut=None):
    return weights.load(name, str(path), image_size=SIZE, cut=cut, seed=0)


def _same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


@pytest.fixture
def backbone():
    return create_backbone(NAME, image_size=SIZE)


@pytest.fixture
def stored(backbone, tmp_path):
    """The path of a backbone's file and its tensors, to be spoilt."""
    path = tmp_path / "weights.safetensors"
    weights.save(backbone, path)
    return path, load_file(path)


@pytest.mark.parametrize("cut", [None, 2])
def test_every_family_comes_back_as_it_was_saved(small, cut, tmp_path):
    name, size = small
    torch.manual_seed(0)
    saved = create_backbone(name, image_size=size, cut=cut)
    path = tmp_path / "weights.safetensors"
    weights.save(saved, path)
    loaded = weights.load(name, str(path), image_size=size, cut=cut, seed=0)
    assert _same(saved, loaded)
    assert (loaded.cut, loaded.units, loaded.spec) == (cut, saved.units, saved.spec)


def test_a_whole_file_can_be_cut_when_it_is_loaded(stored, backbone):
    path, _ = stored
    images = torch.randn(1, 3, SIZE, SIZE)
    cut = _load(path, cut=1).eval()
    with torch.no_grad():
        expected = backbone.eval().run(images, 0, len(cut.units)).mean((2, 3))
        torch.testing.assert_close(cut(images), expected)


def test_a_cut_file_says_its_cut_and_refuses_another(tmp_path):
    path = tmp_path / "weights.safetensors"
    weights.save(create_backbone(NAME, image_size=SIZE, cut=2), path)
    assert _load(path).cut == 2
    with pytest.raises(WeightsError, match="was cut after stage 2, the suite cuts at 1"):
        _load(path, cut=1)


def test_scaling_channels_and_padding_travel_with_the_file(tmp_path):
    spec = InputSpec((0.4,), (0.2,), "same")
    saved = create_backbone("test_efficientnet", image_size=SIZE, spec=spec).eval()
    path = tmp_path / "weights.safetensors"
    weights.save(saved, path)
    loaded = weights.load("test_efficientnet", str(path), image_size=SIZE, cut=None, seed=0).eval()
    assert loaded.spec == spec
    images = torch.rand(2, 3, 32, 32)  # at an even side the paddings differ
    other = Backbone(
        loaded.name,
        timm.create_model("test_efficientnet", num_classes=0, in_chans=1, pad_type=""),
        InputSpec((0.4,), (0.2,)),
    ).eval()
    other.load_state_dict(saved.state_dict())
    with torch.no_grad():
        assert torch.equal(loaded(loaded.prepare(images)), saved(saved.prepare(images)))
        assert not torch.allclose(other(other.prepare(images)), saved(saved.prepare(images)))


def test_a_file_without_metadata_takes_timms_scaling(stored, tmp_path):
    path = tmp_path / "plain.safetensors"
    save_file(stored[1], path)
    cfg = timm.get_pretrained_cfg(NAME)
    assert _load(path).spec == InputSpec(tuple(cfg.mean), tuple(cfg.std))


def test_half_precision_files_become_single_precision(stored, backbone):
    path, tensors = stored
    save_file({k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}, path)
    loaded = _load(path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    for ours, theirs in zip(loaded.parameters(), backbone.parameters(), strict=True):
        assert torch.equal(ours, theirs.half().float())


def test_a_timm_checkpoint_with_its_classifier_is_fine(tmp_path):
    torch.manual_seed(1)
    whole = timm.create_model(NAME, num_classes=5)
    path = tmp_path / "timm.safetensors"
    save_file(whole.state_dict(), path)
    loaded = _load(path)
    state = loaded.net.state_dict()
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in state.items())
    assert {k for k in whole.state_dict() if k not in state} == {"fc.weight", "fc.bias"}


def test_position_embeddings_of_another_image_size_are_resampled(tmp_path):
    path = tmp_path / "vit.safetensors"
    weights.save(create_backbone("test_vit", image_size=64), path)
    loaded = weights.load("test_vit", str(path), image_size=96, cut=None, seed=0).eval()
    assert loaded(torch.randn(1, 3, 96, 96)).shape == (1, 64)


def _without(tensors):
    tensors.pop("conv1.0.weight")


def _reshaped(tensors):
    tensors["conv1.0.weight"] = tensors["conv1.0.weight"][:1].clone()


def _stranger(tensors):
    tensors["layer9.0.weight"] = torch.zeros(1)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without, r"\n  missing +1  conv1.0.weight\n?"),
        (_reshaped, r"\n  of another shape or kind +1  conv1.0.weight \[1, 3, 3, 3\] for \["),
        (_stranger, r"\n  left over +1  layer9.0.weight$"),
    ],
)
def test_tensors_that_do_not_fit_are_counted_and_named(stored, spoil, says):
    path, tensors = stored
    spoil(tensors)
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=says):
        _load(path)


def test_a_file_of_another_network_is_refused(stored):
    with pytest.raises(WeightsError, match="holds 'test_resnet', the suite asks for 'resnet18'"):
        _load(stored[0], name="resnet18")


@pytest.mark.parametrize(
    "said",
    [
        {"mean": "half", "std": "[0.5]"},
        {"mean": "0.5", "std": "0.5"},
        {"mean": "[0.5, 0.5]", "std": "[0.5, 0.5]"},
        {"mean": "[0.5]", "std": "[0.5, 0.5, 0.5]"},
        {"mean": "[0.5]", "std": "[0]"},
        {"cut": "two"},
    ],
)
def test_metadata_that_makes_no_sense_is_refused(stored, said):
    path, tensors = stored
    save_file(tensors, path, said)
    with pytest.raises(WeightsError, match="in the metadata of"):
        _load(path)


class _Bomb:
    """Would write a file if it were unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_is_refused_and_never_run(tmp_path):
    path, crater = tmp_path / "weights.pt", tmp_path / "crater"
    torch.save({"weight": _Bomb(crater)}, path)
    with pytest.raises(WeightsError, match=r"holds Python objects \(\w*io.open\)"):
        _load(path)
    assert not crater.exists()


def test_a_truncated_file_is_refused(stored):
    path, _ = stored
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is not a whole safetensors file"):
        _load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(WeightsError, match="there is no file"):
            _load(path)


def test_random_weights_come_from_the_seed_alone():
    def draw(seed):
        return weights.load(NAME, "none", image_size=SIZE, cut=None, seed=seed)

    torch.manual_seed(5)
    first = draw(1)
    after = torch.rand(1)
    assert _same(first, draw(1))
    assert not _same(first, draw(2))
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), after)


def test_an_unknown_backbone_is_found_before_its_weights():
    with pytest.raises(ModelError, match="no model 'resnet5O'"):
        _load("nowhere.safetensors", name="resnet5O")


def test_timm_without_weights_for_a_model_says_so():
    with pytest.raises(WeightsError, match="no pre-trained weights for 'mobilenetv2_035'"):
        weights.load("mobilenetv2_035", "timm", image_size=SIZE, cut=None, seed=0)


def test_timm_offline_fails_fast_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        weights.load("resnet18", "timm", image_size=64, cut=None, seed=0)
    assert time.monotonic() - start < 10
    said = str(caught.value)
    assert said.startswith("weights: timm could not get the weights of 'resnet18'")
    assert said.endswith("--weights FILE")
    assert "\n" not in said


def test_what_is_saved_names_the_network_and_its_input(stored):
    said = read_metadata(stored[0])
    assert said["arch"] == NAME
    assert len(json.loads(said["mean"])) == len(json.loads(said["std"])) == 3
    assert "cut" not in said
