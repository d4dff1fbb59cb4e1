"""What can never learn is refused before it trains, by name; what can is left alone, to the bit."""

import copy

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, mlp
from greendapt.models.unet import UNet
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train import constant_prefix
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training, fit
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import Stored, train_phase
from greendapt.train.reach import DeadTraining, refuse_dead
from greendapt.train.train_sets import first_trainable, set_phase, trainable_params

CPU = Engine(torch.device("cpu"))
SIZE = 32


def _examples(count=12):
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 255, (count, 1, SIZE, SIZE), generator=draw, dtype=torch.uint8)
    return Examples(images, torch.arange(count) % 2)


def _random(name="test_resnet"):
    """As ``weights = "none"`` gives it."""
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=SIZE).eval()
    with torch.no_grad():
        width = backbone(torch.zeros(1, 3, SIZE, SIZE)).shape[1]
    return Network(backbone, nn.Linear(width, 2))


def _encode(network):
    return lambda images: network(network.backbone.prepare(images))


def _refuse(network, train, batch_norm, generators=()):
    set_phase(network, Trainable(train, batch_norm))
    refuse_dead(network, _encode(network), _examples(), CPU, generators)


def _phase(network, train="last:1", batch_norm="frozen", loss="multiclass", **said):
    recipe = Phase(train=train, batch_norm=batch_norm, epochs=1, learning_rate=1e-3)
    training = Training(LOSSES[loss], 0, CPU, lambda _share: None)
    return train_phase(network, said.pop("sets", _examples()), None, recipe, training, **said)


def test_random_weights_behind_a_frozen_batch_norm_are_named():
    with pytest.raises(DeadTraining) as refused:
        _refuse(_random("resnet18"), "last:1", "frozen")
    assert str(refused.value) == (
        "no gradient reaches layer4.1.conv1.weight, layer4.1.conv2.weight, which could never "
        "learn: random weights have batch-norm scales of 0, and a frozen batch norm keeps them; "
        'set batch_norm = "affine" or "train", or take trained weights (--weights fractal)'
    )
    assert refused.value.exit_code == 4


def test_of_many_the_first_are_named():
    with pytest.raises(DeadTraining, match=r"layer1\.0\.conv1\.weight, .*, .* and 6 more, which"):
        _refuse(_random(), "all", "frozen")


def test_they_would_have_stayed_as_they_were(monkeypatch):
    """The refusal is right: what it names does not move, and all else does."""
    named = "layer4.0.conv1.weight, layer4.0.conv2.weight,"
    with pytest.raises(DeadTraining, match=named):
        _phase(_random())
    monkeypatch.setattr("greendapt.train.loop.refuse_dead", lambda *_: None)
    network = _random()
    before = copy.deepcopy(network.state_dict())
    _phase(network)
    moved = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"backbone.net.layer4.0.downsample.1.weight", "head.weight", "head.bias"}


@pytest.mark.parametrize("batch_norm", ["affine", "train"])
@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet", "test_convnext"])
def test_a_scale_of_0_that_trains_opens_its_block(name, batch_norm):
    for train in ("head", "last:1", "all"):
        _refuse(_random(name), train, batch_norm)


def test_scales_that_are_not_0_may_be_frozen():
    network = _random()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.constant_(part.weight, 1e-3)
    _refuse(network, "all", "frozen")


@pytest.mark.parametrize("name", ["test_efficientnet", "mobilenetv3_small_050"])
def test_a_unet_neither_trains_nor_misses_what_it_does_not_run(name):
    torch.manual_seed(0)
    unet = UNet(create_backbone(name, image_size=64), 1, image_size=64, seed=0)
    _refuse(unet, "all", "train")
    trained = {n for n, p in unet.named_parameters() if p.requires_grad}
    assert not any("conv_head" in n for n in trained)
    unet.train()
    unet(torch.randn(2, 3, 64, 64)).sum().backward()
    assert trained == {n for n, p in unet.named_parameters() if p.grad is not None}
    assert trainable_params(unet) == sum(p.numel() for p in unet.parameters() if p.grad is not None)


def test_a_stored_prefix_is_refused_alike():
    network = _random()
    start = first_trainable(network.backbone, Trainable("last:1", "frozen"))
    stored = constant_prefix.activations(network.backbone, _examples().inputs, start, CPU)
    with pytest.raises(DeadTraining, match=r"layer4\.0\.conv1\.weight"):
        _phase(network, stored=Stored(stored, len(stored)))


def test_labels_that_are_missing_do_not_matter():
    images = _examples()
    unlabelled = Examples(images.inputs, torch.full((len(images), 2), torch.nan))
    _phase(_random(), batch_norm="affine", loss="multilabel", sets=unlabelled)


def test_a_layer_that_is_0_for_these_images_by_chance_is_alive():
    """All its ReLUs are shut; with other weights they open."""
    head = mlp(4, (3,), 2, seed=0)
    nn.init.constant_(head[0].bias, -100)
    train = Examples(torch.randn(9, 4), torch.arange(9) % 2)
    refuse_dead(head, head, train, CPU, ())


def test_a_head_behind_nothing_is_dead():
    features = Examples(torch.zeros(5, 4), torch.arange(5) % 2)
    head = mlp(4, (), 2, seed=0)
    with pytest.raises(DeadTraining, match=r"reaches 0\.weight, .*: train other units, or start"):
        refuse_dead(head, head, features, CPU, ())


def _state(network):
    return {key: value.numpy().tobytes() for key, value in network.state_dict().items()}


def test_nothing_is_changed_by_looking():
    """Neither weights, statistics, gradients, modes, nor any generator; -0 stays -0."""
    network = _random()
    network.head = nn.Sequential(nn.Dropout(0.5), network.head)
    nn.init.constant_(network.backbone.net.bn1.bias, -0.0)
    set_phase(network, Trainable("all", "train"))
    before, modes = _state(network), [part.training for part in network.modules()]
    own = torch.Generator().manual_seed(3)
    drawn, default = own.get_state(), torch.get_rng_state()

    def encode(images):
        torch.rand(1, generator=own)
        torch.rand(1)
        return _encode(network)(images)

    refuse_dead(network, encode, _examples(), CPU, (torch.default_generator, own))
    assert _state(network) == before
    assert [part.training for part in network.modules()] == modes
    assert all(p.grad is None for p in network.parameters())
    assert torch.equal(own.get_state(), drawn)
    assert torch.equal(torch.get_rng_state(), default)


def test_a_training_is_the_same_to_the_bit(monkeypatch):
    states = []
    for looks in (True, False):
        if not looks:
            monkeypatch.setattr("greendapt.train.loop.refuse_dead", lambda *_: None)
        network = _random()
        network.head = nn.Sequential(nn.Dropout(0.5), network.head)
        torch.manual_seed(7)
        done = _phase(network, "all", "train")
        states.append((_state(network), done))
    assert states[0] == states[1]


def test_a_training_that_goes_on_was_looked_at_before(monkeypatch):
    looked = []
    monkeypatch.setattr("greendapt.train.loop.refuse_dead", lambda *_: looked.append(1))
    state = None
    for epochs in (1, 2):
        recipe = Phase(train="all", epochs=epochs, learning_rate=0.01)
        head = mlp(4, (), 2, seed=0)
        training = Training(LOSSES["multiclass"], 0, CPU, lambda _share: None, state)
        train = Examples(torch.randn(9, 4), torch.arange(9) % 2)
        state = fit(head, head, train, None, recipe, training).state
    assert looked == [1]
