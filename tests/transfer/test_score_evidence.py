"""Evidence from real (small) networks on phantoms."""

import numpy as np
import pytest
import torch

from greendapt.core.errors import ModelError, WeightsError
from greendapt.models import weights
from greendapt.models.backbone import create_backbone
from greendapt.models.network import mlp
from greendapt.suite.datasets import PhantomData
from greendapt.train.engine import Engine
from greendapt.transfer.scores.by_name import SCORES
from greendapt.transfer.scores.evidence import JITTER, Place, gather, jitter, two_views
from greendapt.transfer.scores.score_weights import HEAD, load_images, load_weights, score_weights

ENGINE = Engine(torch.device("cpu"))
EVERY = (*SCORES.names(), "robustness:l2")


@pytest.fixture(scope="module")
def phantoms():
    spec = PhantomData(source="phantom", images=80)
    return load_images(spec, EVERY, image_size=32, most=40, seed=0)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return create_backbone("test_resnet", image_size=32).eval()


def test_jitter_is_drawn_for_each_image_and_stays_in_range():
    one = torch.randint(0, 256, (1, 3, 8, 8), dtype=torch.uint8)
    torch.manual_seed(0)
    jittered = jitter(one.expand(16, -1, -1, -1))
    assert 0 <= jittered.min() <= jittered.max() <= 1
    assert len({tuple(image.flatten().tolist()) for image in jittered}) == 16


def test_saturation_and_hue_leave_grey_images_grey():
    grey = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    torch.manual_seed(0)
    alone = jitter(grey)
    torch.manual_seed(0)
    colour = jitter(grey.expand(-1, 3, -1, -1))
    assert torch.allclose(alone.expand(-1, 3, -1, -1), colour, atol=2e-3)
    assert not torch.allclose(alone, grey / 255, atol=1e-3)


def test_the_jitter_is_the_papers():
    assert JITTER.brightness == (0.9, 1.1)
    assert JITTER.contrast == (0.95, 1.05)
    assert JITTER.saturation == (0.9, 1.1)
    assert JITTER.hue == (-0.05, 0.05)


def test_views_depend_on_the_seed_alone_and_pool_over_the_image(net, phantoms, within):
    pixels = torch.from_numpy(phantoms.pixels)
    state = torch.random.get_rng_state()
    pooled = two_views(net, pixels, Place(), seed=1, engine=ENGINE)
    assert torch.equal(torch.random.get_rng_state(), state)
    again = two_views(net, pixels, Place(), seed=1, engine=ENGINE)
    other = two_views(net, pixels, Place(), seed=2, engine=ENGINE)
    whole = two_views(net, pixels, Place(pooled=False), seed=1, engine=ENGINE)
    assert torch.equal(pooled[0], again[0])
    assert torch.equal(pooled[1], again[1])
    assert not torch.equal(pooled[0], other[0])
    assert not torch.equal(pooled[0], pooled[1])
    assert whole[0].ndim == 4
    means = whole[0].mean((2, 3))
    torch.testing.assert_close(means, pooled[0], atol=within(1e-5), rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "swin_s3_tiny_224"]
)
def test_maps_of_every_stage_are_square_and_shrink(name):
    size = 224 if name.startswith("swin") else 160
    net = create_backbone(name, image_size=size).eval()
    sides = []
    for stage in range(net.stages + 1):
        with torch.no_grad():
            x = net.run(net.prepare(torch.zeros(1, 3, size, size)), 0, net.end_of(stage))
        maps = net.maps(x)
        assert maps.ndim == 4
        assert maps.shape[2] == maps.shape[3]
        sides.append(maps.shape[2])
    assert sides == sorted(sides, reverse=True)


def test_the_last_but_one_stage_is_the_default(net, phantoms):
    assert Place().stage_of(net) == net.stages - 1
    with pytest.raises(ModelError, match="has no stage 9"):
        gather(net, phantoms, ["robustness"], seed=0, engine=ENGINE, place=Place(stage=9))


def test_every_score_of_a_network_with_its_head(net, phantoms):
    head = mlp(96, (), 5, seed=0)
    rated = score_weights(net, phantoms, EVERY, seed=0, engine=ENGINE, head=head)
    undefined = {name for name, one in rated.items() if one.value is None}
    assert undefined == {"source_accuracy", "epoch"}
    assert rated["size"].value == sum(p.numel() for p in net.parameters())
    assert rated == score_weights(net, phantoms, EVERY, seed=0, engine=ENGINE, head=head)


def test_only_what_the_scores_need_is_computed(net, phantoms):
    evidence = gather(net, phantoms, ["robustness"], seed=0, engine=ENGINE)
    assert evidence.views is not None
    assert evidence.features is evidence.maps is evidence.logits is None


def test_several_findings_are_not_one_label_an_image(net):
    spec = PhantomData(source="phantom", images=20, task="findings")
    images = load_images(spec, ["knn"], image_size=32, most=20, seed=0)
    assert (
        "one label an image"
        in score_weights(net, images, ["knn"], seed=0, engine=ENGINE)["knn"].why
    )


def test_images_are_drawn_by_the_seed():
    spec = PhantomData(source="phantom", images=30)
    first, again, other = (
        load_images(spec, ["robustness"], image_size=16, most=10, seed=s) for s in (0, 0, 1)
    )
    assert len(first) == 10
    assert np.array_equal(first.hashes, again.hashes)
    assert not np.array_equal(first.hashes, other.hashes)


def test_weights_say_what_they_are_and_bring_their_head(net, tmp_path):
    path = tmp_path / "backbone.safetensors"
    weights.save(net, path)
    loaded, head = load_weights(str(path), None, image_size=32, seed=0)
    assert (loaded.name, head) == ("test_resnet", None)
    for hidden, has in (((), True), ((4,), False)):
        state = {k: v.contiguous() for k, v in mlp(96, hidden, 3, seed=0).state_dict().items()}
        weights.save_file(state, tmp_path / HEAD)
        assert (load_weights(str(path), None, image_size=32, seed=0)[1] is not None) == has
    weights.save_file(mlp(7, (), 3, seed=0).state_dict(), tmp_path / HEAD)
    with pytest.raises(WeightsError, match="a head for 7 features"):
        load_weights(str(path), None, image_size=32, seed=0)
    with pytest.raises(WeightsError, match="needs --backbone"):
        load_weights("timm", None, image_size=32, seed=0)
    weights.save_file({"x": torch.zeros(1)}, tmp_path / "bare.safetensors")
    with pytest.raises(WeightsError, match="does not say of which backbone"):
        load_weights(str(tmp_path / "bare.safetensors"), None, image_size=32, seed=0)
