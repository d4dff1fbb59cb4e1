"""Errors a user can act on: what happened, where, and what to do."""


class GreendaptError(Exception):
    """Base of every error that ends a command with one clear sentence.

    ``exit_code`` is the process exit status (2: usage or bad input, 4: a cell failed).
    """

    exit_code = 2


class SuiteError(GreendaptError):
    """A suite file, a flag or a ``--set`` value does not say something runnable."""


class DataError(GreendaptError):
    """A dataset cannot be used as it is."""


class WeightsError(GreendaptError):
    """Weights are missing, unreadable, or do not fit the backbone."""


class ModelError(GreendaptError):
    """A backbone is unknown or has no stages that greendapt can address."""


class MeterError(GreendaptError):
    """A meter was asked for something it cannot give."""


class RunError(GreendaptError):
    """A run folder cannot be read, written or resumed."""


class Stopped(GreendaptError):
    """The user stopped a run; it can be resumed."""

    exit_code = 130


class TrainingFailed(GreendaptError):
    """A training cannot go on; under torchrun every rank sees it in the same step."""

    exit_code = 4


class CellFailed(GreendaptError):
    """At least one cell failed; the others ran and the report names it."""

    exit_code = 4
