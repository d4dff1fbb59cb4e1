"""What a reader must know before believing a number: caveats, validity, reproduction."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.accounting.wall import LEFT_OUT
from greendapt.core.disturbance import disturbed, in_short
from greendapt.core.figures import Quality
from greendapt.core.remarks import Gravity
from greendapt.core.text import listed, plural
from greendapt.core.units import quantity
from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.chance import is_reversed, near_chance
from greendapt.report.view.model import Cost, Entry, Fact, Panel
from greendapt.store.runinfo import DatasetInfo, RunData
from greendapt.suite.toys import toys

_SHOWN = 4
_FEW_PATIENTS = 200
_FEW_TOLD = (
    "few to judge on. At least 100 with a finding and 100 without are asked for (Collins, "
    "Ogundimu, Altman 2016): look at the intervals, and take no difference within them for one."
)


def caveats(run: RunData, panels: Sequence[Panel]) -> tuple[Fact, ...]:
    """Sentences that stand beside the verdict, gravest first, each with its subject in a word."""
    weak = [one for one in run.info.notes if one.gravity is not Gravity.NOTE]
    leak = {Gravity.LEAK: "data leak", Gravity.WEAK: "data warnings"}
    told = [
        *(("interim" if text == run.interim else "a part", text) for text in run.cautions),
        _synthetic(run),
        ("a toy network", _toys(run)),
        ("failed cells", _failed(run)),
        ("costs of use", _lifetime(run)),
        *(("nothing carries over", text) for text in _near_chance(panels)),
        *((leak[one.gravity], one.text) for one in weak),
        ("few seeds", _seeds(panels)),
        _energy(panels),
        ("disturbed stages", _disturbed(run, panels)),
        ("default grid", _grid(run)),
    ]
    return tuple(Fact(subject, text, warn=True) for subject, text in told if text)


def _synthetic(run: RunData) -> tuple[str, str]:
    named = dict(run.info.data.named())
    made = [name for name, info in named.items() if info.synthetic]
    if len(made) == len(named) or (run.summary.synthetic and not made):
        return "synthetic data", "All data are synthetic: this says nothing about patients."
    if made:
        return "synthetic in part", f"Synthetic data: {listed(made)}. The rest is real."
    return "", ""


def _toys(run: RunData) -> str:
    """A network for tests on real images."""
    named = toys(row.backbone for row in run.summary.rows)
    if not named or all(info.synthetic for _, info in run.info.data.named()):
        return ""
    return (
        f"{listed(named)}: a toy network for trying things out. What is said here holds for it; of "
        "networks in use it says little: --backbone resnet18 --weights timm --image-size 224."
    )


def _failed(run: RunData) -> str:
    failures = run.summary.failures
    if not failures:
        return ""
    names = list(dict.fromkeys(failure.strategy for failure in failures))
    return f"{plural(len(failures), 'cell')} failed ({listed(names)}): see below."


def _lifetime(run: RunData) -> str:
    """What costs are of, where that is not adaptation and transfer alone."""
    use = run.info.suite.use
    if use is None or not use.predictions:
        return ""
    return (
        f"Time, energy, carbon and FLOPs (where a picture says training FLOPs, too) are of "
        f"adaptation, transfer and {use.predictions:,} predictions; every other cost is without "
        "them."
    )


def _near_chance(panels: Sequence[Panel]) -> list[str]:
    """One sentence an external set that no strategy of a panel carries over to."""
    lost: dict[str, list[Panel]] = {}
    for panel in panels:
        for path in panel.measures:
            far = path[0] == "external" and path[-1] == "auc"
            if far and all(near_chance(entry, path) for entry in panel.entries):
                lost.setdefault(path[1], []).append(panel)
    return [_chance_sentence(name, where, len(panels)) for name, where in lost.items()]


def _chance_sentence(name: str, where: Sequence[Panel], settings: int) -> str:
    path = ("external", name, "auc")
    scores = [e.metrics[path].mean for panel in where for e in panel.entries if path in e.metrics]
    over = all(is_reversed(entry, path) for panel in where for entry in panel.entries)
    scope = "" if len(where) == settings else f" ({'; '.join(panel.title for panel in where)})"
    if over:
        return (
            f"On {name} every strategy is reversed, AUC {words.number(min(scores))} to "
            f"{words.number(max(scores))}{scope}, below 0.5 beyond chance: what was learnt points "
            "the other way there; look at its labels and at how its images are shown."
        )
    return (
        f"On {name} every strategy is near chance or below, AUC {words.number(min(scores))} to "
        f"{words.number(max(scores))}{scope}: what was learnt does not carry over to it."
    )


def _seeds(panels: Sequence[Panel]) -> str:
    counts = {len(entry.seeds) for panel in panels for entry in panel.entries}
    if not counts:
        return ""
    if max(counts) == 1:
        return (
            "Only one seed was run: there is no interval over training, and a difference "
            "may be luck (intervals marked p are over test patients)."
        )
    if len(counts) > 1:
        return f"Strategies have between {min(counts)} and {max(counts)} finished seeds."
    if counts == {2}:
        return "Two seeds make very wide intervals: run three or more."
    return ""


def _energy(panels: Sequence[Panel]) -> tuple[str, str]:
    costs = _costs(panels, "energy_j")
    if any(cost.estimate is None for cost in costs):
        gap = "Energy is not available for every strategy; nothing was put in its place."
        return "energy unknown", gap
    if any(cost.quality is Quality.ESTIMATED for cost in costs):
        said = "Energy is estimated, at least in part, not measured"
        if all(cost.estimate is not None for cost in _costs(panels, "training_flops")):
            said = f"{said}: strategies are ordered and compared by {_flops(panels)}, exact."
        else:
            said = f"{said}: grams may be off by a factor."
        return "energy estimated", said
    return "", ""


def _flops(panels: Sequence[Panel]) -> str:
    predictions = panels[0].predictions if panels else 0
    return columns.called("training_flops").with_use(predictions).noun


def _disturbed(run: RunData, panels: Sequence[Panel]) -> str:
    """Where energy is estimated it ranks nothing anyway, and `_energy` says so."""
    told = in_short(run.records)
    estimated = any(one.quality is Quality.ESTIMATED for one in _costs(panels, "energy_j"))
    counted = all(one.estimate is not None for one in _costs(panels, "training_flops"))
    if not told or estimated or not counted:
        return told
    return f"{told} No joule of theirs ranks a strategy: exact {_flops(panels)} do."


def _costs(panels: Sequence[Panel], key: str) -> list[Cost]:
    return [entry.costs[key] for panel in panels for entry in panel.entries]


def _grid(run: RunData) -> str:
    grid = run.info.grid
    if not grid.flagged or all(row.carbon_g.value is None for row in run.summary.rows):
        return ""
    intensity = grid.intensity_g_per_kwh
    assumed = "" if intensity is None else f" ({intensity:g} g/kWh)"
    return f"Grams assume a default grid{assumed}: name yours with --region or --intensity."


def facts(run: RunData, panels: Sequence[Panel]) -> tuple[Fact, ...]:
    """The validity panel."""
    lines = [
        Fact(f"Data, {role}", _described(info), info.synthetic)
        for role, info in run.info.data.named()
    ]
    lines += [
        Fact(f"Data, {role}", f"{plural(info.patients, 'patient')}: {_FEW_TOLD}", True)
        for role, info in run.info.data.named()
        if role.startswith("external") and info.patients and info.patients < _FEW_PATIENTS
    ]
    remarks = {one.text: one.gravity is not Gravity.NOTE for one in run.info.notes}
    lines += [Fact("Data check", text, grave) for text, grave in remarks.items()]
    lines += [Fact("Run", text) for text in run.summary.notes if text not in remarks]
    lines.append(_looked_for(run))
    lines += _stages_disturbed(run)
    lines += _intervals(panels)
    lines += _figures(panels)
    lines.append(_boundary(run))
    grid = run.info.grid
    if grid.intensity_g_per_kwh is not None:
        text = f"{grid.intensity_g_per_kwh:g} g CO2e per kWh, PUE {grid.pue:g}"
        lines.append(Fact("Grid", f"{text}; {grid.source}" if grid.source else text, grid.flagged))
    elif grid.source:
        lines.append(Fact("Grid", f"no intensity, so no grams: {grid.source}", True))
    lines.append(
        Fact(
            "Cost",
            "Adaptation + transfer of a strategy as if it had run alone. Evaluation and generic "
            "pre-training (sunk) are shown apart.",
        )
    )
    return tuple(lines)


def _looked_for(run: RunData) -> Fact:
    """Which checks the data went through, so that silence about one can be read."""
    result = plural(len(run.info.notes), "note") if run.info.notes else "nothing was found"
    return Fact(
        "Looked for",
        "bad images; patients in two parts, where a column names them; classes that do not match; "
        "test images, changed copies of them and their patients in the pool; such copies of "
        "training images in the test part and in external sets; one image with two labels; pool "
        "and test data of one source; what the view alone predicts, where a column names it: "
        f"{result}.",
    )


def _stages_disturbed(run: RunData) -> list[Fact]:
    """Which, and by what: the first few."""
    found = disturbed(run.records)
    lines = [Fact("Disturbed", f"{d.record.label}: {'; '.join(d.reasons)}", True) for d in found]
    return _first(lines, "more stage", warn=True)


def _described(info: DatasetInfo) -> str:
    kind = "synthetic" if info.synthetic else "real"
    parts = [f"{info.name or 'unnamed'} ({kind})"]
    if info.images is not None:
        parts.append(plural(info.images, "image"))
    if info.classes is not None:
        classes = info.classes if isinstance(info.classes, int) else len(info.classes)
        parts.append(f"{classes} classes")
    splits = [(name, getattr(info, name)) for name in ("train", "val", "test")]
    sizes = [f"{name} {count}" for name, count in splits if count is not None]
    return ", ".join(parts) + (f" ({', '.join(sizes)})" if sizes else "")


def _intervals(panels: Sequence[Panel]) -> list[Fact]:
    entries = [entry for panel in panels for entry in panel.entries]
    if not entries:
        return []
    seeds = sorted({len(entry.seeds) for entry in entries})
    bases = {entry.score.basis for entry in entries if entry.score is not None}
    covers = {
        "seeds and patients": f"{_to(seeds)} seeds and the test patients together, crossed: "
        "the chance of training and that of who is tested. Differences are paired by both",
        "patients": "test patients alone (marked p), from one seed: the chance of training is not "
        "covered. Differences are paired by patient",
        "seeds": f"{_to(seeds)} seeds alone: how patients vary is not known. "
        "Differences are paired by seed",
        "none": "nothing: how patients vary is not known",
    }
    told = "; ".join(covers[basis] for basis in sorted(bases))
    text = (
        f"95%, over {told}. They are not corrected for the number of strategies; the verdict "
        "judges all strategies together."
    )
    few = bases != {"seeds and patients"} or min(seeds) < 3
    return [Fact("Intervals", text, few)]


def _to(counts: Sequence[int]) -> str:
    """``3`` or ``3 to 20``."""
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))


def _figures(panels: Sequence[Panel]) -> list[Fact]:
    """How energy was obtained, in the words of the meter."""
    entries: list[Entry] = [entry for panel in panels for entry in panel.entries]
    sources = dict.fromkeys(
        (entry.costs["energy_j"].quality, entry.costs["energy_j"].source) for entry in entries
    )
    poor = (Quality.ESTIMATED, Quality.UNAVAILABLE)
    facts = [Fact("Energy", f"{quality.value}: {src}", quality in poor) for quality, src in sources]
    return _first(facts, "more source", warn=False)


def _boundary(run: RunData) -> Fact:
    """What the headline leaves out, and whether the figure at the wall has it."""
    fit = run.info.meter.wall
    if fit is None:
        text = f"{LEFT_OUT} are not in it; greendapt doctor --wall takes them in, by a plug meter"
        return Fact("Energy leaves out", text[:1].upper() + text[1:])
    text = f"{fit.line}; its worst reading is {fit.residual_w:.2g} W off. In it are {LEFT_OUT}."
    return Fact("Energy at the wall", text)


def _first(facts: list[Fact], noun: str, *, warn: bool) -> list[Fact]:
    """A few of them, and how many more there are."""
    rest = len(facts) - _SHOWN
    if rest <= 0:
        return facts
    return [*facts[:_SHOWN], Fact(facts[0].topic, f"and {plural(rest, noun)}", warn)]


def reproduction(run: RunData) -> tuple[Fact, ...]:
    """Versions, machine and fingerprint."""
    info = run.info
    lines = [
        Fact("greendapt", info.version),
        Fact("suite", f"{info.suite.name}, profile {info.suite.profile}"),
        Fact("started", info.started_at),
        *(Fact(*_spoken(name, value)) for name, value in info.environment.items()),
        Fact("fingerprint", info.fingerprint),
    ]
    return tuple(line for line in lines if line.text)


def _spoken(name: str, value: str | float | None) -> tuple[str, str]:
    """A line of the environment; bytes as people say them."""
    if name.endswith("_bytes") and isinstance(value, int | float):
        return name.removesuffix("_bytes"), quantity(value, "byte")
    return name, "" if value is None else str(value)
