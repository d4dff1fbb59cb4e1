"""What an objective is to a training: a network with its head, and a loss of what that gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module

from greendapt.core.registry import PluginError
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.objectives import Objective
from greendapt.train.objectives import Loss


class Learner(ABC):
    """An objective on a pool of ``outputs`` classes (0: without labels)."""

    def __init__(self, objective: Objective, outputs: int) -> None:
        self.objective, self.outputs = objective, outputs

    @property
    def views(self) -> int:
        """Of an image, that go through the network as images of their own: `Network.views`."""
        return 1

    @property
    def head(self) -> tuple[int, ...] | Objective:
        """What its cost is counted by: the widths of an MLP on pooled features, else itself."""
        return self.objective

    @abstractmethod
    def network(self, backbone: Backbone, image_size: int, seed: int) -> Network:
        """``backbone`` with a head, whose weights are drawn from ``seed`` alone.

        One of a kind of its own says so in ``settings``, and is not ``resumable``. Raises
        ModelError for a backbone that cannot learn so.
        """

    @abstractmethod
    def loss(self, network: Network, task: str) -> Loss:
        """Of what ``network`` gives, and of targets on a pool of this ``task``, to a scalar.

        Of a whole batch on every rank, so it may compare images: all first rows of the images
        before all second ones.
        """


def learner_of(objective: Objective, outputs: int) -> Learner:
    """Raises PluginError where another package's cannot be loaded."""
    module, _, attribute = objective.learner.partition(":")
    try:
        kind = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"the objective '{objective.name}' cannot be loaded: {error}; "
            "mend or uninstall its package"
        ) from error
    learner: Learner = kind(objective, outputs)
    return learner
