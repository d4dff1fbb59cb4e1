"""Are probabilities true, and whom does acting on them serve: curves of best buys and rivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from greendapt.core.curves import Benefit, Calibrated, Curves
from greendapt.report import words
from greendapt.report.view.model import Diagram, Line, Section, Setting, Table
from greendapt.report.view.reached import Draws, Seeds
from greendapt.report.view.verdict import Question

_CALIBRATION = (
    "Of test images that a network gives a class with probability p, a share p should have it. "
    "Images are sorted by that probability into bins of as many each (columns): the mean "
    "probability in a bin, an arrow, and the share of its images that have the class. On the "
    "dashed line both are equal; below it the network says too much. The best buy, the best "
    "score, no DAPT and full DAPT; means over seeds, with the mean of the networks' own 95% "
    "intervals over patients. The calibration error is in 15 bins of equal width, and never below "
    "0: on few images a true network seems to err, too."
)
_BENEFIT = (
    "Images with a probability of at least the threshold are treated; a false positive then costs "
    "threshold / (1 - threshold) of what a true one gains. The net benefit is what that leaves, in "
    "true positives an image. A network is of use where it lies above both treating all and "
    "treating none (0). Means over seeds, with the mean of the networks' own 95% intervals over "
    "patients. Probabilities are the network's own, not calibrated anew."
)
_MOST_DRAWN = 6  # classes of a setting


def mean_curves(seeds: Seeds, draws: Draws, place: str) -> Curves:
    """Over the networks of a strategy on one set of images; bounds are the means of theirs."""
    of = [
        details.curves[place]
        for row in seeds.values()
        if row.stages and (details := draws.get(row.stages[-1])) and place in details.curves
    ]
    calibration: dict[str, tuple[Calibrated, ...]] = {}
    benefit: dict[str, tuple[Benefit, ...]] = {}
    for name in dict.fromkeys(name for one in of for name in one.calibration):
        points = [point for one in of for point in one.calibration.get(name, ())]
        bins = sorted({point.bin for point in points})
        calibration[name] = tuple(
            Calibrated(
                bin=at,
                predicted=fmean(point.predicted for point in here),
                observed=fmean(point.observed for point in here),
                **_bounds(here),
            )
            for at in bins
            if (here := [point for point in points if point.bin == at])
        )
    for name in dict.fromkeys(name for one in of for name in one.net_benefit):
        several = zip(
            *(one.net_benefit[name] for one in of if name in one.net_benefit), strict=True
        )
        benefit[name] = tuple(
            Benefit(
                threshold=here[0].threshold,
                net=fmean(point.net for point in here),
                all=here[0].all,
                **_bounds(here),
            )
            for here in several
        )
    return Curves(calibration=calibration, net_benefit=benefit)


def _bounds(points: Sequence[Calibrated | Benefit]) -> dict[str, float | None]:
    low = [point.low for point in points if point.low is not None]
    high = [point.high for point in points if point.high is not None]
    whole = len(low) == len(high) == len(points)
    return {"low": fmean(low) if whole else None, "high": fmean(high) if whole else None}


def sections(
    draws: Draws, questions: Mapping[Setting, Question], buys: Sequence[str]
) -> Iterator[Section]:
    """None for runs of masks, and of before curves were kept."""
    calibration: list[tuple[str, ...]] = []
    benefit: list[tuple[str, ...]] = []
    drawn: dict[str, list[Diagram]] = {"calibration": [], "benefit": []}
    for (setting, question), buy in zip(questions.items(), buys, strict=True):
        told, names = words.setting(setting), _shown(question, buy)
        groups = question.reached.groups
        of = {name: mean_curves(groups[name], draws, "development") for name in names}
        marks = {entry.name: entry.mark for entry in question.entries}
        for number, kind in enumerate(_classes(of)):
            title = f"{told}, {kind}"
            for name, one in of.items():
                cells = [_calibrated(point) for point in one.calibration.get(kind, ())]
                if cells:
                    calibration.append((told, kind, name, _error(groups[name], kind), *cells))
                if points := one.net_benefit.get(kind):
                    benefit += [(told, kind, name, *_benefit(point)) for point in points]
            if number < _MOST_DRAWN:
                drawn["calibration"].append(_reliability(title, kind, of, marks))
                if any(one.net_benefit.get(kind) for one in of.values()):
                    drawn["benefit"].append(_decision(title, kind, of, marks))
    if calibration:
        head = ("question", "class", "strategy", "calibration error")
        yield Section(
            *("calibration", "Calibration", _CALIBRATION),
            (_padded(head, calibration),),
            tuple(drawn["calibration"]),
        )
    if benefit:
        columns = ("question", "class", "strategy", "threshold", "net benefit [95%]", "treat all")
        table: Table = (columns, *benefit)
        yield Section("benefit", "Decision curves", _BENEFIT, (table,), tuple(drawn["benefit"]))


def _shown(question: Question, buy: str) -> list[str]:
    """The best buy, the best score, no DAPT and full DAPT: as many of them as there are."""
    scored = [entry for entry in question.scored if entry.score]
    best = max(scored, key=lambda entry: entry.score.mean if entry.score else 0.0, default=None)
    names = (buy, best.name if best else "", question.none, question.full)
    return [name for name in dict.fromkeys(names) if name and name in question.reached.groups]


def _classes(of: Mapping[str, Curves]) -> list[str]:
    found = (name for one in of.values() for name in (*one.calibration, *one.net_benefit))
    return list(dict.fromkeys(found))


def _error(seeds: Seeds, kind: str) -> str:
    """Of a class among several, or of the whole network."""
    told = []
    for end in ("", "_low", "_high"):
        values = []
        for row in seeds.values():
            scores = row.metrics.get("development", {})
            by_class = scores.get(f"ece_by_class{end}", {kind: scores.get(f"ece{end}")})
            value = by_class.get(kind) if isinstance(by_class, Mapping) else None
            values += [value] if isinstance(value, int | float) else []
        told.append(fmean(values) if values and len(values) == len(seeds) else None)
    mean, low, high = told
    return words.MISSING if mean is None else f"{words.number(mean)} {words.interval(low, high)}"


def _calibrated(point: Calibrated) -> str:
    bounds = words.interval(point.low, point.high, 2)
    return f"{point.predicted:.2f} → {point.observed:.2f} {bounds}".strip()


def _benefit(point: Benefit) -> tuple[str, str, str]:
    bounds = words.interval(point.low, point.high)
    return f"{point.threshold:.2g}", f"{point.net:.3f} {bounds}".strip(), f"{point.all:.3f}"


def _padded(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> Table:
    """A column a bin; of fewer bins the last ones are empty."""
    width = max(map(len, lines))
    titles = (*head, *(f"bin {at}" for at in range(1, width - len(head) + 1)))
    return (titles, *(line + ("",) * (width - len(line)) for line in lines))


def _reliability(
    title: str, kind: str, of: Mapping[str, Curves], marks: Mapping[str, int]
) -> Diagram:
    lines = {
        name: tuple((p.predicted, p.observed, p.low, p.high) for p in one.calibration.get(kind, ()))
        for name, one in of.items()
    }
    guides = {"true": ((0.0, 0.0), (1.0, 1.0))}
    axes = "Mean probability in a bin", "Share that has the class"
    return Diagram(title, *axes, _lines(lines, marks), guides)


def _decision(title: str, kind: str, of: Mapping[str, Curves], marks: Mapping[str, int]) -> Diagram:
    curves = {name: one.net_benefit.get(kind, ()) for name, one in of.items()}
    lines = {
        name: tuple((p.threshold, p.net, p.low, p.high) for p in points)
        for name, points in curves.items()
    }
    points = next(filter(None, curves.values()))
    guides = {
        "treat all": tuple((p.threshold, p.all) for p in points),
        "treat none": tuple((p.threshold, 0.0) for p in points),
    }
    return Diagram(title, "Threshold", "Net benefit", _lines(lines, marks), guides)


def _lines(
    points: Mapping[str, tuple[tuple[float, float, float | None, float | None], ...]],
    marks: Mapping[str, int],
) -> tuple[Line, ...]:
    return tuple(Line(name, marks[name], of) for name, of in points.items() if of)
