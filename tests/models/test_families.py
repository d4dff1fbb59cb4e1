"""Each family's units do what timm's own forward does, in an order that can be entered anywhere."""

from itertools import pairwise

import pytest
import torch

from greendapt.models.backbone import create_backbone


@pytest.fixture(scope="module")
def built(small):
    """A backbone in eval mode, images for it and timm's own pooled features of them."""
    name, size = small
    torch.manual_seed(0)
    backbone = create_backbone(name, image_size=size).eval()
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        features = backbone.net.forward_head(backbone.net.forward_features(images), pre_logits=True)
    return backbone, images, features


def test_units_then_tail_equal_timms_forward(built):
    backbone, images, features = built
    with torch.no_grad():
        assert torch.equal(backbone(images), features)


def test_running_to_any_unit_and_on_from_it_changes_nothing(built, goes_on_from_any_unit):
    backbone, x, features = built
    goes_on_from_any_unit(backbone, x, features)


def test_a_stem_and_four_stages_in_order(built):
    backbone, *_ = built
    stages = [unit.stage for unit in backbone.units]
    assert set(stages) == {0, 1, 2, 3, 4}
    assert stages == sorted(stages)
    assert stages.count(0) == 1
    assert backbone.stages == 4
    assert len({unit.name for unit in backbone.units}) == len(stages)


def test_stage_k_ends_at_a_pyramid_level(built):
    """Each stage but a ViT's halves the side at most once, so cuts mean the same everywhere."""
    backbone, x, _ = built
    if backbone.name == "test_vit":
        pytest.skip("a ViT keeps one resolution")
    sides = {}
    axis = 1 if getattr(backbone.net, "output_fmt", "NCHW") == "NHWC" else 2
    with torch.no_grad():
        for i, unit in enumerate(backbone.units):
            x = backbone.run(x, i, i + 1)
            sides[unit.stage] = x.shape[axis]
    for before, after in pairwise(sides[stage] for stage in range(1, 5)):
        assert after in (before, -(-before // 2))


def test_every_parameter_buffer_and_leaf_module_has_a_unit(built):
    backbone, *_ = built
    for name in backbone.net.state_dict():
        unit = backbone.units[backbone.unit_of(name)]
        if backbone.unit_of(name) < len(backbone.units) - 1:
            assert any(name.startswith(path) for path in (*unit.modules, *unit.owns))
    owned = {backbone.unit_of(name) for name, _ in backbone.net.named_parameters()}
    assert owned == set(range(len(backbone.units)))


def test_gradients_reach_exactly_the_units_that_owners_say(built):
    """An independent check of ownership: freeze by owner, and see who moves the output."""
    backbone, images, _ = built
    last = len(backbone.units) - 1
    for name, parameter in backbone.net.named_parameters():
        parameter.requires_grad_(backbone.unit_of(name) == last)
    with torch.no_grad():
        x = backbone.run(images, 0, last)
    assert not x.requires_grad
    backbone.run(x, last).sum().backward()
    moved = {n for n, p in backbone.net.named_parameters() if p.grad is not None}
    backbone.requires_grad_(True).zero_grad()
    assert moved == {
        n for n in dict(backbone.net.named_parameters()) if backbone.unit_of(n) == last
    }


@pytest.mark.parametrize(
    ("name", "blocks", "stages"),
    [("test_vit", 6, [1, 1, 2, 3, 3, 4]), ("vit_tiny_patch16_224", 12, [1] * 3 + [2] * 3)],
)
def test_a_vits_blocks_are_four_parts(name, blocks, stages):
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=64)
    found = [unit.stage for unit in backbone.units[1:]]
    assert len(found) == blocks
    assert found[: len(stages)] == stages
