"""DINO (Caron et al. 2021, arXiv 2104.14294): a student is to say of every view of an image what
its own moving average, the teacher, says of another, whole view.

The teacher's answers are centred and sharpened, so that not all images get the same one.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from greendapt.core.errors import ModelError
from greendapt.data.augment import Views
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.objectives import Dino, Objective
from greendapt.train.constant_prefix import activation_shape, feature_size
from greendapt.train.learners.base import Learner
from greendapt.train.learners.patches import patch_side
from greendapt.train.objectives import Loss

WHOLE = (0.4, 1.0)
LOCAL = (0.05, 0.4)
"""Shares of an image's area in whole and small crops: the paper's, of both."""


class SelfDistillation(Learner):
    def network(self, backbone: Backbone, image_size: int, seed: int) -> Network:
        return Distilled(backbone, self.objective, image_size, seed)

    def loss(self, network: Network, task: str) -> Loss:
        del task
        assert isinstance(network, Distilled)
        return network.loss


class Projection(nn.Module):
    """Three layers, then the cosine to each of ``outputs`` prototypes [B, K] (a last layer whose
    weights are normalised, of gain 1)."""

    def __init__(self, width: int, hidden: int, bottleneck: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(width, hidden), nn.GELU()),
            *(nn.Linear(hidden, hidden), nn.GELU()),
            nn.Linear(hidden, bottleneck),
        )
        self.prototypes = nn.Linear(bottleneck, outputs, bias=False)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.trunc_normal_(part.weight, std=0.02)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.normalize(self.layers(x), dim=1)
        return functional.linear(x, functional.normalize(self.prototypes.weight, dim=1))


class Distilled(Network):
    """``forward``: two whole views [2B, C, S, S] and, if any, small crops [V * B, C, s, s] to rows
    [(2 + V + 2) * B, K]: the student's of all views, then the teacher's of the whole ones."""

    resumable = False
    teacher: Network
    centre: Tensor

    def __init__(self, backbone: Backbone, settings: Objective, image_size: int, seed: int) -> None:
        assert isinstance(settings, Dino)
        width = feature_size(backbone, image_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = Projection(width, settings.hidden, settings.bottleneck, settings.outputs)
        super().__init__(backbone, head)
        self.settings: Dino = settings
        self.side = _side(backbone, image_size, settings.local_side)
        self.register_buffer("centre", torch.zeros(settings.outputs))

    def begin(self) -> None:
        """The teacher starts as the student, with what trains and in which modes."""
        self.teacher = copy.deepcopy(Network(self.backbone, self.head))
        self.teacher.requires_grad_(False)

    def inputs(self, images: Tensor, views: Views) -> tuple[Tensor, ...]:
        whole = torch.cat([views(images, WHOLE) for _ in range(2)])
        count = self.settings.local_views
        small = [views(images, LOCAL, self.side) for _ in range(count)]
        crops = (self.backbone.prepare(torch.cat(small)),) if small else ()
        return self.backbone.prepare(whole), *crops

    def forward(self, whole: Tensor, *crops: Tensor) -> Tensor:  # type: ignore[override]
        student = [self.head(self.backbone(x)) for x in (whole, *crops)]
        with torch.no_grad():
            teacher = self.teacher(whole)
        return torch.cat([*student, teacher])

    def loss(self, rows: Tensor, _targets: Tensor) -> Tensor:
        """Cross-entropy of every pair of a teacher's and another student's view (eq. 3), averaged;
        while it trains the centre follows the teacher's mean (eq. 4)."""
        settings = self.settings
        views = 2 + settings.local_views
        rows = rows.float().view(views + 2, -1, settings.outputs)
        student, teacher = rows[:views], rows[views:].detach()
        said = (student / settings.student_temperature).log_softmax(-1)
        wanted = ((teacher - self.centre) / settings.teacher_temperature).softmax(-1)
        losses = [
            -(wanted[t] * said[s]).sum(-1).mean() for t in range(2) for s in range(views) if s != t
        ]
        if self.training:
            self.centre.lerp_(teacher.mean((0, 1)), 1 - settings.centre_momentum)
        return torch.stack(losses).mean()

    @torch.no_grad()
    def stepped(self, share: float) -> None:
        momentum = 1 - (1 - self.settings.momentum) * (1 + math.cos(math.pi * share)) / 2
        for student, teacher in zip(self._own(), self.teacher.parameters(), strict=True):
            if student.requires_grad:
                teacher.lerp_(student, 1 - momentum)

    def _own(self) -> list[nn.Parameter]:
        return [*self.backbone.parameters(), *self.head.parameters()]

    def finish(self) -> None:
        if self.settings.keep == "teacher":
            self.backbone.load_state_dict(self.teacher.backbone.state_dict())
            self.head.load_state_dict(self.teacher.head.state_dict())


def _side(backbone: Backbone, image_size: int, local_side: int) -> int:
    """Of a small crop in pixels, in whole patches, not below what most networks end in one place
    of; that of the image where the network takes no other size."""
    patch = patch_side(backbone)
    side = patch * round(max(32, local_side * image_size / 224) / patch)
    try:
        activation_shape(backbone, side, len(backbone.units))
    except ModelError:
        return image_size
    return min(side, image_size)
