"""MLP heads on frozen features: the paper's downstream evaluation."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from greendapt.models.network import Standardize, mlp
from greendapt.suite.recipes import Probe
from greendapt.train.cost import head_cost
from greendapt.train.loop import Engine, Examples, fit
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import Trained


def make_head(probe: Probe, features: Tensor, outputs: int, seed: int) -> nn.Sequential:
    """The probe's MLP for features [N, D], standardised by those where the probe says so."""
    head = mlp(features.shape[1], probe.hidden, outputs, seed)
    if probe.standardize:
        head.insert(0, Standardize(features))
    return head


def train_probe(
    head: nn.Module,
    train: Examples,
    val: Examples,
    *,
    probe: Probe,
    loss: str,
    seed: int,
    engine: Engine,
    on_progress: Callable[[float], None],
) -> Trained:
    """Train ``head`` in place on stored features [N, D]."""
    head.to(engine.device).train()
    done = fit(
        head,
        head,
        train,
        val,
        recipe=probe,
        loss=LOSSES[loss],
        seed=seed,
        engine=engine,
        on_progress=on_progress,
    )
    cost = head_cost(head, train.inputs.shape[1])
    parameters = sum(p.numel() for p in head.parameters())
    return Trained(done, parameters, cost.of(done, 0), 0, cost.uncounted)
