"""``greendapt flops MODEL``: what a forward pass and a training step cost; no weights needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.models.network import Network


def flops(
    model: Annotated[str, typer.Argument(help="A timm model, such as resnet50.")],
    image_size: Annotated[int, typer.Option(min=1, help="Side of the image in pixels.")] = 224,
    train: Annotated[
        str,
        typer.Option(
            help="What trains: all, head, last:N (blocks), bias, norm, or stem,stage4,..."
        ),
    ] = "all",
    batch: Annotated[int, typer.Option(min=1, help="Images in the batch.")] = 1,
    outputs: Annotated[
        int, typer.Option(min=1, help="Outputs of the linear head (published counts have 1000).")
    ] = 1000,
    cross_check: Annotated[
        bool, typer.Option(help="Count with fvcore too; this runs one image on the CPU.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count FLOPs (2 a multiply-add) of one batch: forward, and a training step of what trains."""
    from greendapt.meter.flops import training_step_flops
    from greendapt.meter.flops_fvcore import fvcore_forward_flops

    network = _network(model, image_size, outputs, train)
    shape = (batch, network.backbone.spec.channels, image_size, image_size)
    step = training_step_flops(network, shape)
    counts = {
        "model": model,
        "image_size": image_size,
        "batch": batch,
        "train": train,
        "forward_flops": step.forward,
        "training_flops": step.total,
        "params": sum(p.numel() for p in network.parameters()),
        "trainable_params": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "uncounted": list(step.uncounted),
        "fvcore_forward_flops": fvcore_forward_flops(network, shape) if cross_check else None,
    }
    if as_json:
        show_json(json.dumps(counts, indent=2))
    else:
        show(_text(counts))


def _network(name: str, image_size: int, outputs: int, train: str) -> Network:
    """The backbone with a linear head on the meta device, with the flags of the phase."""
    import torch
    from torch import nn

    from greendapt.models.backbone import create_backbone
    from greendapt.models.network import Network
    from greendapt.suite.recipes import Trainable
    from greendapt.suite.trainable import of_option, train_set
    from greendapt.train.constant_prefix import feature_size
    from greendapt.train.train_sets import set_phase

    units = of_option(train)
    train_set(units, "--train")
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=image_size)
        network = Network(backbone, nn.Linear(feature_size(backbone, image_size), outputs))
    set_phase(network, Trainable(units, "affine"))
    return network


def _text(counts: dict[str, Any]) -> str:
    from greendapt.core.units import si

    ratio = counts["training_flops"] / counts["forward_flops"]
    check = counts["fvcore_forward_flops"]
    lines = [
        f"{counts['model']}, {counts['image_size']} px, batch {counts['batch']}, "
        f"train {counts['train']} (2 FLOPs a multiply-add)",
        f"forward   {si(counts['forward_flops'], 'FLOP')}",
        f"training  {si(counts['training_flops'], 'FLOP')} ({ratio:.2f} x forward)",
        f"params    {counts['params']:,}, of which {counts['trainable_params']:,} train",
    ]
    if check is not None:
        lines.append(f"fvcore    {si(check, 'FLOP')} forward (cross-check: its count x 2)")
    lines += [f"NOT COUNTED (no formula): {what}" for what in counts["uncounted"]]
    return "\n".join(lines)
