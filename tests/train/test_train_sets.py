"""What a phase trains, and what batch-norm does meanwhile."""

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.core.errors import ModelError
from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network
from greendapt.suite.added import Ia3, Lora, Ssf
from greendapt.suite.recipes import Trainable
from greendapt.train.train_sets import (
    end_phase,
    first_trainable,
    set_phase,
    trainable_params,
    trainable_units,
)

UNITS = {
    "head": set(),
    "last:1": {4},
    "last:2": {3, 4},
    "last:04": {1, 2, 3, 4},
    "all": {0, 1, 2, 3, 4},
    ("stem", "stage4"): {0, 4},
    ("stage2", "stage3"): {2, 3},
}


NORM_MOVES = {
    "frozen": set(),
    "affine": {"weight", "bias"},
    "train": {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"},
}


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = Network(create_backbone("test_resnet", image_size=32), nn.Linear(96, 3))
    for _, norm in _norms(network):  # timm starts some at 0, where no gradient passes
        nn.init.uniform_(norm.weight, 0.5, 1.5)
    return network


def _norms(network):
    """Batch-norm modules of the backbone with the unit of each."""
    backbone = network.backbone
    return [
        (backbone.unit_of(name), module)
        for name, module in backbone.net.named_modules()
        if isinstance(module, _BatchNorm)
    ]


@pytest.mark.parametrize("train", UNITS)
def test_units_by_name(network, train):
    assert trainable_units(network.backbone, Trainable(train, "frozen")) == UNITS[train]
    assert first_trainable(network.backbone, Trainable(train, "frozen")) == min(
        UNITS[train], default=5
    )


def test_a_stage_is_all_of_its_blocks():
    with torch.device("meta"):
        backbone = create_backbone("resnet50")
    assert trainable_units(backbone, Trainable(("stage2",), "frozen")) == {4, 5, 6, 7}
    assert trainable_units(backbone, Trainable(("stem",), "frozen")) == {0}
    assert first_trainable(backbone, Trainable("last:2", "frozen")) == 15


@pytest.mark.parametrize("batch_norm", ["frozen", "affine", "train"])
@pytest.mark.parametrize("train", UNITS)
def test_what_requires_a_gradient_and_what_is_in_training_mode(network, train, batch_norm):
    set_phase(network, Trainable(train, batch_norm))
    backbone = network.backbone
    norms = {n for n, m in backbone.net.named_modules() if isinstance(m, _BatchNorm)}
    for name, parameter in backbone.net.named_parameters():
        module = name.rpartition(".")[0]
        trains = backbone.unit_of(name) in UNITS[train]
        if module in norms:
            trains = trains and batch_norm != "frozen"
        assert parameter.requires_grad == trains, name
    for unit, norm in _norms(network):
        assert norm.training == (unit in UNITS[train] and batch_norm == "train")
    for name, module in backbone.net.named_modules():
        if not [*module.children()] and name not in norms:
            assert module.training == (backbone.unit_of(name) in UNITS[train]), name
    assert network.head.training
    assert all(parameter.requires_grad for parameter in network.head.parameters())
    assert network.training


def test_a_phase_undoes_the_one_before(network):
    set_phase(network, Trainable("all", "train"))
    set_phase(network, Trainable("head", "frozen"))
    assert trainable_params(network) == 96 * 3 + 3
    assert not any(module.training for module in network.backbone.net.modules())


@pytest.mark.parametrize("train", ["head", "last:1", "all"])
@pytest.mark.parametrize("batch_norm", ["frozen", "affine", "train"])
def test_what_one_step_moves(network, train, batch_norm):
    set_phase(network, Trainable(train, batch_norm))
    before = {k: v.clone() for k, v in network.backbone.net.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1)
    network(torch.randn(8, 3, 32, 32) + 1).square().sum().backward()
    optimizer.step()
    norms = {n for n, m in network.backbone.net.named_modules() if isinstance(m, _BatchNorm)}
    after = network.backbone.net.state_dict()
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    expected = set()
    for name in after:
        module, _, leaf = name.rpartition(".")
        may_move = module not in norms or leaf in NORM_MOVES[batch_norm]
        if may_move and network.backbone.unit_of(name) in UNITS[train]:
            expected.add(name)
    assert moved == expected


def test_a_norm_after_the_pooling_trains_with_the_last_unit():
    """MobileNetV4's last batch norm runs in timm's forward_head."""
    with torch.device("meta"):
        backbone = create_backbone("mobilenetv4_conv_small_035", image_size=64)
        network = Network(backbone, nn.Linear(1280, 2))
    late = backbone.net.norm_head
    set_phase(network, Trainable("last:1", "train"))
    assert late.training
    assert late.weight.requires_grad
    for train, batch_norm in (("last:1", "frozen"), ("head", "train"), (("stem",), "train")):
        set_phase(network, Trainable(train, batch_norm))
        assert not late.training
        assert not late.weight.requires_grad


@pytest.mark.parametrize(("train", "millions"), [("last:1", 4.46), ("last:2", 8.92)])
def test_resnet50_trains_the_published_parameters(train, millions):
    """Mehmood et al. 2022: convolutions of the last one and two blocks, batch norm frozen."""
    with torch.device("meta"):
        network = Network(create_backbone("resnet50"), nn.Identity())
    set_phase(network, Trainable(train, "frozen"))
    assert round(trainable_params(network) / 1e6, 2) == pytest.approx(millions, abs=0.011)


def test_resnet50_in_full_is_everything_but_its_norms():
    with torch.device("meta"):
        network = Network(create_backbone("resnet50"), nn.Identity())
    set_phase(network, Trainable("all", "affine"))
    assert trainable_params(network) == 23_508_032
    set_phase(network, Trainable("all", "frozen"))
    affine = sum(m.weight.numel() + m.bias.numel() for _, m in _norms(network))
    assert trainable_params(network) == 23_508_032 - affine


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ("last:5", "'last:5': 'test_resnet' has 4 blocks and a stem"),
        (("stage5",), r"no stage5 \(it has: stem, stage1, stage2, stage3, stage4\)"),
        (("stage1", "neck", "tail"), "has no neck, tail"),
    ],
)
def test_units_that_are_not_there_are_named(network, train, says):
    with pytest.raises(ModelError, match=says):
        set_phase(network, Trainable(train, "frozen"))


def test_stages_behind_a_cut_are_not_there():
    backbone = create_backbone("test_resnet", image_size=32, cut=2)
    assert trainable_units(backbone, Trainable("last:1", "frozen")) == {2}
    with pytest.raises(ModelError, match="no stage3"):
        trainable_units(backbone, Trainable(("stage3",), "frozen"))


NETS = {
    "test_resnet": 32,
    "test_convnext": 64,
    "test_vit": 64,
    "swin_tiny_patch4_window7_224": 56,
}
SETS = [
    *("head", "last:1", "last:2", "all", ("stem", "stage2")),
    *("bias", "norm", "names:*weight", ("bias", "last:1"), "first:2"),
]
ADDED = [Lora(rank=2), Lora(rank=2, alpha=4), Ia3(), Ssf()]


def _of(name):
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=NETS[name])
    for parameter in backbone.parameters():  # nothing is 0, so that every gradient passes
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return Network(backbone, nn.Linear(backbone.net.head_hidden_size, 3))


def _stepped(network, image_size):
    training = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(training, 0.1)
    network(torch.randn(2, 3, image_size, image_size)).square().sum().backward()
    optimizer.step()


def _chosen(backbone, train, name, of_norm):
    leaf, last = name.rpartition(".")[2], len(backbone.units) - 1
    unit = backbone.unit_of(name)
    return {
        "head": False,
        "last:1": unit == last,
        "last:2": unit >= last - 1,
        "all": True,
        ("stem", "stage2"): backbone.units[unit].stage in (0, 2),
        "bias": leaf.endswith("bias"),
        "norm": of_norm,
        "names:*weight": leaf.endswith("weight"),
        ("bias", "last:1"): leaf.endswith("bias") or unit == last,
        "first:2": unit < 2,
    }[train]


@pytest.mark.parametrize("train", SETS)
@pytest.mark.parametrize("name", NETS)
def test_each_set_trains_what_it_says_in_each_kind_of_network(name, train):
    network = _of(name)
    net, backbone = network.backbone.net, network.backbone
    before = {k: v.detach().clone() for k, v in net.named_parameters()}
    set_phase(network, Trainable(train, "affine"))
    _stepped(network, NETS[name])
    norms = {n for n, m in net.named_modules() if "norm" in type(m).__name__.lower()}
    for key, parameter in net.named_parameters():
        of_norm = key.rpartition(".")[0] in norms
        moved = not torch.equal(parameter, before[key])
        assert moved <= _chosen(backbone, train, key, of_norm), key
        assert parameter.requires_grad == _chosen(backbone, train, key, of_norm), key
    some = any(not torch.equal(p, before[k]) for k, p in net.named_parameters())
    assert some == (train != "head")


@pytest.mark.parametrize("train", ["bias", "norm"])
def test_batch_norms_alone_cannot_train_frozen(network, train):
    with pytest.raises(ModelError, match="nothing of 'test_resnet' trains, as batch_norm"):
        set_phase(network, Trainable(train, "frozen"))
    set_phase(network, Trainable((train, "last:1"), "frozen"))


@pytest.mark.parametrize("added", ADDED, ids=lambda added: added.text)
@pytest.mark.parametrize("name", NETS)
def test_what_is_added_trains_alone_and_is_merged(name, added):
    network = _of(name)
    net, size = network.backbone.net, NETS[name]
    before = {k: v.clone() for k, v in net.state_dict().items()}
    images = torch.randn(2, 3, size, size)
    plain = network.eval()(images)
    trainable = Trainable("head", "frozen", added)
    set_phase(network, trainable, seed=1)
    assert trainable_params(network) > 3 * net.head_hidden_size + 3
    modes = {part: part.training for part in network.modules()}
    torch.testing.assert_close(network.eval()(images), plain)  # at first it changes nothing
    for part, mode in modes.items():
        part.training = mode
    for _ in range(2):
        _stepped(network, size)
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    unmerged = network.eval()(images)
    end_phase(network)
    torch.testing.assert_close(network(images), unmerged, rtol=1e-5, atol=1e-5)
    assert [*net.state_dict()] == [*before]
    assert any(not torch.equal(net.state_dict()[k], v) for k, v in before.items())


def test_added_parts_draw_from_their_seed_alone():
    networks = [_of("test_vit") for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        torch.rand(seed)
        set_phase(network, Trainable("head", "frozen", Lora(rank=2, on=("attn.qkv",))), seed=seed)
    one, same, other = (n.backbone.net.blocks[0].attn.qkv.added.down.weight for n in networks)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_added_on_some_layers_with_a_unit_that_trains_whole():
    network = _of("test_vit")
    last = len(network.backbone.units) - 1
    trainable = Trainable("last:1", "frozen", Lora(rank=2, on=("blocks.1.attn.qkv",)))
    set_phase(network, trainable)
    training = {n for n, p in network.backbone.net.named_parameters() if p.requires_grad}
    added = {name for name in training if ".added." in name}
    assert added == {f"blocks.1.attn.qkv.added.{part}.weight" for part in ("down", "up")}
    assert {network.backbone.unit_of(name) for name in training - added} == {last}
    assert first_trainable(network.backbone, trainable) == 2


def test_layers_that_are_not_there():
    network = _of("test_vit")
    with pytest.raises(ModelError, match=r"lora.on = 'attn.kv': 'test_vit' has no linear layer"):
        set_phase(network, Trainable("head", "frozen", Lora(on=("attn.kv",))))
