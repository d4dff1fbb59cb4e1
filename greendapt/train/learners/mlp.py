"""Objectives with an MLP on pooled features: labels, and two views of an image."""

from __future__ import annotations

from abc import abstractmethod

from greendapt.models.backbone import Backbone
from greendapt.models.network import Network, mlp
from greendapt.train.constant_prefix import feature_size
from greendapt.train.learners.base import Learner
from greendapt.train.objectives import LOSSES, Loss

PROJECTION = (256, 64)
"""SimCLR's head: one hidden layer, and the width of its output."""


class OnFeatures(Learner):
    @property
    @abstractmethod
    def head(self) -> tuple[int, ...]:
        """Widths of the hidden layers, and of the output."""

    def network(self, backbone: Backbone, image_size: int, seed: int) -> Network:
        *hidden, outputs = self.head
        head = mlp(feature_size(backbone, image_size), hidden, outputs, seed)
        return Network(backbone, head, self.views)


class Supervised(OnFeatures):
    @property
    def head(self) -> tuple[int, ...]:
        return (self.outputs,)

    def loss(self, network: Network, task: str) -> Loss:
        del network
        return LOSSES[task]


class Contrastive(OnFeatures):
    """SimCLR."""

    @property
    def views(self) -> int:
        return 2

    @property
    def head(self) -> tuple[int, ...]:
        return PROJECTION

    def loss(self, network: Network, task: str) -> Loss:
        del network, task
        return LOSSES["simclr"]
