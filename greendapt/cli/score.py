"""``greendapt score``: what weights promise for a task, before anything is trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.cli.options import Json
from greendapt.core.terminal import say, show, show_json

if TYPE_CHECKING:
    from greendapt.suite.datasets import Dataset
    from greendapt.transfer.scores.base import Scored


# a parameter an option: typer reads them from here
def score(
    weights: Annotated[
        list[str],
        typer.Option(
            help="A file (.safetensors, .pth, ...), timm, or none (random); more are compared."
        ),
    ],
    data: Annotated[
        str,
        typer.Option(help="The downstream images: DIR[:COLUMN][@SPLIT][+DIR...], or phantom."),
    ],
    backbone: Annotated[
        str | None, typer.Option(help="A timm name, where the weights do not say it.")
    ] = None,
    scores: Annotated[
        str,
        typer.Option(help="Separated by commas; all is every one. robustness needs no labels."),
    ] = "robustness",
    image_size: Annotated[int, typer.Option(min=16, help="Side of the images in pixels.")] = 224,
    stage: Annotated[
        int | None,
        typer.Option(min=0, help="Where robustness and ccfv look; default: the last but one."),
    ] = None,
    pooled: Annotated[
        bool, typer.Option(help="Pool those features over the image for robustness.")
    ] = True,
    images: Annotated[int, typer.Option(min=2, help="At most so many images.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Draws images, augmentations, folds.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda (ROCm too), xpu, mps.")] = "auto",
    json: Json = False,
) -> None:
    """Score weights on images: robustness, logme, leep, hscore, gbc, knn, probe, ccfv, baselines.

    Robustness also as robustness:DISTANCE:MARGIN, with cosine, pearson or l2.
    Example: greendapt score --weights timm --backbone resnet18 --data xrays:diagnosis --scores all
    """
    from greendapt.suite.overrides import names as parts
    from greendapt.train.engine import Engine
    from greendapt.transfer.scores.by_name import SCORES
    from greendapt.transfer.scores.evidence import Place
    from greendapt.transfer.scores.score_weights import load_images, load_weights, score_weights

    wanted = [*SCORES.names()] if scores == "all" else parts(scores) or []
    engine = Engine.on(device)
    shown = load_images(_dataset(data), wanted, image_size=image_size, most=images, seed=seed)
    found = []
    for where in weights:
        net, head = load_weights(where, backbone, image_size=image_size, seed=seed, say=say)
        rated = score_weights(
            net.to(engine.device),
            shown,
            wanted,
            seed=seed,
            engine=engine,
            place=Place(stage, pooled),
            head=head,
        )
        found.append((where, net.name, rated))
    if json:
        show_json(_as_json(found, len(shown), seed))
    else:
        show(_text(found, len(shown)))


def _dataset(where: str) -> Dataset:
    from pydantic import TypeAdapter

    from greendapt.suite.datasets import Dataset
    from greendapt.suite.overrides import dataset

    spec = {"source": "phantom"} if where == "phantom" else dataset(where)
    return TypeAdapter[Dataset](Dataset).validate_python(spec)


def _as_json(found: list[tuple[str, str, dict[str, Scored]]], images: int, seed: int) -> str:
    import json
    from dataclasses import asdict

    rows: list[dict[str, Any]] = [
        {
            "weights": where,
            "backbone": name,
            "scores": {
                key: {k: v for k, v in asdict(value).items() if k != "name"}
                for key, value in rated.items()
            },
        }
        for where, name, rated in found
    ]
    return json.dumps({"images": images, "seed": seed, "weights": rows}, indent=2)


def _text(found: list[tuple[str, str, dict[str, Scored]]], images: int) -> str:
    lines = []
    for where, name, rated in found:
        lines.append(f"{where} ({name}), {images} images")
        for key, one in rated.items():
            value = f"{one.value:.6g}" if one.value is not None else f"- ({one.why})"
            lines.append(f"  {key:<18} {value:<14} {one.better} is better")
    return "\n".join(lines)
