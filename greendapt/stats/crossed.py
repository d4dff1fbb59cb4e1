"""The error of a score that was seen on some seeds and some patients: both count, crossed.

Every network of a run is judged on the same patients, and the networks of one seed share splits and
initial weights. So a mean over seeds errs twice: other seeds would train other networks, other
patients would judge them otherwise. The model is that of crossed readers and cases (Obuchowski,
Rockette 1995; Gallas 2006), with seeds for readers: the patients' part comes from one bootstrap
over patients that all networks share, so that differences are paired by patient; the seeds' part
from the spread over seeds, its variance moderated over strategies (Smyth 2004), so that differences
are paired by seed and three seeds suffice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

from greendapt.stats.intervals import Interval
from greendapt.stats.seed_spread import Prior, guided_variances, moderated_variances

Floats = NDArray[np.float64]
Basis = Literal["seeds and patients", "patients", "seeds", "none"]
"""What an interval covers the chance of."""

DRAWS = 4000
_ENOUGH_TO_SHRINK = 4
_ENOUGH_TO_TELL = 8  # degrees of freedom
_SPREADS = np.geomspace(5e-4, 0.5, 28)  # of true means between strategies
_WILSON = 3.841  # the 95% quantile of chi-squared with one degree of freedom


@dataclass(frozen=True)
class Sample:
    """What one strategy reached: ``values`` by seed.

    ``draws``, by seed: the same metric on patients drawn anew, (B,), of the same patients for every
    sample; empty where they are not known. ``patients``: how many there are, 0 where not known.
    """

    values: Mapping[int, float]
    draws: Mapping[int, Floats] = field(default_factory=dict)
    patients: int = 0

    def only(self, seeds: Sequence[int]) -> Sample:
        """Of these seeds, in that order."""
        draws = {seed: self.draws[seed] for seed in seeds if seed in self.draws}
        return Sample({seed: self.values[seed] for seed in seeds}, draws, self.patients)


@dataclass(frozen=True)
class Crossed:
    """Means over seeds of K strategies and how they err together.

    ``patients``: (B, K) deviations of the means on patients drawn anew, B 0 where not known.
    ``seeds``: (K, K) covariance of the means over the choice of seeds, beside what ``patients``
    holds of it. ``freedom``: degrees of freedom of ``seeds``, for a mean and for a difference.
    ``least`` and ``most``: what the metric can be. ``guided``: the spread over seeds rests on other
    runs, too.
    """

    names: tuple[str, ...]
    means: Floats
    patients: Floats
    seeds: Floats
    freedom: tuple[float, float]
    basis: Basis
    cases: int = 0
    least: float = 0.0
    most: float = 1.0
    guided: bool = False

    def interval(self, name: str, level: float = 0.95) -> Interval:
        """Of a mean, on the logit scale (log, where there is no most): it stays within range."""
        at = self.names.index(name)
        mean = float(self.means[at])
        if self.basis == "none":
            return Interval(mean, None, None)
        weights = np.zeros(len(self.names))
        weights[at] = 1.0
        error, freedom = self._error(weights, self.freedom[0])
        quantile = float(stdtrit(freedom, (1 + level) / 2))
        return self._transformed(mean, error, quantile)

    def difference(self, ours: str, theirs: str, level: float = 0.95) -> Interval:
        """Ours less theirs, paired by seed and by patient."""
        one, other = self.names.index(ours), self.names.index(theirs)
        mean = float(self.means[one] - self.means[other])
        if self.basis == "none":
            return Interval(mean, None, None)
        weights = np.zeros(len(self.names))
        weights[one] += 1.0
        weights[other] -= 1.0
        error, freedom = self._error(weights, self.freedom[1])
        half = float(stdtrit(freedom, (1 + level) / 2)) * error
        widest = self.most - self.least
        return Interval(mean, max(-widest, mean - half), min(widest, mean + half))

    def joint(self, n: int = DRAWS, seed: int = 0) -> Floats:
        """``n`` plausible sets of true means, (n, K): what decides between strategies."""
        generator = np.random.default_rng(seed)
        count = len(self.names)
        normal = generator.standard_normal((n, count))
        scale = np.sqrt(self._difference_freedom / generator.chisquare(self._difference_freedom, n))
        drawn: Floats = self.means + (normal @ self._root) * scale[:, None]
        if len(self.patients):
            drawn = drawn + self.patients[generator.integers(len(self.patients), size=n)]
        return drawn

    def shrunken(self, n: int = DRAWS, seed: int = 0) -> Floats:
        """As `joint`, (n, K), with the true means drawn from one normal distribution of unknown
        centre and spread (flat priors; Gelman 2006): who looks best in a run was lucky, too.

        For descriptions such as the front's probability. Below four strategies it is `joint`.
        """
        count = len(self.names)
        if count < _ENOUGH_TO_SHRINK:
            return self.joint(n, seed)
        generator, freedom = np.random.default_rng(seed), self._difference_freedom
        error = self.seeds + (np.cov(self.patients.T) if len(self.patients) else 0.0)
        logs, parts = [], []
        for spread in _SPREADS:
            own = spread**2 * np.eye(count)
            inverse = np.linalg.inv(error + own)
            centre_variance = 1 / inverse.sum()
            residual = self.means - centre_variance * inverse.sum(axis=0) @ self.means
            kept = own @ inverse
            lost = (np.eye(count) - kept).sum(axis=1)
            covariance = own - kept @ own + centre_variance * np.outer(lost, lost)
            parts.append((self.means - residual + kept @ residual, _root_of(covariance)))
            distance = math.log1p(residual @ inverse @ residual / freedom)
            logs.append(
                0.5 * (np.linalg.slogdet(inverse)[1] + math.log(centre_variance))
                - 0.5 * (freedom + count - 1) * distance
            )
        weights = np.exp(np.array(logs) - max(logs)) * np.gradient(_SPREADS)
        chosen = generator.choice(len(parts), size=n, p=weights / weights.sum())
        scale = np.sqrt(freedom / generator.chisquare(freedom, n))[:, None]
        normal = generator.standard_normal((n, count)) * scale
        drawn: Floats = np.empty((n, count))
        for place, (mean, root) in enumerate(parts):
            at = chosen == place
            drawn[at] = mean + normal[at] @ root
        return drawn

    def regret(self, margin: float) -> dict[str, float]:
        """Each strategy's probability to be worse than the best one by more than ``margin``."""
        drawn = self.joint()
        worse = drawn.max(axis=1, keepdims=True) - drawn > margin
        return dict(zip(self.names, worse.mean(axis=0).tolist(), strict=True))

    def with_more(self, *, seeds: float = 1.0, patients: float = 1.0) -> Crossed:
        """The same means, known from so many times the seeds and the patients."""
        return replace(
            self,
            seeds=self.seeds / seeds,
            patients=self.patients / math.sqrt(patients),
            freedom=(self.freedom[0] * seeds, self.freedom[1] * seeds),
        )

    @property
    def _difference_freedom(self) -> float:
        return max(1.0, min(self.freedom[1], 1e6))

    @cached_property
    def _root(self) -> Floats:
        return _root_of(self.seeds)

    def _error(self, weights: Floats, freedom: float) -> tuple[float, float]:
        """Standard error of a weighted sum of means, and its degrees of freedom (Satterthwaite)."""
        by_seeds = max(0.0, float(weights @ self.seeds @ weights))
        by_patients = float(np.var(self.patients @ weights)) if len(self.patients) else 0.0
        total = by_seeds + by_patients
        of_cases = self.cases - 1 if self.cases > 1 else math.inf
        spent = by_seeds**2 / freedom + by_patients**2 / of_cases
        return math.sqrt(total), total**2 / spent if spent else math.inf

    def _transformed(self, mean: float, error: float, quantile: float) -> Interval:
        if math.isinf(self.most):
            if mean <= self.least or error == 0:
                return Interval(mean, mean, mean)
            above = mean - self.least
            factor = math.exp(quantile * error / above)
            return Interval(mean, self.least + above / factor, self.least + above * factor)
        width = self.most - self.least
        share = (mean - self.least) / width
        if share <= 0 or share >= 1 or error == 0:
            return self._at_the_end(mean, share)
        half = quantile * error / width / (share * (1 - share))
        low, high = expit(logit(share) + np.array([-half, half])).tolist()
        return Interval(mean, self.least + width * low, self.least + width * high)

    def _at_the_end(self, mean: float, share: float) -> Interval:
        """A bootstrap of a perfect score knows no error; so many patients leave room for one
        (Wilson 1927)."""
        if not self.cases or 0 < share < 1:
            return Interval(mean, mean, mean)
        room = (self.most - self.least) * _WILSON / (self.cases + _WILSON)
        return (
            Interval(mean, mean, mean + room) if share <= 0 else Interval(mean, mean - room, mean)
        )


def crossed(
    samples: Mapping[str, Sample],
    least: float = 0.0,
    most: float = 1.0,
    prior: Prior | None = None,
) -> Crossed:
    """The error model of strategies that were compared. Raises ValueError for a sample without
    values, or whose draws differ in number.

    ``prior`` guides the spread over seeds until there are seeds enough to tell it.
    """
    names = tuple(samples)
    of = [samples[name] for name in names]
    if not of or any(not sample.values for sample in of):
        raise ValueError("an error model needs at least one value a strategy")
    seeds = sorted({seed for sample in of for seed in sample.values})
    values = np.array([[sample.values.get(seed, math.nan) for seed in seeds] for sample in of])
    present = ~np.isnan(values)
    means = np.array([row[here].mean() for row, here in zip(values, present, strict=True)])
    draws = _draws(of, seeds)
    several = int(present.sum(axis=1).max()) > 1
    shape = (len(names), len(names))
    if draws is not None:
        deviations, shared = _patients(draws, present)
    else:
        deviations, shared = np.empty((0, len(names))), np.zeros(shape)
    covariance, freedom = np.zeros(shape), (math.inf, math.inf)
    guess = None
    if prior is not None and (present.sum(axis=1) - 1).sum() < _ENOUGH_TO_TELL:
        guess = prior.variances((means - least) / (most - least)), prior.freedom
    several = several or guess is not None
    if several:
        spread, freedom = _seed_covariance(values, present, guess)
        together = present.astype(float) @ present.T
        counts = present.sum(axis=1).astype(float)
        own = _positive(spread - shared)
        covariance = own * together / np.outer(counts, counts)
    lost = draws is None and any(len(kept) for one in of for kept in one.draws.values())
    # patients that cannot vary (one has a class) are no reason to trust seeds that agree
    covered = [
        word
        for word, is_so in (("seeds", several and not lost), ("patients", draws is not None))
        if is_so
    ]
    basis: Basis = " and ".join(covered) or "none"  # type: ignore[assignment]
    cases = max(sample.patients for sample in of)
    guided = guess is not None
    return Crossed(names, means, deviations, covariance, freedom, basis, cases, least, most, guided)


def interval_alone(
    value: float | None, draws: Floats, patients: int
) -> tuple[float | None, float | None]:
    """Of one network's metric in 0 to 1, over the choice of patients; None where not known."""
    if value is None:
        return None, None
    _, low, high = crossed({"it": Sample({0: value}, {0: draws}, patients)}).interval("it")
    return low, high


def _draws(of: Sequence[Sample], seeds: Sequence[int]) -> Floats | None:
    """(K, S, B), zeros where there is no value; None where any value lacks its draws."""
    lengths = {len(sample.draws.get(seed, ())) for sample in of for seed in sample.values}
    if lengths == {0} or 0 in lengths:
        return None
    if len(lengths) > 1:
        raise ValueError("all samples need the same number of draws")
    table = np.zeros((len(of), len(seeds), lengths.pop()))
    for k, sample in enumerate(of):
        for s, seed in enumerate(seeds):
            if seed in sample.values:
                table[k, s] = sample.draws[seed]
    known = ~np.isnan(table).any(axis=(0, 1))  # a draw without a positive has no AUC
    return table[:, :, known] if known.sum() > 1 else None


def _patients(draws: Floats, present: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Deviations of the means (B, K), and (K, K) what seeds and patients share: by how much the
    covariance over patients of two networks of one seed exceeds that of two seeds."""
    counts = present.sum(axis=1).astype(float)
    centred = (draws - draws.mean(axis=2, keepdims=True)) * present[:, :, None]
    sums = centred.sum(axis=1)
    n = draws.shape[2] - 1
    pairs = present.astype(float) @ present.T
    same = np.einsum("ksb,jsb->kj", centred, centred, optimize=True) / n
    every = sums @ sums.T / n
    others = np.outer(counts, counts) - pairs
    within = np.divide(same, pairs, out=np.zeros_like(same), where=pairs > 0)
    across = np.divide(every - same, others, out=within.copy(), where=others > 0)
    return (sums / counts[:, None]).T, within - across


def _seed_covariance(
    values: Floats, present: NDArray[np.bool_], guess: tuple[Floats, float] | None
) -> tuple[Floats, tuple[float, float]]:
    """(K, K) covariance of one seed's scores: moderated variances, one correlation for all pairs.

    And the degrees of freedom that stand behind a variance and behind that of a difference.
    """
    freedom = np.maximum(present.sum(axis=1) - 1, 0).astype(float)
    variances = np.array(
        [
            row[here].var(ddof=1) if here.sum() > 1 else 0.0
            for row, here in zip(values, present, strict=True)
        ]
    )
    if guess is None:
        moderated, prior = moderated_variances(variances, freedom)
    else:
        moderated, prior = guided_variances(variances, freedom, *guess), guess[1]
    correlation = _correlation(values, variances)
    deviations = np.sqrt(moderated)
    covariance = correlation * np.outer(deviations, deviations)
    np.fill_diagonal(covariance, moderated)
    count, total = int((freedom > 0).sum()), float(freedom.sum())
    typical = total / max(count, 1)
    own = prior + typical
    if guess is not None:
        return covariance, (own, own)
    # seeds that move all strategies alike tell less than so many strategies would
    independent = count / (1 + (count - 1) * correlation**2)
    of_mean = min(own, typical * independent)
    of_difference = min(own, max(typical, total - typical))
    return covariance, (max(1.0, of_mean), max(1.0, of_difference))


def _correlation(values: Floats, variances: Floats) -> float:
    """Of two strategies' scores over seeds, one for all pairs: from the spread of differences."""
    count = len(values)
    summed, apart = 0.0, 0.0
    for one in range(count):
        for other in range(one + 1, count):
            both = values[one] - values[other]
            both = both[~np.isnan(both)]
            if both.size > 1:
                weight = both.size - 1
                summed += weight * (variances[one] + variances[other])
                apart += weight * float(both.var(ddof=1))
    if summed <= 0:
        return 0.0
    return float(np.clip(1 - apart / summed, -1 / max(count - 1, 1), 0.99))


def _root_of(covariance: Floats) -> Floats:
    """(K, K): standard normals times it have that covariance. Cholesky's, since it is unique:
    eigenvectors, and what is drawn by them, turn with the processor where variances are equal."""
    little = 1e-9 * float(np.trace(covariance)) / len(covariance) + 1e-18
    symmetric = (covariance + covariance.T) / 2
    return np.asarray(np.linalg.cholesky(symmetric + little * np.eye(len(covariance))).T, float)


def _positive(matrix: Floats) -> Floats:
    """The nearest matrix that is a covariance."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    positive: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return positive
