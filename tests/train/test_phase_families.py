"""What holds for each train set holds in each kind of network: a cache changes only the bill, FLOPs
are those of what ran, and a phase goes on where it stopped."""

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network
from greendapt.suite.added import Ia3, Lora, Ssf
from greendapt.suite.recipes import Phase
from greendapt.train.cost import image_cost
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase
from greendapt.train.train_sets import first_trainable, set_phase

pytestmark = pytest.mark.nightly

NETS = {
    "test_resnet": 32,
    "test_convnext": 64,
    "test_vit": 64,
    "swin_tiny_patch4_window7_224": 56,
}
SETS = {
    **{name: {"train": name} for name in ("head", "last:1", "last:2", "first:2", "bias", "norm")},
    "all": {"train": "all"},
    "union": {"train": ("bias", "last:1")},
    "lora": {"train": "head", "lora": Lora(rank=2)},
    "ia3": {"train": "head", "ia3": Ia3()},
    "ssf": {"train": "norm", "ssf": Ssf()},
    "explora": {"train": "last:1", "lora": Lora(rank=2)},
}
CPU = Engine(torch.device("cpu"))
TRAIN, VAL, EPOCHS = 6, 4, 2


def _images(count, size):
    draw = torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, 3, size, size), generator=draw)
    return Examples(images.to(torch.uint8), torch.arange(count) % 2)


def _network(name):
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=NETS[name])
    for parameter in backbone.parameters():  # nothing is 0, so that every gradient passes
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    for module in backbone.modules():  # what it drops is drawn anew at each step
        if hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    return Network(backbone, nn.Linear(backbone.net.head_hidden_size, 2))


def _train(network, said, *, epochs=EPOCHS, cache=False, state=None):
    size = NETS[network.backbone.name]
    usual = {"learning_rate": 1e-4, "batch_size": 3, "optimizer": "sgd", "batch_norm": "affine"}
    recipe = Phase(**usual, **said, epochs=epochs)
    training = Training(LOSSES["multiclass"], 0, CPU, lambda _share: None, state)
    sets = _images(TRAIN, size), _images(VAL, size)
    return recipe, train_phase(network, *sets, recipe, training, cache=cache)


@pytest.mark.parametrize("said", SETS.values(), ids=SETS)
@pytest.mark.parametrize("name", NETS)
def test_a_phase_is_the_same_cached_or_stopped_and_its_flops_are_counted(name, said, within):
    plain, cached, first, then = (_network(name) for _ in range(4))
    recipe, without = _train(plain, said)
    _, with_cache = _train(cached, said, cache=True)
    near = {"atol": within(1e-5), "rtol": within(1e-4)}
    torch.testing.assert_close(cached.state_dict(), plain.state_dict(), **near)

    counted = _network(name)
    start = first_trainable(counted.backbone, recipe.trainable)
    set_phase(counted, recipe.trainable)
    cost = image_cost(counted, (3, NETS[name], NETS[name]), start)
    once = cost.prefix * (TRAIN + VAL)
    rest = EPOCHS * (cost.step * TRAIN + cost.forward * VAL)
    assert without.training_flops == rest + once * EPOCHS
    assert with_cache.training_flops == rest + once
    assert (with_cache.cached_bytes > 0) == (start > 0)

    _, half = _train(first, said, epochs=1)
    _train(then, said, state=half.fit.state)
    assert all(torch.equal(then.state_dict()[k], v) for k, v in plain.state_dict().items())
