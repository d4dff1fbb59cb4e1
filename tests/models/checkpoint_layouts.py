"""How public checkpoints name their tensors: a table, each made small from a timm network.

A layout turns a network's own tensors into what the file of that name holds. ``under`` is where
greendapt should find them, ``how`` by which conversion; ``refused`` a part of the message instead.
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

NETWORKS = {
    "resnet": ("resnet50", {"layers": (1, 1, 1, 1), "channels": (8, 16, 16, 24)}),
    "densenet": ("densenet121", {"growth_rate": 4, "block_config": (2, 2, 2, 2)}),
    "xray densenet": (
        "densenet121", {"growth_rate": 4, "block_config": (2, 2, 2, 2), "in_chans": 1},
    ),
    "vit": ("vit_base_patch16_224", {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 2}),
    "dinov2": (
        "vit_small_patch14_dinov2", {"img_size": 28, "embed_dim": 24, "depth": 2, "num_heads": 2},
    ),
    "dinov2 registers": (
        "vit_small_patch14_reg4_dinov2",
        {"img_size": 28, "embed_dim": 24, "depth": 2, "num_heads": 2},
    ),
    "clip": (
        "vit_base_patch32_clip_quickgelu_224",
        {"img_size": 64, "embed_dim": 24, "depth": 2, "num_heads": 2},
    ),
    "beit": (
        "beit_base_patch16_224", {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 2},
    ),
    "swin": (
        "swin_tiny_patch4_window7_224",
        {"img_size": 56, "embed_dim": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 2, 2)},
    ),
    "convnext": ("convnext_tiny", {"depths": (1, 1, 1, 1), "dims": (8, 16, 16, 24)}),
    "sam": (
        "samvit_base_patch16",
        {
            "img_size": 64, "embed_dim": 24, "depth": 2, "num_heads": 2,
            "global_attn_indexes": (1,), "neck_chans": 8,
        },
    ),
}  # fmt: skip

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Layout:
    of: str
    network: str
    holds: Callable[[State], object]
    under: str = ""
    how: str = ""
    refused: str = ""
    exact: bool = True
    """Whether the conversion only renames."""


def some(*names, size=(3, 3)):
    """Tensors of another part."""
    return {name: torch.ones(size) for name in names}


def at(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def renamed(state, *rules):
    for pattern, by in rules:
        state = {re.sub(pattern, by, name): tensor for name, tensor in state.items()}
    return state


def older(state):
    """What was written before the tensors of another copy moved on."""
    return {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}


def uncounted(state):
    return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}


def in_sequence(state):
    return renamed(
        state, (r"^conv1", "0"), (r"^bn1", "1"),
        *((rf"^layer{i}", f"{i + 3}") for i in range(1, 5)),
    )  # fmt: skip


def dense(state):
    return renamed(state, ("^features.", ""))


def chunked(state):
    return renamed(state, (r"^blocks\.(\d+)", r"blocks.0.\1"))


def openai(state):
    named = renamed(
        state, ("^patch_embed.proj", "conv1"), ("^pos_embed", "positional_embedding"),
        ("^cls_token", "class_embedding"), ("^norm_pre", "ln_pre"), (r"^norm\.", "ln_post."),
        (r"^blocks\.", "transformer.resblocks."), (r"\.norm", ".ln_"),
        (r"qkv\.", "in_proj_"), (r"attn\.proj", "attn.out_proj"), ("fc1", "c_fc"),
        ("fc2", "c_proj"),
    )  # fmt: skip
    named["class_embedding"] = named["class_embedding"][0, 0]
    named["positional_embedding"] = named["positional_embedding"][0]
    text = some("transformer.resblocks.0.ln_1.weight", "token_embedding.weight", "logit_scale")
    return at("visual.", named) | {"visual.proj": torch.ones(24, 5)} | text


def registers(state):
    named = renamed(state, ("reg_token", "register_tokens")) | some("mask_token", size=(1, 24))
    named["pos_embed"] = torch.cat([torch.zeros(1, 1, 24), named["pos_embed"]], 1)
    return named


def facebook(state):
    return renamed(
        state, (r"^stem\.", "downsample_layers.0."),
        (r"^stages\.(\d)\.downsample", r"downsample_layers.\1"),
        (r"\.blocks\.", "."), ("conv_dw", "dwconv"), (r"mlp\.fc", "pwconv"),
        (r"^head\.norm", "norm"),
    ) | some("head.weight", "head.bias")  # fmt: skip


def early_swin(state):
    """Before timm moved what makes the maps smaller to the start of a stage."""
    named = {
        re.sub(r"layers.(\d).downs", lambda m: f"layers.{int(m[1]) - 1}.downs", k): v
        for k, v in state.items()
    }
    buffers = some("layers.0.blocks.0.attn.relative_position_index", "layers.0.blocks.1.attn_mask")
    return named | buffers | some("head.weight", "head.bias")


def mae(state):
    return state | some(
        "mask_token", "decoder_pos_embed", "decoder_embed.weight", "decoder_blocks.0.norm1.weight",
        "decoder_norm.bias", "decoder_pred.weight",
    )  # fmt: skip


def sam(state):
    named = renamed(state, (r"mlp\.fc", "mlp.lin"))
    return at("image_encoder.", named) | some("mask_decoder.iou_token.weight", "prompt_encoder.x")


def transformers(state):
    return renamed(
        state, (r"^blocks\.", "vit.encoder.layer."), ("patch_embed.proj", "vit.embeddings.patch"),
        ("attn.proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"),
    )  # fmt: skip


def of_volumes(state):
    del state
    names = ("down_tr64.ops.0.conv1.weight", "down_tr64.ops.1.conv1.weight", "out_tr.final.weight")
    return {"epoch": 3, "state_dict": at("module.", some(*names, size=(4, 1, 3, 3, 3)))}


OPTIONS = argparse.Namespace(arch="vit", lr=1e-3, batch_size=64)
FC = some("fc.weight", "fc.bias")
TIMM = "timm's own conversion"
SEQUENCE = "a ResNet's layers in a sequence"
TORCHVISION = "torchvision's names"

LAYOUTS = (
    # --- convolutional networks ---------------------------------------------------------------
    Layout("torchvision ResNet", "resnet", lambda s: s | FC),
    Layout("torchvision ResNet of 2017", "resnet", lambda s: uncounted(s) | FC),
    Layout(
        "PyTorch's ImageNet example", "resnet",
        lambda s: {"epoch": 9, "arch": "resnet50", "state_dict": at("module.", s | FC),
                   "best_acc1": torch.tensor(70.1), "optimizer": {"state": {0: some("exp")}}},
        under="state_dict.module.",
    ),
    Layout(
        "MoCo v2", "resnet",
        lambda s: {"epoch": 800, "arch": "resnet50", "state_dict": at("module.",
                   at("encoder_q.", s | some("fc.0.weight", "fc.2.weight"))
                   | at("encoder_k.", older(s)) | some("queue", "queue_ptr"))},
        under="state_dict.module.encoder_q.",
    ),
    Layout(
        "MoCo v3, ResNet", "resnet",
        lambda s: {"state_dict": at("module.base_encoder.", s | some("fc.0.weight"))
                   | at("module.momentum_encoder.", older(s))
                   | some("module.predictor.0.weight")},
        under="state_dict.module.base_encoder.",
    ),
    Layout(
        "SimCLR of lightning-bolts", "resnet",
        lambda s: {"state_dict": at("encoder.", s) | some("projection.model.0.weight"),
                   "pytorch-lightning_version": "1.1.0", "hyper_parameters": {"lr": 0.1}},
        under="state_dict.encoder.",
    ),
    Layout(
        "SimCLR, a projector for a classifier", "resnet",
        lambda s: {"state_dict": at("backbone.", s | some("fc.0.weight", "fc.2.weight"))},
        under="state_dict.backbone.",
    ),
    Layout(
        "SimCLR of lightly", "resnet",
        lambda s: {"state_dict": at("backbone.", in_sequence(s))
                   | some("projection_head.layers.0.weight")},
        under="state_dict.backbone.", how=SEQUENCE,
    ),
    Layout(
        "BYOL of lightly", "resnet",
        lambda s: {"state_dict": at("backbone.", in_sequence(s))
                   | at("backbone_momentum.", in_sequence(older(s)))
                   | some("prediction_head.layers.0.weight")},
        under="state_dict.backbone.", how=SEQUENCE,
    ),
    Layout(
        "BYOL of byol-pytorch", "resnet",
        lambda s: at("net.", s) | at("online_encoder.net.", s)
        | at("target_encoder.net.", older(s)) | some("online_encoder.projector.0.weight"),
        under="net.",
    ),
    Layout(
        "SwAV", "resnet",
        lambda s: at("module.", s | some("projection_head.0.weight", "prototypes.weight")),
        under="module.",
    ),
    Layout("VICReg, the backbone alone", "resnet", lambda s: s),
    Layout(
        "VICReg", "resnet",
        lambda s: {"epoch": 1, "model": at("module.backbone.", s)
                   | some("module.projector.0.weight")},
        under="model.module.backbone.",
    ),
    Layout(
        "Barlow Twins", "resnet",
        lambda s: {"model": at("module.backbone.", s) | some("module.projector.0.weight",
                   "module.bn.running_mean")},
        under="model.module.backbone.",
    ),
    Layout(
        "DINO, ResNet", "resnet",
        lambda s: {"student": at("module.backbone.", older(s)),
                   "teacher": at("backbone.", s) | some("head.mlp.0.weight"), "args": OPTIONS},
        under="teacher.backbone.",
    ),
    Layout(
        "a Lightning module", "resnet",
        lambda s: {"state_dict": at("model.", s | FC), "callbacks": {"ModelCheckpoint": {"k": 1}},
                   "loops": {}, "epoch": 3},
        under="state_dict.model.",
    ),
    Layout(
        "a compiled network under DDP", "resnet",
        lambda s: at("module._orig_mod.", s | FC), under="module._orig_mod.",
    ),
    Layout(
        "timm's training script", "resnet",
        lambda s: {"arch": "resnet50", "state_dict": older(s | FC), "state_dict_ema": s | FC,
                   "args": OPTIONS, "version": 2},
        under="state_dict_ema.",
    ),
    Layout(
        "mmselfsup", "resnet",
        lambda s: {"meta": {"epoch": 1}, "state_dict": at("backbone.", s)
                   | some("head.fc_cls.weight", "neck.fc0.weight")},
        under="state_dict.backbone.",
    ),
    Layout("LVM-Med, ResNet", "resnet", lambda s: s),
    Layout("RadImageNet, ResNet", "resnet", lambda s: at("backbone.", in_sequence(s)),
           under="backbone.", how=SEQUENCE),
    Layout(
        "GLoRIA", "resnet",
        lambda s: {"state_dict": at("gloria.img_encoder.model.", s)
                   | some("gloria.text_encoder.model.weight")},
        under="state_dict.gloria.img_encoder.model.",
    ),
    Layout("MedCLIP, ResNet", "resnet",
           lambda s: at("vision_model.model.", s | some("fc.weight"))
           | some("text_model.model.weight", "logit_scale"),
           under="vision_model.model."),
    Layout("torchvision DenseNet", "densenet",
           lambda s: s | some("classifier.weight", "classifier.bias")),
    Layout("torchvision DenseNet of 2017", "densenet",
           lambda s: renamed(uncounted(s), (r"(norm|conv)([12])\.", r"\1.\2.")), how=TORCHVISION),
    Layout(
        "CheXNet", "densenet",
        lambda s: {"epoch": 7, "best_loss": 0.1, "state_dict": at("module.densenet121.",
                   renamed(s, (r"(r\d+\.)(norm|conv)([12])\.", r"\1\2.\3."))
                   | some("classifier.0.weight"))},
        under="state_dict.module.densenet121.", how=TORCHVISION,
    ),
    Layout("RadImageNet, DenseNet", "densenet", lambda s: at("backbone.0.", dense(s)),
           under="backbone.0.", how=TORCHVISION),
    Layout("MONAI DenseNet", "densenet",
           lambda s: renamed(s, (r"(denselayer\d+\.)", r"\1layers."))
           | some("class_layers.out.weight"), how=TORCHVISION),
    Layout("torchxrayvision", "xray densenet", lambda s: s | some("classifier.bias", "op_threshs")),
    Layout("ConvNeXt of its authors", "convnext", lambda s: {"model": facebook(s)},
           under="model.", how=TIMM),
    # --- transformers -------------------------------------------------------------------------
    Layout("DINO", "vit", lambda s: s),
    Layout(
        "DINO, whole", "vit",
        lambda s: {"student": at("module.backbone.", older(s)) | some("module.head.mlp.0.weight"),
                   "teacher": at("backbone.", s) | some("head.last_layer.weight_g"),
                   "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}, "epoch": 100,
                   "args": OPTIONS, "dino_loss": some("center")},
        under="teacher.backbone.",
    ),
    Layout("MoCo v3, ViT", "vit",
           lambda s: {"state_dict": at("module.base_encoder.", s | some("head.0.weight"))
                      | at("module.momentum_encoder.", older(s))},
           under="state_dict.module.base_encoder."),
    Layout("MAE", "vit", lambda s: {"model": s}, under="model."),
    Layout("MAE with its decoder", "vit", lambda s: {"model": mae(s)}, under="model."),
    Layout("RETFound", "vit",
           lambda s: {"model": mae(s), "optimizer": {"state": {}}, "epoch": 800,
                      "scaler": {"scale": 65536.0}, "args": OPTIONS}, under="model."),
    Layout("iBOT", "vit", lambda s: {"state_dict": s}, under="state_dict."),
    Layout(
        "iBOT, whole", "vit",
        lambda s: {"student": at("module.backbone.", older(s) | some("masked_embed")),
                   "teacher": at("module.backbone.", s | some("masked_embed"))
                   | some("module.head.mlp.0.weight")},
        under="teacher.module.backbone.",
    ),
    Layout("DINOv2", "dinov2", lambda s: s | some("mask_token", size=(1, 24))),
    Layout("DINOv2 with registers", "dinov2 registers", registers, how=TIMM, exact=False),
    Layout(
        "DINOv2's training", "dinov2",
        lambda s: {"iteration": 1, "model": at("student.backbone.", chunked(older(s)))
                   | at("teacher.backbone.", chunked(s) | some("mask_token"))
                   | some("teacher.dino_head.mlp.0.weight")},
        under="model.teacher.backbone.", how="DINOv2's chunks of blocks",
    ),
    Layout("CLIP", "clip", openai, how=TIMM),
    Layout("PubMedCLIP", "clip", lambda s: {"epoch": 5, "state_dict": openai(s)},
           under="state_dict.", how=TIMM),
    Layout("open_clip under DDP", "clip", lambda s: {"state_dict": at("module.", openai(s))},
           under="state_dict.", how=TIMM),
    Layout("BiomedCLIP", "vit",
           lambda s: at("visual.trunk.", s) | some("visual.head.proj.weight", "logit_scale")
           | some("text.transformer.embeddings.word_embeddings.weight"),
           how=TIMM),
    Layout("BEiT, fine-tuned", "beit",
           lambda s: {"model": s | some("blocks.0.attn.relative_position_index", "head.weight")},
           under="model."),
    Layout("Swin of its authors", "swin", lambda s: {"model": early_swin(s)},
           under="model.", how=TIMM),
    Layout("SimMIM", "swin",
           lambda s: {"model": at("encoder.", early_swin(s) | some("mask_token"))
                      | some("decoder.0.weight"), "max_accuracy": 0.0},
           under="model.encoder.", how=TIMM),
    Layout("MedSAM's image encoder", "sam", sam, how=TIMM),
    # --- refused ------------------------------------------------------------------------------
    Layout("Models Genesis", "resnet", of_volumes, refused="its convolutions are of volumes"),
    Layout("MONAI ResNet of volumes", "resnet",
           lambda s: {k: v[..., None] if v.ndim == 4 else v for k, v in s.items()},
           refused="its convolutions are of volumes"),
    Layout("torchxrayvision for a network of three channels", "densenet",
           lambda s: {k: v[:, :1].clone() if k == "features.conv0.weight" else v
                      for k, v in s.items()},
           refused=r"another shape or kind +1  features.conv0.weight \[8, 1, 7, 7\] for \[8, 3,"),
    Layout("a deeper ResNet", "resnet",
           lambda s: s | {k.replace("layer3.0", "layer3.1"): v for k, v in s.items()},
           refused=r"left over +\d+  layer3.1.conv1.weight"),
    Layout("CLIP's ResNet", "resnet",
           lambda s: at("visual.", s | some("conv2.weight", "attnpool.k_proj.weight")),
           refused=r"left over +2  conv2.weight, attnpool.k_proj.weight"),
    Layout("BEiT, pre-trained", "beit",
           lambda s: {"model": {k: v for k, v in s.items() if "bias_table" not in k}
                      | some("rel_pos_bias.relative_position_bias_table", "lm_head.weight")},
           refused=r"missing +2  blocks.0.attn.relative_position_bias_table"),
    Layout("MedSAM's image encoder for a plain ViT", "vit",
           lambda s: sam(s | some("blocks.0.attn.rel_pos_h")), refused="does not fit the backbone"),
    Layout("MAE, fine-tuned on means", "vit",
           lambda s: {"model": renamed(s, (r"^norm\.", "fc_norm."))},
           refused=r"missing +2  norm.weight, norm.bias"),
    Layout("transformers ViT", "vit", transformers, refused=r"left over"),
    Layout("a network and its rival", "resnet",
           lambda s: {"first": s, "second": older(s)},
           refused=r"several networks that fit, under 'first.' and 'second.'"),
)  # fmt: skip
