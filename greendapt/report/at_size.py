"""What was asked on a small pool, for a large one: costs grow with it, qualities are not known."""

from __future__ import annotations

from dataclasses import replace

from greendapt.core.errors import RunError
from greendapt.core.figures import Figure, Quality
from greendapt.core.records import Row
from greendapt.store.runinfo import RunData
from greendapt.suite.models import Suite


def at_size(run: RunData, images: int) -> RunData:
    """The run, its cells costing what they would with a pool of so many ``images``.

    Adaptation goes over as many epochs, and costs in proportion; transfer costs what it does here;
    what the run itself cost stays. Raises RunError where that cannot be told.
    """
    here = _images(run)
    suite, data = run.info.suite, run.info.data
    _check(suite, here, images)
    rows = [_scaled(row, images / here, f"for {images:,} images") for row in run.summary.rows]
    # the pool is another one now, and "here" would be told of it
    pool = data.pool.model_copy(update={"images": None})
    info = run.info.model_copy(update={"data": data.model_copy(update={"pool": pool})})
    return replace(run, info=info, summary=run.summary.model_copy(update={"rows": rows}))


def size_sentences(run: RunData, images: int) -> tuple[str, ...]:
    """What is predicted of a pool of so many images and what is not; ``run``: as it ran."""
    here = _images(run)
    return (
        f"Costs are those of a pool of {images:,} images (here {here:,}): of adaptation "
        f"{images / here:.3g} times what it took, of transfer the same.",
        f"Qualities, and how sure they are, are those of {here:,} images: what a pool of another "
        "size does to them is not known, and strategies that train more may gain more by it.",
    )


def check_one_pool(suite: Suite) -> None:
    """Raises RunError where strategies adapt on pools of their own."""
    if any(suite.pool(name) is not None for name in suite.run.strategies):
        raise RunError(
            "at-size: strategies of this suite adapt on pools of their own, so that their size is "
            "a part of the question (see Scale in the report); leave it out"
        )


def _images(run: RunData) -> int:
    """Of the pool of every strategy. Raises RunError."""
    check_one_pool(run.info.suite)
    images = run.info.data.pool.images
    if not images:
        raise RunError("at-size: how large the pool of this run was is not known; leave it out")
    return images


def _check(suite: Suite, here: int, there: int) -> None:
    """Raises RunError where a phase goes over the larger pool less often."""
    trained = 1 - suite.data.pool_validation
    for name in suite.run.strategies:
        for phase in suite.phases(name):
            if phase.epochs_on(round(here * trained)) != phase.epochs_on(round(there * trained)):
                raise RunError(
                    f"at-size {there}: strategy '{name}' has a phase with min_steps, which goes "
                    f"over {there:,} images another number of times than over {here:,}; what that "
                    "costs is not known. Leave at-size out, or min_steps"
                )


def _scaled(row: Row, ratio: float, why: str) -> Row:
    """Its adaptation so many times as costly, where it adapts at all."""
    part = row.parts.get("adaptation", {})
    growing = {name: one for name, one in part.items() if name != "peak_memory_bytes"}
    grown = {name: _times(one, ratio, why) for name, one in growing.items()}
    whole = {
        name: _times(before, _factor(before, one, ratio), why)
        for name, one in growing.items()
        if (before := getattr(row, name, None)) is not None
    }
    parts = row.parts | {"adaptation": part | grown} if part else row.parts
    return row.model_copy(update={**whole, "parts": parts})


def _factor(whole: Figure, part: Figure, ratio: float) -> float | None:
    """Of the whole where a part of it grows so much; None where one of them is not known."""
    if whole.value is None or part.value is None:
        return None
    return 1 + (ratio - 1) * part.value / whole.value if whole.value else 1.0


def _times(figure: Figure, factor: float | None, why: str) -> Figure:
    if factor is None or figure.value is None:
        return Figure.unavailable(figure.unit, f"{figure.source}; {why}")
    scaled = figure.scaled(factor, figure.unit, why)
    return scaled.model_copy(update={"quality": Quality.ESTIMATED})
