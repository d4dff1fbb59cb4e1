"""Tell by how many quarters an image was turned (Gidaris et al. 2018, arXiv 1803.07728)."""

from typing import ClassVar, Literal

import torch
from torch.nn import functional

from greendapt.models.network import Network, mlp
from greendapt.suite.objectives import Objective
from greendapt.train.constant_prefix import feature_size
from greendapt.train.learners.base import Learner
from greendapt.train.objectives import mean_of_images


class Turns(Objective):
    learner: ClassVar = "sample_plugin.objective:TurnsLearner"

    name: Literal["turns"] = "turns"
    hidden: int = 16


class TurnsLearner(Learner):
    def network(self, backbone, image_size, seed):
        head = mlp(feature_size(backbone, image_size), (self.objective.hidden,), 4, seed)
        network = Turned(backbone, head)
        network.settings = self.objective
        return network

    def loss(self, network, task):
        del network, task  # the network has taken it
        return mean_of_images


class Turned(Network):
    resumable = False

    def inputs(self, images, views):
        turns = (4 * views.uniform(images, 1)[:, 0]).long()
        ways = torch.stack([views(images).rot90(quarter, (2, 3)) for quarter in range(4)])
        turned = ways[turns, torch.arange(len(images), device=images.device)]
        return self.backbone.prepare(turned), turns

    def forward(self, x, turns):
        return functional.cross_entropy(self.head(self.backbone(x)), turns, reduction="none")
