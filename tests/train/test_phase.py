"""A phase: what it caches, what it spends, and that a cache changes nothing but the bill."""

import pytest
import torch
from torch import nn

from greendapt.models.backbone import create_backbone
from greendapt.models.network import Network, mlp
from greendapt.suite.recipes import Phase
from greendapt.train import prefix
from greendapt.train.cost import image_cost
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import Stored, train_phase
from greendapt.train.step import Step
from greendapt.train.train_sets import first_trainable

CPU = Engine(torch.device("cpu"))
TRAIN, VAL, EPOCHS = 20, 6, 3


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
    **said,
):
    return train_phase(
        network,
        *(sets or (_images(TRAIN, 0), _images(VAL, 1) if val else None)),
        recipe=_recipe(units, batch_norm, **said),
        training=Training(LOSSES[loss], seed, engine, lambda _share: None),
        cache=cache,
        stored=stored,
    )


def _logits(network):
    pixels = _images(16, 2).inputs
    network.eval()
    return predict(lambda x: network(network.backbone.prepare(x)), pixels, CPU)


@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
@pytest.mark.parametrize("units", ["head", "last:1", "last:2", ("stage3",)])
def test_a_cached_phase_ends_where_a_plain_one_does(units, batch_norm):
    cached, plain = _network(), _network()
    with_cache = _train(cached, units, batch_norm=batch_norm)
    without = _train(plain, units, batch_norm=batch_norm, cache=False)
    assert with_cache.cached_bytes > 0
    assert without.cached_bytes == 0
    torch.testing.assert_close(cached.state_dict(), plain.state_dict(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(_logits(cached), _logits(plain), atol=1e-4, rtol=1e-4)
    assert with_cache.fit.train_loss == pytest.approx(without.fit.train_loss, rel=1e-4)
    assert with_cache.fit.best_epoch == without.fit.best_epoch
    assert with_cache.trainable_params == without.trainable_params


@pytest.mark.parametrize("units", ["head", "last:1", "last:2", "all", ("stage1", "stage3")])
def test_flops_are_the_sum_of_what_ran(units):
    network = _network()
    cached = _train(network, units)
    start = first_trainable(network.backbone, units)
    cost = image_cost(network, (3, 32, 32), start)  # the phase is still set
    steps = cost.step * TRAIN * EPOCHS + cost.forward * VAL * EPOCHS
    plain = _train(_network(), units, cache=False)
    assert plain.training_flops == steps + cost.prefix * (TRAIN + VAL) * EPOCHS
    if start > 0:
        assert cached.training_flops == steps + cost.prefix * (TRAIN + VAL)
        assert cached.training_flops < plain.training_flops
        shape = prefix.activation_shape(network.backbone, 32, start)
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
    monkeypatch.setattr(prefix, "MEMORY_SHARE", 0.0)
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
def test_validation_sees_clean_images(cache):
    network = _network()
    said = {"augmentation": "strong", "learning_rate": 1e-30, "epochs": 1}
    done = _train(network, "all", cache=cache, **said)
    val = _images(VAL, 1)
    network.eval()
    logits = network(network.backbone.prepare(val.inputs))
    expected = nn.functional.cross_entropy(logits, val.targets).item()
    assert done.fit.val_loss[0] == pytest.approx(expected, rel=1e-5)


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
    network = Network(create_backbone("test_resnet", image_size=32), mlp(96, (32,), 16, 0))
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
    network = Network(create_backbone("test_resnet", image_size=32), mlp(96, (), 16, 0))
    assert _train(network, "head", loss="simclr", objective="simclr").cached_bytes == 0


def test_a_phase_learns_the_task():
    network = _network()
    _train(network, "last:2", optimizer="adam", learning_rate=3e-3, epochs=10, val=False)
    test = _images(16, 2)
    assert (_logits(network).argmax(1) == test.targets).float().mean() > 0.8


@pytest.mark.parametrize("units", ["head", "last:1", "last:2"])
def test_a_prefix_stored_before_changes_nothing_to_the_bit(units):
    """Cached within the phase and stored before it: the same arithmetic, another bill."""
    cached, before = _network(), _network()
    done = _train(cached, units)
    backbone = before.backbone
    start = first_trainable(backbone, units)
    train, val = _images(TRAIN, 0), _images(VAL, 1)
    pool = torch.cat([train.inputs, val.inputs])
    activations = prefix.activations(backbone, pool, start, CPU)
    sets = (
        Examples(pool, train.targets, torch.arange(TRAIN)),
        Examples(pool, val.targets, torch.arange(TRAIN, TRAIN + VAL)),
    )
    stored = _train(before, units, sets=sets, cache=False, stored=Stored(activations, len(pool)))
    assert torch.equal(_logits(cached), _logits(before))
    assert stored.fit == done.fit
    through = image_cost(before, (3, 32, 32), start).prefix * len(pool)
    assert stored.training_flops == done.training_flops - through


def test_a_bank_holds_the_images_and_then_their_views():
    backbone = _network().backbone
    images = _images(70, 0).inputs
    said = {"views": 2, "kind": "light", "seed": 3}
    parts = torch.cat([*prefix.banked(backbone, images, 3, CPU, **said)])
    plain = prefix.activations(backbone, images, 3, CPU)
    assert len(parts) == 3 * 70
    assert torch.equal(parts[:70], plain)
    assert not torch.equal(parts[70:140], parts[140:])
    assert not torch.equal(parts[70:140], plain)
    assert torch.equal(parts, torch.cat([*prefix.banked(backbone, images, 3, CPU, **said)]))


def test_a_compiled_phase_learns_the_same_and_counts_the_same():
    # frozen statistics: batches of 8 make any other order of sums grow to something else
    compiled = Engine(torch.device("cpu"), Step(compiled=True))
    plain, other = _network(), _network()
    usual, found = _train(plain, "all"), _train(other, "all", engine=compiled)
    assert found.training_flops == usual.training_flops
    assert found.fit.train_loss == pytest.approx(usual.fit.train_loss, rel=1e-5)
    torch.testing.assert_close(_logits(other), _logits(plain), rtol=1e-4, atol=1e-5)
    assert list(other.state_dict()) == list(plain.state_dict())
