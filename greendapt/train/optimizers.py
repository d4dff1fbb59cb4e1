"""The optimiser of a recipe, and its learning rate over all steps."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from greendapt.models.backbone import Backbone
from greendapt.suite.freezing import Moves
from greendapt.suite.recipes import NetworkRecipe, Recipe


def optimizer_of(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    """Of what of ``module`` requires a gradient."""
    parameters = _groups(recipe, module)
    lr, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr, momentum=0.9, nesterov=True, weight_decay=decay, fused=True
        )
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr, weight_decay=decay, fused=True)


def _groups(recipe: Recipe, module: nn.Module) -> list[dict[str, Any]]:
    """One group of parameters; where units have rates of their own one for each, by its distance
    from the head."""
    training = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    backbone = getattr(module, "backbone", None)
    by_unit = isinstance(recipe, NetworkRecipe) and recipe.rates_units
    if not (by_unit and isinstance(backbone, Backbone)):
        return [{"params": [p for _, p in training]}]
    groups: dict[int, list[nn.Parameter]] = {}
    for name, p in training:
        own = name.removeprefix("backbone.net.")
        distance = len(backbone.units) - backbone.unit_of(own) if own != name else 0
        groups.setdefault(distance, []).append(p)
    return [
        {"params": own, "lr": _rate(recipe, distance), "distance": distance}
        for distance, own in groups.items()
    ]


def rate_units(recipe: Recipe, optimizer: torch.optim.Optimizer, factors: Moves) -> None:
    """Multiply the recipe's learning rate of each unit by its factor; the head keeps its own."""
    for group in optimizer.param_groups:
        distance = group["distance"]
        factor = factors[-distance] if distance else 1.0
        group["lr"] = group["initial_lr"] = factor * _rate(recipe, distance)


def _rate(recipe: Recipe, distance: int) -> float:
    decay = recipe.layer_decay if isinstance(recipe, NetworkRecipe) else 1.0
    return recipe.learning_rate * decay**distance


def schedule_of(
    recipe: Recipe, optimizer: torch.optim.Optimizer, total: int, done: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if recipe.schedule == "constant":
        return None

    def factor(step: int) -> float:
        share = min(done + step, total) / total
        if recipe.schedule == "staircase":
            fifth = 5 * share
            return min(1.0, fifth + 5 / total) if fifth < 1 else 0.1 ** (int(min(fifth, 4)) - 1)
        if recipe.schedule == "poly":
            return float((1 - share) ** 0.9)
        return 0.5 * (1 + math.cos(math.pi * share))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
