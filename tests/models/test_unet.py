"""The U-Net's pyramid against timm's own features, and its shapes on every family."""

import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer

from greendapt.core.errors import ModelError
from greendapt.meter.flops import training_step_flops
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.models.unet import UNet
from greendapt.suite.recipes import Trainable
from greendapt.train.train_sets import set_phase, trainable_params

FAMILIES = {
    "resnet10t": 96,
    "test_efficientnet": 97,
    "densenet121": 64,
    "regnety_002": 64,
    "convnext_atto": 100,
    "resnetv2_50": 64,
    "mobilenetv3_small_100": 96,
    "swin_tiny_patch4_window7_224": 96,
    "test_vit": 160,
}


def unet(name="test_resnet", size=64, outputs=2, cut=None, seed=0):
    torch.manual_seed(1)
    return UNet(
        create_backbone(name, image_size=size, cut=cut), outputs, image_size=size, seed=seed
    )


@pytest.mark.parametrize(("name", "size"), FAMILIES.items())
def test_logits_have_the_size_of_the_image(name, size):
    network = unet(name, size, outputs=3).eval()
    with torch.no_grad():
        logits = network(torch.randn(2, 3, size, size))
    assert logits.shape == (2, 3, size, size)
    assert logits.std() > 0


@pytest.mark.parametrize("name", ["resnet10t", "test_efficientnet", "convnext_atto"])
def test_the_pyramid_is_what_timm_calls_features(name):
    backbone = create_backbone(name, image_size=64).eval()
    theirs = timm.create_model(name, features_only=True, pretrained=False).eval()
    flat = {name.replace(".", "_"): value for name, value in backbone.net.state_dict().items()}
    names = {key: key.replace(".", "_") for key in theirs.state_dict()}
    theirs.load_state_dict({key: flat[name] for key, name in names.items()})
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        ours, expected = backbone.pyramid(image), theirs(image)
    assert len(ours) == len(expected)
    for mine, yours in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, yours)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_cut_backbone_carries_one_too(cut):
    with torch.no_grad():
        assert unet(cut=cut).eval()(torch.randn(1, 3, 64, 64)).shape == (1, 2, 64, 64)


def test_new_weights_come_from_the_seed_alone():
    first, again, other = unet(seed=0).head, unet(seed=0).head, unet(seed=1).head
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_a_phase_freezes_the_encoder_and_trains_the_decoder():
    network = unet()
    set_phase(network, Trainable("head", "frozen"))
    assert trainable_params(network) == sum(p.numel() for p in network.head.parameters())
    assert not any(module.training for module in network.backbone.net.modules())
    network(torch.randn(2, 3, 64, 64)).sum().backward()
    assert all(p.grad is None for p in network.backbone.parameters())
    assert all(p.grad is not None for p in network.head.parameters())


def test_its_flops_are_counted_on_the_meta_device():
    network = unet()
    set_phase(network, Trainable("all", "affine"))
    whole = training_step_flops(network, (1, 3, 64, 64))
    set_phase(network, Trainable("head", "affine"))
    frozen = training_step_flops(network, (1, 3, 64, 64))
    assert whole.uncounted == ()
    assert frozen.forward == whole.forward
    assert frozen.total < whole.total <= 3 * whole.forward


def test_it_starts_at_the_first_unit_only():
    with pytest.raises(ValueError, match="starts at unit 0"):
        unet()(torch.zeros(1, 3, 64, 64), 1)


def test_maps_that_are_too_coarse_are_refused():
    net = VisionTransformer(img_size=128, patch_size=64, embed_dim=24, depth=1, num_heads=1)
    with pytest.raises(ModelError, match="cannot carry a U-Net: its maps are 2 px wide"):
        UNet(Backbone("coarse", net, InputSpec()), 2, image_size=128, seed=0)


def test_an_image_size_that_the_backbone_cannot_take():
    with pytest.raises(ModelError, match="cannot run on 96 px"):
        UNet(
            create_backbone("swin_tiny_patch4_window7_224", image_size=64), 2, image_size=96, seed=0
        )
