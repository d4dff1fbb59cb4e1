"""What a run knows of Annex XI, section 1, point 2 (d) and (e) of the EU's AI Act.

Regulation (EU) 2024/1689 asks providers of general-purpose models for the computational resources,
the training time, and the known or estimated energy. This is material for that part and no more:
what a run cannot know is listed as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from greendapt.core.figures import Figure
from greendapt.core.text import for_markdown, markdown_table, plural
from greendapt.core.units import quantity
from greendapt.report import words
from greendapt.report.formats.table import text
from greendapt.report.view.model import Cost, Entry, Panel, View
from greendapt.store.runinfo import RunData

_ASKED = {
    "training_flops": ("(d)", "floating point operations of training"),
    "wall_s": ("(d)", "training time"),
    "energy_j": ("(e)", "energy"),
}
_REST = (
    "Points 1 and 2 (a) to (c), and section 2: tasks, licence, architecture, design choices, "
    "provenance of the data, evaluation. A run does not hold them."
)


def render_annexxi(run: RunData, view: View) -> str:
    """Markdown: the best buy as if it had run alone, the whole run, and what is missing.

    The setting is the last one (the most labels), as in the model card.
    """
    panel = view.panels[-1] if view.panels else None
    bought = _bought(panel)
    lines = [
        "# Compute, training time and energy",
        "",
        "Material for Annex XI, section 1, point 2 (d) and (e) of Regulation (EU) 2024/1689 (the "
        "AI Act). Whether that regulation asks it of this model, and whether this is enough, its "
        "provider has to judge.",
        "",
        f"From: {for_markdown(view.title)} ({for_markdown(view.suite)}, greendapt "
        f"{for_markdown(run.info.version)}, {for_markdown(words.moment(view.started_at))})",
    ]
    if panel and bought:
        seeds = plural(len(bought.seeds), "seed")
        title = f"{bought.name}: adaptation and transfer as if alone, mean over {seeds}"
        costs = {key: (words.cost(cost), _how(cost)) for key, cost in bought.costs.items()}
        lines += _part(f"{title} ({panel.title})", costs)
    spent = {key: (_amount(figure), _how(figure)) for key, figure in view.bill.spent.items()}
    lines += _part("The whole run: every strategy, seed and test", spent)
    lines += ["", "## Other details of training (d)", "", *_details(run)]
    lines += [
        "",
        "## What is missing",
        "",
        *(f"- {for_markdown(one)}" for one in _missing(run, view)),
    ]
    return "\n".join(lines) + "\n"


def _bought(panel: Panel | None) -> Entry | None:
    return next((e for e in panel.entries if e.name == panel.verdict.buy), None) if panel else None


def _part(title: str, costs: Mapping[str, tuple[str, str]]) -> list[str]:
    """``costs``: the amount of each, and how it is known."""
    table = markdown_table(
        ("Point", "What", "Amount", "How it is known"),
        (
            [point, what, *map(for_markdown, costs[key])]
            for key, (point, what) in _ASKED.items()
            if key in costs
        ),
    )
    return ["", f"## {for_markdown(title)}", "", *table]


def _amount(figure: Figure) -> str:
    if figure.value is None:
        return words.MISSING
    guessed = figure.quality.value == "estimated"
    return ("~" if guessed else "") + quantity(figure.value, figure.unit, 2 if guessed else 3)


def _how(figure: Figure | Cost) -> str:
    return f"{figure.quality.value}: {figure.source}"


def _details(run: RunData) -> Iterator[str]:
    suite, machine, pool = run.info.suite, run.info.environment, run.info.data.pool
    networks = for_markdown(", ".join(suite.model.backbones))
    yield f"- Networks: {networks}, {suite.model.image_size} pixels"
    if pool.train and pool.images:
        yield f"- Images of the pool: {pool.train:,} of {pool.images:,} trained on"
    known = [(name, machine.get(name)) for name in ("cpu", "threads", "gpu", "torch", "python")]
    said = ", ".join(f"{name} {value}" for name, value in known if value not in (None, "none"))
    yield f"- Machine and software: {for_markdown(said)}"
    for backbone, step in run.info.steps.items():
        yield f"- Arithmetic of {for_markdown(backbone)}: {for_markdown(step.step.precision)}"


def _missing(run: RunData, view: View) -> Iterator[str]:
    yield from view.cautions
    sunk: Mapping[str, Figure] = view.bill.sunk
    if not any(figure.value for figure in sunk.values()):
        yield (
            "Generic pre-training, which was done elsewhere: its operations, time and energy are "
            "those that whoever made the weights states."
        )
    else:
        yield "Generic pre-training is in none of these tables; it took " + ", ".join(
            _amount(figure) for key, figure in sunk.items() if key in _ASKED
        )
    if run.info.meter.wall is None:
        yield (
            "Energy beside the counters: memory without a counter, disks, fans, network and the "
            "power supply's losses."
        )
    yield "Trials before this run, and training elsewhere."
    yield "Energy of use after release; greendapt meters development."
    yield _REST


FORMAT = text("annexxi.md", render_annexxi)
