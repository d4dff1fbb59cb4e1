"""transformers' DINOv2 tensors, made up small, give the same features under timm's names."""

import pytest
import timm
import torch

from greendapt.models.dinov2_names import from_transformers

WIDTH, BLOCKS, SIZE = 64, 2, 28


def _net(**options):
    torch.manual_seed(0)
    net = timm.create_model(
        "vit_small_patch14_dinov2",
        num_classes=0,
        img_size=SIZE,
        embed_dim=WIDTH,
        depth=BLOCKS,
        num_heads=2,
        **options,
    ).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return net


def _theirs(state, prefix=""):
    """The same network as transformers names it."""
    named = {
        "embeddings.cls_token": state["cls_token"],
        "embeddings.mask_token": torch.zeros(1, WIDTH),
        "embeddings.position_embeddings": state["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": state["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": state["patch_embed.proj.bias"],
        "layernorm.weight": state["norm.weight"],
        "layernorm.bias": state["norm.bias"],
    }
    for block in range(BLOCKS):
        ours, theirs = f"blocks.{block}.", f"encoder.layer.{block}."
        for kind in ("weight", "bias"):
            parts = state[f"{ours}attn.qkv.{kind}"].chunk(3)
            for part, tensor in zip(("query", "key", "value"), parts, strict=True):
                named[f"{theirs}attention.attention.{part}.{kind}"] = tensor
            named[f"{theirs}attention.output.dense.{kind}"] = state[f"{ours}attn.proj.{kind}"]
            for same in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                named[f"{theirs}{same}.{kind}"] = state[f"{ours}{same}.{kind}"]
        for number in (1, 2):
            scale = state[f"{ours}ls{number}.gamma"]
            named[f"{theirs}layer_scale{number}.lambda1"] = scale
    return {f"{prefix}{key}": value for key, value in named.items()}


@pytest.mark.parametrize("prefix", ["", "dinov2."])
def test_every_tensor_comes_back_by_timms_name(prefix):
    state = _net().state_dict()
    named = from_transformers(_theirs(state, prefix))
    assert named.keys() == state.keys()
    assert all(torch.equal(named[key], state[key]) for key in state)


def test_a_classifier_is_left_out_and_a_stranger_keeps_its_name():
    state = _net().state_dict()
    theirs = _theirs(state, "dinov2.") | {"classifier.weight": torch.zeros(2, 2 * WIDTH)}
    assert from_transformers(theirs).keys() == state.keys()
    odd = {"dinov2.encoder.layer.0.gate": torch.zeros(1)}
    assert set(from_transformers(theirs | odd)) - set(state) == {"blocks.0.gate"}


def test_with_registers_the_class_tokens_position_goes_into_it():
    state = _net(reg_tokens=4, no_embed_class=True).state_dict()
    position = torch.randn(1, 1, WIDTH)
    theirs = _theirs(state)
    theirs["embeddings.register_tokens"] = state["reg_token"]
    theirs["embeddings.cls_token"] = state["cls_token"] - position
    theirs["embeddings.position_embeddings"] = torch.cat([position, state["pos_embed"]], 1)
    named = from_transformers(theirs)
    assert named.keys() == state.keys()
    for key, value in state.items():
        torch.testing.assert_close(named[key], value)


def test_a_missing_projection_is_missed_as_timms_tensor():
    theirs = _theirs(_net().state_dict())
    del theirs["encoder.layer.1.attention.attention.key.bias"]
    assert "blocks.1.attn.qkv.bias" not in from_transformers(theirs)


def test_other_checkpoints_are_none_of_it():
    net = timm.create_model("test_vit", num_classes=0)
    assert from_transformers(net.state_dict()) is None
    bert = {"embeddings.cls_token": torch.zeros(1), "encoder.layer.0.norm1.weight": torch.zeros(1)}
    assert from_transformers(bert) is None
    assert from_transformers({}) is None
