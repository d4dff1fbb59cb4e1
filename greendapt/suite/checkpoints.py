"""Strategies whose last phase keeps checkpoints: each kept epoch is a strategy of its own."""

from __future__ import annotations

from collections.abc import Iterator

from greendapt.core.errors import SuiteError
from greendapt.suite.models import Strategy, Suite
from greendapt.suite.recipes import Phase, Use


def kept_epochs(suite: Suite, strategy: str) -> dict[str, int]:
    """Name -> epochs of the last phase, in rising order, ``strategy`` itself last; empty where
    its last phase keeps no checkpoint."""
    *_, last = suite.phases(strategy) or [None]
    if last is None or last.until is not None or not last.keep_checkpoints:
        return {}
    kept = last.keep_checkpoints
    every = range(kept, last.epochs, kept) if isinstance(kept, int) else sorted({*kept})
    before = {f"{strategy}@{epochs}": epochs for epochs in every if epochs < last.epochs}
    return {**before, strategy: last.epochs}


def with_checkpoints(suite: Suite) -> Suite:
    """The suite with a strategy ``NAME@EPOCH`` for each checkpoint, run before ``NAME``.

    SuiteError for phases that cannot keep any.
    """
    problems = [problem for name in suite.run.strategies for problem in _problems(suite, name)]
    added: dict[str, Strategy] = {}
    for name in suite.strategy:
        for of, epochs in kept_epochs(suite, name).items():
            if of != name:
                added[of] = _at(suite.strategy[name], epochs)
                if of in suite.strategy:
                    problems.append(f"strategy.{of}: the name of a checkpoint of {name}")
    if problems:
        raise SuiteError("\n".join(problems))
    run = dict.fromkeys(
        of for name in suite.run.strategies for of in (*kept_epochs(suite, name), name)
    )
    return suite.model_copy(
        update={
            "strategy": suite.strategy | added,
            "run": suite.run.model_copy(update={"strategies": tuple(run)}),
        }
    )


def _at(strategy: Strategy, epochs: int) -> Strategy:
    *before, last = strategy.phases or ("",)
    use = Use(use=last) if isinstance(last, str) else last
    about = f"{strategy.about}: after {epochs} epochs" if strategy.about else ""
    ends = (*before, use.model_copy(update={"until": epochs}))
    return strategy.model_copy(update={"about": about, "phases": ends})


def _problems(suite: Suite, name: str) -> Iterator[str]:
    *before, last = suite.phases(name) or [None]
    if any(phase.keep_checkpoints for phase in before if phase):
        yield f"strategy.{name}: keep_checkpoints is for the last phase only"
    for phase in (*before, last):
        if phase and phase.save_every:
            yield from (f"strategy.{name}: {why}" for why in _refused(phase, "save_every"))
    if last is None or not last.keep_checkpoints:
        return
    if not suite.strategy[name].phases:
        yield f"strategy.{name}: keep_checkpoints needs a phase of its own, not its base's"
    yield from (f"strategy.{name}: {why}" for why in _refused(last, "keep_checkpoints"))


def _refused(phase: Phase, key: str) -> Iterator[str]:
    if phase.stop is not None:
        yield f"{key} needs a phase without a stop rule"
    if phase.min_steps:
        yield f"{key} needs min_steps = 0, so that epochs are what epochs says"
    if phase.select == "best" and phase.development_scores:
        yield f"scores are of an epoch, so that {key} beside them needs select = 'last'"
