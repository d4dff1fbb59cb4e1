"""How often 95% intervals over patients hold what many patients say, metric by metric: the table
of docs/reading-a-report.md.

    python tests/benchmarks/clinical_table.py [SAMPLES]

Of one finding whose logit is 1 higher, with normal noise, where it is there; the threshold stays.
These probabilities are true, so that every calibration error seen is that of few images.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from greendapt.core.metrics import PATIENTS_OF
from greendapt.stats.crossed import interval_alone
from greendapt.transfer.clinical import CLINICAL, judge_at
from greendapt.transfer.metrics import judge

SIZES = (40, 100, 250, 1000)
SHARES = (0.5, 0.1)  # of patients with the finding
TRUTH = 200_000
DRAWS = 200


def made(count: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, 1), true on average, and targets (N, 1)."""
    draw = np.random.default_rng(seed)
    labels = (draw.random((count, 1)) < share).astype(float)
    prior = np.log(share / (1 - share))
    return draw.normal(size=(count, 1)) + labels - 0.5 + prior, labels


def held(count: int, share: float, samples: int) -> dict[str, float | None]:
    """The share of samples whose interval holds the truth, by metric; a sample that has no interval
    (a class that fewer than two patients have) is left out."""
    at = np.full(1, np.log(share / (1 - share)))
    truth, _ = judge_at(at, *made(TRUTH, share, 99), np.arange(TRUTH), ("it",))
    hits: dict[str, list[bool]] = {metric: [] for metric in CLINICAL}
    for seed in range(samples):
        one = made(count, share, seed)
        said, drawn = judge_at(at, *one, np.arange(count), ("it",), bootstrap=DRAWS)
        for metric in CLINICAL:
            of = said[PATIENTS_OF[metric]] if metric in PATIENTS_OF else count
            low, high = interval_alone(said[metric], drawn[metric], of)
            if low is not None and high is not None:
                hits[metric].append(low <= truth[metric] <= high)
    return {metric: float(np.mean(of)) if of else None for metric, of in hits.items()}


def seeming_error(count: int, share: float, samples: int) -> float:
    """The mean calibration error of networks whose probabilities are true."""
    errors = []
    for seed in range(samples):
        logits, labels = map(torch.from_numpy, made(count, share, seed))
        errors.append(judge(logits, labels, np.arange(count), ("it",))["ece"])
    return float(np.mean([one for one in errors if one is not None]))


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"| patients | with the finding | {' | '.join(CLINICAL)} | calibration error seen |")
    print(f"| ---: | ---: |{' ---: |' * len(CLINICAL)} ---: |")
    for share in SHARES:
        for count in SIZES:
            of = held(count, share, samples).values()
            told = " | ".join("n/a" if one is None else f"{100 * one:.1f}%" for one in of)
            seen = seeming_error(count, share, samples)
            print(f"| {count} | {100 * share:.0f}% | {told} | {seen:.3f} |", flush=True)


if __name__ == "__main__":
    main()
