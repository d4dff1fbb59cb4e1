"""Networks of no family: units found by a walk give timm's own features, from anywhere on."""

import pytest
import torch

from greendapt.core.errors import ModelError
from greendapt.models import weights
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.models.network import Network
from greendapt.models.unet import UNet
from greendapt.models.walk import Walk
from greendapt.suite.recipes import Trainable
from greendapt.train.cost import image_cost, prefix_flops
from greendapt.train.train_sets import set_phase, trainable_units

WALKED = {
    "a rotary ViT": ("eva02_tiny_patch14_224", 56),
    "a relative ViT": ("test_vit_relpos", 64),
    "PVT": ("pvt_v2_b0", 64),
    "GhostNet": ("ghostnet_050", 64),
    "FastViT": ("fastvit_t8", 64),
    "CSPNet": ("cs3darknet_focus_s", 64),
    "StarNet": ("starnet_s050", 64),
}
OTHERS = {
    "BEiT": ("beit_base_patch16_224", 224),
    "DINOv3": ("vit_small_patch16_dinov3", 64),
    "VGG": ("vgg11", 64),
    "Xception": ("legacy_xception", 96),
    "Hiera": ("hiera_tiny_224", 224),
    "HRNet": ("hrnet_w18_small", 64),
    "CoAtNet": ("coatnet_nano_rw_224", 224),
    "MaxViT": ("maxvit_rmlp_pico_rw_256", 256),
    "learnt rotary angles": ("vit_base_patch16_rope_mixed_224", 224),
    "distilled DeiT": ("deit_tiny_distilled_patch16_224", 64),
    "ResNet": ("test_resnet", 64),
}


def _meta(name, size, cut=None):
    with torch.device("meta"):
        return create_backbone(name, image_size=size, cut=cut)


@pytest.fixture(scope="module", params=WALKED.values(), ids=WALKED)
def built(request):
    """A backbone in eval mode, two images, and timm's own pooled features of them."""
    name, size = request.param
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=size).eval()
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        for parameter in backbone.net.parameters():
            if not parameter.any():  # what starts at zero hides what comes through it
                parameter.uniform_(0.1, 0.3)
        features = backbone.net.forward_head(backbone.net.forward_features(images), pre_logits=True)
    assert not torch.allclose(features[0], features[1])
    return backbone, images, features


def test_running_to_any_unit_and_on_from_it_changes_nothing(built, goes_on_from_any_unit):
    backbone, x, features = built
    assert isinstance(backbone.family, Walk)
    assert len(backbone.units) > 4
    assert backbone.prefix(x, 0) is x
    goes_on_from_any_unit(backbone, x, features)


def test_the_network_is_left_as_it_was(built):
    backbone, images, features = built
    backbone.prefix(images, 2)
    assert not [path for path, part in backbone.net.named_modules() if "forward" in vars(part)]
    with torch.no_grad():
        own = backbone.net.forward_head(backbone.net.forward_features(images), pre_logits=True)
    assert torch.equal(own, features)


def test_stages_are_numbered_from_the_stem_on_and_each_has_units(built):
    backbone, *_ = built
    stages = [unit.stage for unit in backbone.units]
    assert stages == sorted(stages)
    assert set(stages) == set(range(backbone.stages + 1))
    assert stages.count(0) == 1
    assert backbone.stages >= 3


def test_it_is_found_once(built):
    backbone, images, _ = built
    again = create_backbone(backbone.name, image_size=images.shape[-1])
    assert again.family is backbone.family
    assert create_backbone(backbone.name, image_size=112).family is not backbone.family


def test_what_another_image_size_gives_is_refused(built):
    backbone, images, _ = built
    x = backbone.prefix(images, 2)
    with pytest.raises(ValueError, match="unit 2 takes"):
        backbone.run(torch.cat([x, x], 1), 2)


def test_the_parts_cost_what_the_whole_costs(built):
    backbone, images, _ = built
    size, last = images.shape[-1], len(backbone.units) - 1
    network = Network(backbone, torch.nn.Identity())
    set_phase(network, Trainable("last:1", "affine"))
    cost = image_cost(network, tuple(images.shape[1:]), last)
    assert 0 < cost.forward < cost.prefix
    assert cost.prefix + cost.forward == prefix_flops(backbone, size, len(backbone.units))
    backbone.requires_grad_(True).eval()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(pytest.param(*one, id=kind) for kind, one in WALKED.items()),
        *(pytest.param(*one, id=kind, marks=pytest.mark.nightly) for kind, one in OTHERS.items()),
    ],
)
def test_no_parameter_behind_a_unit_reaches_its_input(name, size):
    """And all of a phase's block trains: what is stored before it is constant."""
    backbone = _meta(name, size).eval()
    images = torch.empty(1, 3, size, size, device="meta")
    last = len(backbone.units) - 1
    parameters = dict(backbone.net.named_parameters())
    for unit in (1, last):
        for path, parameter in parameters.items():
            parameter.requires_grad_(backbone.unit_of(path) >= unit)
        before = backbone.prefix(images, unit)
        assert not before.requires_grad
    backbone.run(before, last).sum().backward()
    trained = {backbone.unit_of(path) for path, p in parameters.items() if p.grad is not None}
    assert trained == {last}
    assert {backbone.unit_of(path) for path in parameters} == set(range(last + 1))


def test_a_distillation_token_is_the_stems():
    backbone = _meta("deit_tiny_distilled_patch16_224", 64)
    assert backbone.unit_of("dist_token") == 0


def test_frozen_units_run_in_eval_mode_and_the_others_train():
    backbone = create_backbone("ghostnet_050", image_size=64)
    network = Network(backbone, torch.nn.Linear(1, 1))
    set_phase(network, Trainable("last:1", "train"))
    before = {key: value.clone() for key, value in backbone.net.state_dict().items()}
    backbone(torch.randn(4, 3, 64, 64))
    moved = {k for k, v in backbone.net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved
    assert {backbone.unit_of(key) for key in moved} == {len(backbone.units) - 1}


@pytest.mark.parametrize(("name", "size"), WALKED.values(), ids=WALKED)
def test_a_cut_network_is_the_first_stages_of_the_whole(name, size, tmp_path):
    torch.manual_seed(0)
    whole = create_backbone(name, image_size=size).eval()
    path = tmp_path / "whole.safetensors"
    weights.save(whole, path)
    cut = weights.load(name, str(path), image_size=size, cut=2, seed=0).eval()
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        stop = whole.end_of(2)
        maps = whole.maps(whole.prefix(images, stop))
        torch.testing.assert_close(cut(images), maps.mean((2, 3)))
    assert cut.units == whole.units[:stop]
    kept = {key for key in whole.net.state_dict() if whole.unit_of(key) < stop}
    assert set(cut.net.state_dict()) <= kept
    assert {k for k, _ in cut.net.named_parameters()} == {
        k for k, _ in whole.net.named_parameters() if whole.unit_of(k) < stop
    }
    weights.save(cut, path)
    again = weights.load(name, str(path), image_size=size, cut=None, seed=0).eval()
    with torch.no_grad():
        assert torch.equal(again(images), cut(images))


@pytest.mark.parametrize("name", ["pvt_v2_b0", "fastvit_t8"])
def test_a_u_net_stands_on_it(name):
    network = UNet(create_backbone(name, image_size=64).eval(), 2, image_size=64, seed=0).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, 64, 64)).shape == (1, 2, 64, 64)


def test_a_network_of_two_streams_runs_as_a_whole_only():
    name, size = "crossvit_9_240", 240
    backbone = _meta(name, size)
    assert [unit.name for unit in backbone.units] == ["whole"]
    images = torch.empty(2, 3, size, size, device="meta")
    assert backbone(images).shape == (2, 384)
    assert trainable_units(backbone, Trainable("all", "frozen")) == {0}
    assert trainable_units(backbone, Trainable("head", "frozen")) == set()
    for train in ("last:1", ("stage1",)):
        with pytest.raises(ModelError, match=f"'{name}' runs only as a whole.*'head' and 'all'"):
            trainable_units(backbone, Trainable(train, "frozen"))
    with pytest.raises(ModelError, match=f"cut = 1: '{name}' runs only as a whole"):
        _meta(name, size, cut=1)


def test_what_is_no_timm_network_is_refused():
    with pytest.raises(ModelError, match="'mine' has no forward_features and forward_head"):
        Backbone("mine", torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), InputSpec())
