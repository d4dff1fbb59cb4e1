"""A phase: what it caches, what it spends, and that a cache changes nothing but the bill.

Images that go through a network in other batches may meet another kernel there (which one, the
processor and the library decide) and come out with other last bits, which training then lets grow:
equal to the bit are only the same batches through the same code.
"""

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, mlp
from greendapt.suite.added import Lora, Ssf
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train import constant_prefix
from greendapt.train.cost import image_cost
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import Stored, train_phase
from greendapt.train.train_sets import first_trainable

CPU = Engine(torch.device("cpu"))
TRAIN, VAL, EPOCHS = 20, 6, 3
LORA = Lora(rank=2, on="layer4.0.conv1")


def _images(count, seed):
    """Bright on the left, or on the right."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (count,), generator=draw)
    images = torch.randint(0, 100, (count, 1, 32, 32), generator=draw)
    images[labels == 0, ..., :16] += 100
    images[labels == 1, ..., 16:] += 100
    return Examples(images.to(torch.uint8), labels)


def _network():
    torch.manual_seed(0)
    backbone = create_backbone("test_resnet", image_size=32)
    for module in backbone.net.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as if trained before
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return Network(backbone, nn.Linear(96, 2))


def _recipe(units, batch_norm="frozen", **said):
    usual = {"epochs": EPOCHS, "learning_rate": 0.01, "batch_size": 8, "optimizer": "sgd"}
    return Phase(**{**usual, "train": units, "batch_norm": batch_norm, **said})


def _train(
    network,
    units,
    *,
    cache=True,
    batch_norm="frozen",
    loss="multiclass",
    seed=0,
    val=True,
    sets=None,
    stored=None,
    engine=CPU,
    state=None,
    **said,
):
    return train_phase(
        network,
        *(sets or (_images(TRAIN, 0), _images(VAL, 1) if val else None)),
        recipe=_recipe(units, batch_norm, **said),
        training=Training(LOSSES[loss], seed, engine, lambda _share: None, state),
        cache=cache,
        stored=stored,
    )


def _logits(network):
    pixels = _images(16, 2).inputs
    network.eval()
    return predict(lambda x: network(network.backbone.prepare(x)), pixels, CPU)


@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
@pytest.mark.parametrize("units", ["head", "last:1", "last:2", ("stage3",)])
def test_a_cached_phase_ends_where_a_plain_one_does(units, batch_norm, within):
    cached, plain = _network(), _network()
    with_cache = _train(cached, units, batch_norm=batch_norm)
    without = _train(plain, units, batch_norm=batch_norm, cache=False)
    assert with_cache.cached_bytes > 0
    assert without.cached_bytes == 0
    near = {"atol": within(1e-5), "rtol": within(1e-4)}
    torch.testing.assert_close(cached.state_dict(), plain.state_dict(), **near)
    torch.testing.assert_close(_logits(cached), _logits(plain), atol=within(1e-4), rtol=1e-4)
    assert with_cache.fit.train_loss == pytest.approx(without.fit.train_loss, rel=within(1e-4))
    assert with_cache.trainable_params == without.trainable_params


@pytest.mark.parametrize("said", [{"units": "names:layer4"}, {"units": "head", "lora": LORA}])
def test_what_comes_before_the_first_part_that_trains_is_cached(said, within):
    cached, plain = _network(), _network()
    with_cache, without = _train(cached, **said), _train(plain, **said, cache=False)
    assert with_cache.cached_bytes > 0
    assert with_cache.trainable_params == without.trainable_params
    near = {"atol": within(1e-5), "rtol": within(1e-4)}
    torch.testing.assert_close(cached.state_dict(), plain.state_dict(), **near)
    saved = image_cost(plain, (3, 32, 32), 4).prefix * (TRAIN + VAL) * (EPOCHS - 1)
    assert without.training_flops - with_cache.training_flops == saved


@pytest.mark.parametrize("said", [{"lora": LORA}, {"ssf": Ssf()}, {"layer_decay": 0.5}])
def test_a_phase_with_parts_goes_on_where_it_stopped(said):
    """The state holds what is not merged yet; the network that is left holds it merged."""
    units = "all" if "layer_decay" in said else "head"
    once, first, then = _network(), _network(), _network()
    whole = _train(once, units, **said, epochs=4)
    half = _train(first, units, **said, epochs=2)
    rest = _train(then, units, **said, epochs=4, state=half.fit.state)
    assert rest.fit.steps == half.fit.steps == whole.fit.steps // 2
    assert all(torch.equal(then.state_dict()[k], v) for k, v in once.state_dict().items())
    assert [*first.state_dict()] == [*once.state_dict()]


def test_units_far_from_the_head_take_smaller_steps():
    """One step of plain gradient descent: each unit moves by its share of what it would."""
    networks = _network(), _network()
    before = {k: v.clone() for k, v in networks[0].state_dict().items()}
    step = {"epochs": 1, "batch_size": TRAIN, "weight_decay": 0.0, "val": False}
    for network, decay in zip(networks, (1.0, 0.5), strict=True):
        _train(network, "all", layer_decay=decay, **step)
    plain, decayed = (network.state_dict() for network in networks)
    for name in (
        "head.weight",
        "backbone.net.layer4.0.conv2.weight",
        "backbone.net.conv1.0.weight",
    ):
        own = name.removeprefix("backbone.net.")
        distance = 5 - networks[0].backbone.unit_of(own) if own != name else 0
        moved = decayed[name] - before[name]
        torch.testing.assert_close(moved, (plain[name] - before[name]) * 0.5**distance)


@pytest.mark.parametrize("units", ["head", "last:1", "last:2", "all", ("stage1", "stage3")])
def test_flops_are_the_sum_of_what_ran(units):
    network = _network()
    cached = _train(network, units)
    start = first_trainable(network.backbone, Trainable(units, "frozen"))
    cost = image_cost(network, (3, 32, 32), start)  # the phase is still set
    steps = cost.step * TRAIN * EPOCHS + cost.forward * VAL * EPOCHS
    plain = _train(_network(), units, cache=False)
    assert plain.training_flops == steps + cost.prefix * (TRAIN + VAL) * EPOCHS
    if start > 0:
        assert cached.training_flops == steps + cost.prefix * (TRAIN + VAL)
        assert cached.training_flops < plain.training_flops
        shape = constant_prefix.activation_shape(network.backbone, 32, start)
        assert cached.cached_bytes == 4 * (TRAIN + VAL) * torch.Size(shape).numel()
    else:
        assert cached.training_flops == plain.training_flops
        assert cached.cached_bytes == 0


def test_validation_images_are_not_paid_for_where_the_last_epoch_is_kept():
    network = _network()
    done = _train(network, "head", select="last")
    cost = image_cost(network, (3, 32, 32), 5)
    assert done.training_flops == cost.prefix * TRAIN + cost.step * TRAIN * EPOCHS
    assert (done.fit.val_loss, done.fit.best_epoch) == ((), EPOCHS - 1)


@pytest.mark.parametrize("said", [{"augmentation": "light"}, {"augmentation": "strong"}])
def test_random_views_are_never_cached(said):
    done = _train(_network(), "head", **said)
    assert done.cached_bytes == 0


def test_a_cache_that_does_not_fit_is_not_made(monkeypatch):
    monkeypatch.setattr(constant_prefix, "MEMORY_SHARE", 0.0)
    network, plain = _network(), _network()
    assert _train(network, "last:1").cached_bytes == 0
    _train(plain, "last:1", cache=False)
    assert torch.equal(_logits(network), _logits(plain))


@pytest.mark.parametrize(
    "said",
    [
        {"units": "last:1"},
        {"units": "all", "batch_norm": "train"},
        {"units": "all", "augmentation": "strong", "optimizer": "adam"},
    ],
)
def test_the_same_seed_gives_the_same_bytes(said):
    """What an interrupted run does again comes out as if nothing had happened."""
    states = []
    for seed, noise in ((1, 5), (1, 6), (2, 5)):
        network = _network()
        torch.manual_seed(noise)  # the global state does not matter
        _train(network, seed=seed, **said)
        states.append({k: v.numpy().tobytes() for k, v in network.state_dict().items()})
    assert states[0] == states[1]
    assert states[0] != states[2]


def test_phases_in_a_row_give_what_they_give_after_a_stop(tmp_path):
    """Saved between two phases and loaded again, the second phase is bit-equal."""
    straight, resumed = _network(), _network()
    _train(straight, "head")
    _train(resumed, "head")
    torch.save(resumed.state_dict(), tmp_path / "between.pt")
    resumed = _network()
    resumed.load_state_dict(torch.load(tmp_path / "between.pt", weights_only=True))
    _train(straight, "last:2", optimizer="adam", seed=4)
    _train(resumed, "last:2", optimizer="adam", seed=4)
    assert torch.equal(_logits(straight), _logits(resumed))


@pytest.mark.parametrize("cache", [True, False])
def test_validation_sees_clean_images(cache, within):
    network = _network()
    said = {"augmentation": "strong", "learning_rate": 1e-30, "epochs": 1}
    done = _train(network, "all", cache=cache, **said)
    val = _images(VAL, 1)
    network.eval()
    logits = network(network.backbone.prepare(val.inputs))
    expected = nn.functional.cross_entropy(logits, val.targets).item()
    assert done.fit.val_loss[0] == pytest.approx(expected, rel=within(1e-5))


def test_empty_validation_is_none():
    network = _network()
    recipe = Phase(train="head", epochs=1, learning_rate=0.1)
    done = train_phase(
        network,
        _images(8, 0),
        _images(0, 1),
        recipe,
        Training(LOSSES["multiclass"], 0, CPU, lambda _share: None),
        cache=True,
    )
    assert done.fit.val_loss == ()


def test_simclr_learns_to_match_views_and_counts_both():
    torch.manual_seed(0)
    network = Network(create_backbone("test_resnet", image_size=32), mlp(96, (32,), 16, 0), views=2)
    done = _train(
        network,
        "all",
        loss="simclr",
        objective="simclr",
        augmentation="strong",
        batch_norm="train",
        epochs=8,
        optimizer="adam",
        learning_rate=1e-3,
    )
    assert done.cached_bytes == 0
    assert min(done.fit.train_loss[-2:]) < done.fit.train_loss[0]
    assert all(loss > 0 for loss in done.fit.val_loss)
    cost = image_cost(network, (3, 32, 32), 0)
    assert done.training_flops == 2 * 8 * (cost.step * TRAIN + cost.forward * VAL)


def test_simclr_is_never_cached_even_of_equal_views():
    network = Network(create_backbone("test_resnet", image_size=32), mlp(96, (), 16, 0), views=2)
    assert _train(network, "head", loss="simclr", objective="simclr").cached_bytes == 0


def test_a_phase_learns_the_task():
    network = _network()
    _train(network, "last:2", optimizer="adam", learning_rate=3e-3, epochs=10, val=False)
    test = _images(16, 2)
    assert (_logits(network).argmax(1) == test.targets).float().mean() > 0.8


def _stored(network, units, val=True):
    """The sets of `_train` and what the prefix gives for them, in one pass, as a run stores it."""
    train, held = _images(TRAIN, 0), _images(VAL, 1)
    pool = torch.cat([train.inputs, held.inputs]) if val else train.inputs
    start = first_trainable(network.backbone, Trainable(units, "frozen"))
    activations = constant_prefix.activations(network.backbone, pool, start, CPU)
    rows = torch.arange(len(pool))
    sets = (
        Examples(pool, train.targets, rows[:TRAIN]),
        Examples(pool, held.targets, rows[TRAIN:]) if val else None,
    )
    return sets, Stored(activations, len(pool))


@pytest.mark.parametrize("units", ["head", "last:1", "last:2"])
def test_a_prefix_stored_before_is_another_bill_for_the_same_phase(units, within):
    """Train and validation images go through the prefix apart in the one, together in the other."""
    cached, before = _network(), _network()
    sets, stored = _stored(before, units)
    start = first_trainable(before.backbone, Trainable(units, "frozen"))
    apart = [constant_prefix.activations(before.backbone, _images(*s).inputs, start, CPU)
             for s in ((TRAIN, 0), (VAL, 1))]  # fmt: skip
    off = (torch.cat(apart) - stored.activations).norm() / stored.activations.norm()
    assert off <= within(1e-6)  # a few roundings of 6e-8 each
    done = _train(cached, units)
    other = _train(before, units, sets=sets, cache=False, stored=stored)
    # nine updates make of them what they make of any rounding
    torch.testing.assert_close(_logits(before), _logits(cached), atol=within(1e-4), rtol=1e-4)
    for losses in ("train_loss", "val_loss"):
        found, wanted = getattr(other.fit, losses), getattr(done.fit, losses)
        assert found == pytest.approx(wanted, rel=within(1e-4))
    through = image_cost(before, (3, 32, 32), start).prefix * (TRAIN + VAL)
    assert other.training_flops == done.training_flops - through


@pytest.mark.parametrize("units", ["head", "last:1", "last:2"])
def test_the_same_batches_through_a_prefix_are_the_same_bytes(units):
    """Without validation images a stored prefix ran as the cached one did."""
    cached, before = _network(), _network()
    sets, stored = _stored(before, units, val=False)
    done = _train(cached, units, val=False)
    other = _train(before, units, val=False, sets=sets, cache=False, stored=stored)
    assert torch.equal(_logits(cached), _logits(before))
    assert other.fit == done.fit


def test_a_bank_holds_the_images_and_then_their_views():
    backbone = _network().backbone
    images = _images(70, 0).inputs
    said = {"views": 2, "kind": "light", "seed": 3}
    parts = torch.cat([*constant_prefix.banked(backbone, images, 3, CPU, **said)])
    plain = constant_prefix.activations(backbone, images, 3, CPU)
    assert len(parts) == 3 * 70
    assert torch.equal(parts[:70], plain)
    assert not torch.equal(parts[70:140], parts[140:])
    assert not torch.equal(parts[70:140], plain)
    assert torch.equal(
        parts, torch.cat([*constant_prefix.banked(backbone, images, 3, CPU, **said)])
    )


COMPILED = """
import sys
import torch
from torch import nn
from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network
from greendapt.suite.recipes import Phase
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase
from greendapt.train.step import Step

torch.set_num_threads(1)
images = torch.randint(0, 200, (16, 1, 32, 32), generator=torch.Generator().manual_seed(0))
examples = Examples(images.to(torch.uint8), torch.arange(16) % 2)
# frozen statistics: batches of 8 make any other order of sums grow to something else
recipe = Phase(train="all", epochs=3, learning_rate=0.01, batch_size=8, optimizer="sgd")

def trained(step):
    torch.manual_seed(0)
    backbone = create_backbone("test_resnet", image_size=32, cut=1)  # a kernel takes a second
    for part in backbone.modules():
        if isinstance(part, nn.BatchNorm2d):  # timm starts some at 0: no gradient passes
            nn.init.ones_(part.weight)
    network = Network(backbone, nn.Linear(32, 2))
    engine = Engine(torch.device("cpu"), step)
    training = Training(LOSSES["multiclass"], 0, engine, on_progress=lambda _share: None)
    done = train_phase(network, examples, None, recipe, training)
    return done, network.state_dict()

plain, weights = trained(Step())
try:
    compiled, others = trained(Step(compiled=True))
except torch._dynamo.exc.TorchDynamoException as error:
    print(*str(error).splitlines()[:2])
    sys.exit(3)
assert compiled.training_flops == plain.training_flops
assert len(set(plain.fit.train_loss)) == 3
# other kernels: a few roundings of 6e-8, which six updates make larger
found, wanted = (torch.tensor(one.fit.train_loss) for one in (compiled, plain))
torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)
assert list(others) == list(weights)
torch.testing.assert_close(others, weights, rtol=1e-4, atol=1e-5)
"""


def test_a_compiled_phase_learns_the_same_and_counts_the_same(compiling):
    compiling(COMPILED)
