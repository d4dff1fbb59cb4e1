"""Generic weights: named by content, kept as files, never fetched while a stage is metered."""

import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from greendapt.core.errors import WeightsError
from greendapt.models import weights
from greendapt.models.backbone import InputSpec, create_net
from greendapt.run.context import Generic
from greendapt.run.ground import Digests, Ground, Start
from greendapt.run.stages import pretrain
from greendapt.suite.suite_files import load


@pytest.fixture
def suite(tiny):
    def make(said, **changes):
        return load(tiny, changes=[{"model": {"weights": said}, **changes}])

    return make


def test_none_needs_no_file(suite):
    assert pretrain.resolve(suite("none"), "test_resnet") == Generic("none", "none", InputSpec())


def test_fractal_weights_are_named_by_all_that_decides_them(suite):
    def identity(backbone="test_resnet", **changes):
        return pretrain.resolve(suite("fractal", **changes), backbone).identity

    assert identity() == identity(run={"seeds": 9})
    others = {
        identity("test_vit"),
        identity(fractal={"epochs": 7}),
        identity(fractal={"seed": 7}),
        identity(model={"weights": "fractal", "image_size": 48}),
    }
    assert len(others | {identity()}) == 5


def test_a_file_is_named_by_its_content_not_its_path(suite, tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in ("a", "b", "c")]
    for path, seed in zip(paths, (0, 0, 1), strict=True):
        weights.save(weights.load("test_resnet", "none", image_size=32, cut=None, seed=seed), path)
    first, same, other = (pretrain.resolve(suite(str(path)), "test_resnet") for path in paths)
    assert first.identity == same.identity != other.identity
    assert [first.argument, same.argument] == [str(path) for path in paths[:2]]


def test_a_checkpoint_is_named_by_what_it_holds_read_once_and_accounted_for(
    suite, tmp_path, monkeypatch
):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))
    plain, pickled, other = (tmp_path / name for name in ("a.safetensors", "b.pth", "c.pth"))
    backbones = [
        weights.load("test_resnet", "none", image_size=32, cut=None, seed=seed) for seed in (0, 1)
    ]
    save_file({k: v.contiguous() for k, v in backbones[0].net.state_dict().items()}, plain)
    for path, backbone in zip((pickled, other), backbones, strict=True):
        state = {f"module.{name}": tensor for name, tensor in backbone.net.state_dict().items()}
        torch.save({"state_dict": state | {"module.fc.weight": torch.ones(5, 2)}}, path)
    first, same, another = (
        pretrain.resolve(suite(str(path)), "test_resnet") for path in (plain, pickled, other)
    )
    assert first.identity == same.identity != another.identity
    assert first.account == ""
    tensors = len(backbones[0].net.state_dict())
    assert same.account.startswith(
        f"Weights of test_resnet: {tensors} tensors of the file's {tensors + 1} under "
        "'state_dict.module'; 1 beside the backbone are left out (fc.weight); images are scaled as "
    )
    assert str(tmp_path) not in same.account
    pickled.unlink()
    kept = weights.load("test_resnet", same.argument, image_size=32, cut=None, seed=0)
    assert kept.spec == same.spec == weights._timm_spec("test_resnet")
    for ours, theirs in zip(kept.parameters(), backbones[0].parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_one_network_under_two_scalings_is_two(suite, tmp_path, monkeypatch):
    """Features follow from both: a stage of one must not be taken for the other's."""
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))
    backbone = weights.load("test_resnet", "none", image_size=32, cut=None, seed=0)
    own = {name: tensor.contiguous() for name, tensor in backbone.net.state_dict().items()}
    usual = weights.spec_of("test_resnet", "timm")

    def found(mean, prefix):
        path = tmp_path / "w.safetensors"
        said = {"mean": str([*mean]), "std": str([*usual.std])} if mean else None
        save_file({f"{prefix}{name}": tensor for name, tensor in own.items()}, path, said)
        one = pretrain.resolve(suite(str(path)), "test_resnet")
        assert one.spec.mean == (mean or usual.mean)
        return one.identity

    for prefix in ("", "backbone."):
        plain, same, dark, bright = (
            found(mean, prefix) for mean in (None, usual.mean, (0.1,) * 3, (0.9,) * 3)
        )
        assert plain == same
        assert len({plain, dark, bright}) == 3


def test_what_timm_gives_is_kept_as_a_file(suite, monkeypatch):
    """The hub is not asked in a test: its answer is a network with random weights."""
    asked = []

    def answer(name, image_size):
        asked.append(name)
        return create_net(name, image_size, weights._timm_spec(name))

    monkeypatch.setattr(weights, "_from_timm", answer)
    found = pretrain.resolve(suite("timm"), "test_resnet")
    kept = Path(found.argument)
    loaded = weights.load("test_resnet", found.argument, image_size=32, cut=2, seed=0)
    assert asked == ["test_resnet"]
    assert found.identity in kept.name
    assert loaded.spec == weights._timm_spec("test_resnet")
    assert not [path for path in kept.parent.iterdir() if path.name.startswith(".")]


def test_offline_timm_says_so_in_seconds(suite, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(WeightsError, match=r"could not get the weights of 'resnet18'.*offline"):
        pretrain.resolve(suite("timm"), "resnet18")
    assert time.monotonic() - start < 10
    assert not constants.HF_HUB_OFFLINE


def pretraining(suite, monkeypatch, tmp_path):
    """The stage in an empty cache, and what does it: a stand-in for minutes of training."""
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path))
    generic = pretrain.resolve(suite("fractal"), "test_resnet")
    start = Start("test_resnet", "fractal", generic.identity, None)
    ground = Ground(suite("fractal"), Digests({}, {}, {}), start)
    stage = pretrain.Pretraining(ground=ground)
    made = []

    def do():
        made.append(stage)
        backbone = weights.load("test_resnet", "none", image_size=32, cut=None, seed=0)
        pretrain._keep(backbone, Path(generic.argument))
        return stage.record("2026-01-01T00:00:00+00:00")

    return stage, do, made, Path(generic.argument)


def test_fractal_weights_are_made_once_a_machine(suite, monkeypatch, tmp_path):
    stage, do, made, _ = pretraining(suite, monkeypatch, tmp_path)
    first = stage.recorded(do)
    assert first.details.warning is None
    assert stage.recorded(do).figures == first.figures
    assert len(made) == 1


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "gone"])
def test_fractal_weights_that_are_not_as_written_are_made_again(suite, monkeypatch, tmp_path, how):
    stage, do, made, path = pretraining(suite, monkeypatch, tmp_path)
    stage.recorded(do)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"flipped": data, "cut": data[:-9], "empty": b"", "gone": b""}[how])
    if how == "gone":
        path.unlink()
    assert stage.kept_record() is None
    again = stage.recorded(do)
    assert len(made) == 2
    assert how == "gone" or str(path) in again.details.warning
    assert stage.recorded(do).details.warning is None
    assert len(made) == 2


def test_what_timm_gave_is_kept_again_where_the_file_changed(suite, monkeypatch, tmp_path):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path))
    net = create_net("test_resnet", 32, weights._timm_spec("test_resnet"))
    monkeypatch.setattr(weights, "_from_timm", lambda *_: net)
    kept = Path(pretrain.resolve(suite("timm"), "test_resnet").argument)
    size = kept.stat().st_size
    kept.write_bytes(kept.read_bytes()[:-5])
    pretrain.resolve(suite("timm"), "test_resnet")
    assert kept.stat().st_size == size
    weights.load("test_resnet", str(kept), image_size=32, cut=None, seed=0)
