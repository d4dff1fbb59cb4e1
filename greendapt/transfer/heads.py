"""MLP heads on frozen features: the paper's downstream evaluation."""

from __future__ import annotations

from torch import Tensor, nn

from greendapt.models.network import Standardize, mlp
from greendapt.suite.recipes import Probe
from greendapt.train.cost import head_cost
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training, fit
from greendapt.train.phase import Trained


def make_head(probe: Probe, features: Tensor, outputs: int, seed: int) -> nn.Sequential:
    """The probe's MLP for features [N, D], standardised by those where the probe says so."""
    head = mlp(features.shape[1], probe.hidden, outputs, seed)
    if probe.standardize:
        head.insert(0, Standardize(features))
    return head


def train_probe(
    head: nn.Module, train: Examples, val: Examples, probe: Probe, training: Training
) -> Trained:
    """Train ``head`` in place on stored features [N, D]."""
    head.to(training.engine.device).train()
    done = fit(head, head, train, val, probe, training)
    cost = head_cost(head, train.inputs.shape[1])
    parameters = sum(p.numel() for p in head.parameters())
    return Trained(done, parameters, cost.of(done, 0), 0, cost.uncounted)
