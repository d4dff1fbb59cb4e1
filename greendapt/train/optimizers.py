"""The optimiser of a recipe, and its learning rate over all steps."""

from __future__ import annotations

import math

import torch
from torch import nn

from greendapt.suite.recipes import Recipe


def optimizer_of(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    lr, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr, momentum=0.9, nesterov=True, weight_decay=decay, fused=True
        )
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr, weight_decay=decay, fused=True)


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
