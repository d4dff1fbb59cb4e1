"""Every seed of a run in one place: what draws from which stream, and who shares one.

A stream that names no strategy is shared by all of them: strategies are compared under the same
draw, paired by seed. The numbers are part of what a key stands for and never change.
"""

from __future__ import annotations

from greendapt.core.keys import seed_of

POOL_SPLIT = 0
"""Which of the pool's patients choose the epoch: the same for the whole run."""
CORRUPTION = 0
"""Noise of corrupted copies: the same for every network that is judged."""


def of_stage(key: str) -> int:
    """torch's global stream (dropout) while a stage is done, and the views of a stored prefix."""
    return seed_of(key)


def of_pretraining(fractal_seed: int) -> int:
    """First weights, head and batches of generic pre-training: no cell's seed moves them."""
    return seed_of(f"pretrain {fractal_seed}")


def of_weights(seed: int | None) -> int:
    """Random generic weights; shared by strategies. None: weights that no seed decides."""
    return seed or 0


def of_pool_head(seed: int) -> int:
    """The head that a phase trains on the pool: shared by strategies and phases."""
    return seed_of(f"{seed}")


def of_phase(position: int, seed: int) -> int:
    """Batches and views of a phase: shared by all strategies' phases at this position."""
    return seed_of(f"adapt {position} {seed}")


def of_looks(seed: int) -> int:
    """Which images a score looks at, and the score's own draws: shared by strategies."""
    return seed_of(f"look {seed}")


def of_shots(seed: int) -> int:
    """Which images few-shot shows: shared by strategies, transfers and splits."""
    return seed


def of_downstream(seed: int) -> int:
    """Head and batches of a probe, a fine-tuning or a U-Net: shared by strategies."""
    return seed_of(f"head {seed}")
