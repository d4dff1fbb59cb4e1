"""Networks of one's own: as units, cut, frozen, as an encoder; and what is no such network."""

import pytest
import torch

from greendapt.core import own_code
from greendapt.core.errors import ModelError
from greendapt.models import weights
from greendapt.models.backbone import check_own, create_backbone
from greendapt.models.network import Network, mlp
from greendapt.models.unet import UNet
from greendapt.suite.recipes import NetworkRecipe
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import multiclass
from greendapt.train.phase import train_phase

CODE = """
import timm
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.layer1 = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(16, 24, 3, 2, 1), nn.BatchNorm2d(24), nn.ReLU())

    def forward(self, x):
        return self.layer2(self.layer1(self.stem(x)))


def maps(image_size, channels):
    return Net(channels)


def resnet(image_size, channels):
    return timm.create_model("test_resnet", num_classes=0, in_chans=channels)


def scaled(image_size, channels):
    net = Net(channels)
    net.layer1.register_forward_hook(lambda module, x, y: y)
    net.scale = nn.Parameter(torch.full((1,), 2.0))
    run = net.forward
    net.forward = lambda x: net.scale * run(x)
    return net
"""
UNITS = ("stem", "layer1", "layer2")
RESNET = ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3", "layer4")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """``own(FUNCTION, UNITS)`` makes a network of that name known."""
    monkeypatch.setattr(own_code, "_LOADED", {})
    file = tmp_path / "my_nets.py"
    file.write_text(CODE)

    def make(function, units=UNITS):
        torch.manual_seed(0)
        own_code.load("network", f"my_{function}", file, function, units)
        check_own(f"my_{function}", 32)
        return create_backbone(f"my_{function}", image_size=32)

    return make


def images(count=8):
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 1, 32, 32), dtype=torch.uint8, generator=draw)
    return Examples(pixels, torch.arange(count) % 2)


def test_units_give_what_the_network_gives_from_any_of_them_on(own):
    backbone = own("maps").eval()
    assert [(unit.name, unit.stage) for unit in backbone.units] == [
        (n, i) for i, n in enumerate(UNITS)
    ]
    x = backbone.prepare(images().inputs)
    whole = backbone.net(x).mean((2, 3))
    for start in range(4):
        torch.testing.assert_close(backbone.run(backbone.prefix(x, start), start), whole)


def test_a_network_of_timm_is_the_same_by_its_sub_modules(own):
    backbone, x = own("resnet", RESNET).eval(), torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(backbone(x), backbone.net(x))


def test_without_units_it_runs_as_a_whole(own):
    backbone = own("maps", ()).eval()
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(backbone(x), backbone.net(x).mean((2, 3)))
    assert backbone.stages == 0


@pytest.mark.parametrize(
    ("train", "moves"),
    [("head", set()), ("last:1", {"layer2"}), (("stage1",), {"layer1"}), ("all", {*UNITS})],
)
def test_a_phase_trains_what_it_says_stored_or_not(own, train, moves):
    after = []
    for cache in (False, True):
        backbone = own("maps")
        before = {key: value.clone() for key, value in backbone.net.state_dict().items()}
        network = Network(backbone, mlp(24, (), 2, 0))
        recipe = NetworkRecipe(
            epochs=1, learning_rate=0.1, train=train, select="last", batch_size=8
        )
        training = Training(multiclass, 0, Engine(torch.device("cpu")), lambda _share: None)
        train_phase(network, images(), None, recipe, training, cache=cache)
        state = backbone.net.state_dict()
        changed = {key.split(".")[0] for key in state if not torch.equal(state[key], before[key])}
        assert changed == moves
        after.append(state)
    for key, value in after[0].items():
        torch.testing.assert_close(after[1][key], value)


def test_it_can_be_cut_kept_and_read_again(own, tmp_path):
    own("maps")
    backbone = create_backbone("my_maps", image_size=32, cut=1).eval()
    assert [unit.name for unit in backbone.units] == ["stem", "layer1"]
    x = torch.randn(2, 3, 32, 32)
    assert backbone(x).shape == (2, 16)
    weights.save(backbone, tmp_path / "w.safetensors")
    again = weights.load("my_maps", str(tmp_path / "w.safetensors"), image_size=32, cut=1, seed=0)
    assert torch.equal(again.eval()(x), backbone(x))


def test_it_can_be_the_encoder_of_a_u_net(own):
    network = UNet(own("maps"), 2, image_size=32, seed=0).eval()
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 2, 32, 32)


def test_what_is_done_between_units_is_found(own):
    with pytest.raises(ModelError, match=r"own\.my_scaled\.units: run one after the other"):
        own("scaled")
    own("scaled", ())  # as a whole it is what it is


def test_names_of_timm_are_timms(tmp_path, monkeypatch):
    monkeypatch.setattr(own_code, "_LOADED", {})
    (tmp_path / "my_nets.py").write_text(CODE)
    own_code.load("network", "resnet18", tmp_path / "my_nets.py", "maps")
    with pytest.raises(ModelError, match="timm has a model of that name"):
        check_own("resnet18", 32)
