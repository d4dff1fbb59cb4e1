"""The card of one adapted network: what it was adapted on, how, at what cost, and what it reached.

For who gets its weights: counts and scores, no image, file name or patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greendapt.core.figures import Figure, Quality
from greendapt.core.metrics import Scores
from greendapt.core.records import Row
from greendapt.core.text import for_markdown, markdown_table, plural, shots_text, visible
from greendapt.report import words
from greendapt.report.formats.modelcard import emissions_lines
from greendapt.report.public import Public
from greendapt.report.view import columns
from greendapt.report.view.from_run import view
from greendapt.report.view.model import HEADLINES, Path, View
from greendapt.store.runinfo import DatasetInfo, RunData
from greendapt.suite.recipes import Phase

_COSTS = ("energy_j", "carbon_g", "wall_s", "training_flops", "peak_memory_bytes")
_GENERIC = {
    "fractal": "pre-trained on formula-made fractals by greendapt",
    "timm": "timm's pre-trained weights of that name",
    "none": "random",
}


def network_card(run: RunData, rows: Sequence[Row], loading: str, command: str) -> str:
    """Markdown with the hub's front matter. ``rows``: every cell of the run that this network is
    judged in. ``loading``: Python that uses it; ``command``: what made its folder."""
    names = Public.of(run)
    run = names.run(run)
    row, shown = rows[0], names.view(view(run))
    title = f"{row.backbone}, adapted: {row.strategy}"
    parts = [
        ["---", *_front(run, row), "---", "", f"# {for_markdown(title)}", ""],
        [_lead(run), "", *(f"> - {for_markdown(caveat)}" for caveat in shown.caveats)],
        _section("Use", [f"```python\n{loading}```", "", _input(run)]),
        _section("How it was adapted", _facts(run, row)),
        _section("What it reached", _reached(rows, shown)),
        _section("What adapting it cost", _costs(row)),
        _section("Licence", [_LICENCE]),
        _section("How it was made", ["```sh", *map(_code, (run.info.command, command)), "```"]),
    ]
    return visible("\n".join(line for part in parts for line in part)) + "\n"


_LICENCE = (
    "None is stated: whoever shares this chooses one. The generic weights and the images that it "
    "was adapted on have terms of their own. There is no image, file name or patient in this "
    "folder, but weights can tell something about the images that they were trained on."
)


def _code(text: str) -> str:
    """A line that cannot end the block that it stands in."""
    return " ".join(text.replace("```", "").split())


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *lines]


def _front(run: RunData, row: Row) -> list[str]:
    library = "greendapt" if run.info.suite.cut(row.strategy) else "timm"
    lines = [f"library_name: {library}", "pipeline_tag: image-feature-extraction", "tags:"]
    lines += ["- greendapt", "- domain-adaptive-pre-training"]
    carbon = _adapting(row).get("carbon_g")
    if carbon is None or carbon.value is None:
        return lines
    source = (
        f"greendapt {run.info.version}, {carbon.quality.value}: {carbon.source}; adaptation alone"
    )
    return [*lines, *emissions_lines(run, carbon.value, source, "pre-training")]


def _lead(run: RunData) -> str:
    version = f"greendapt {run.info.version}".strip()
    return (
        "A network of [timm](https://github.com/huggingface/pytorch-image-models) adapted to the "
        f"images of one domain with {version}. It gives features, and has no classifier."
    )


def _input(run: RunData) -> str:
    size = run.info.suite.model.image_size
    return (
        f"Images of 8 bits, resized to {size} x {size} px (bilinear, nothing cropped) and scaled "
        "as in adaptation; bring deeper ones to 8 bits first. An uncut network needs timm 1.0.16 "
        "or later; one that was cut is no architecture of timm's, and needs greendapt."
    )


def _facts(run: RunData, row: Row) -> list[str]:
    suite = run.info.suite
    data, name, cut = run.info.data, suite.pool(row.strategy), suite.cut(row.strategy)
    pool = data.pool if name is None else data.pools.get(name, DatasetInfo())
    about = suite.strategy[row.strategy].about
    phases = "; then ".join(map(_phase, suite.phases(row.strategy)))
    facts = {
        "network": f"{row.backbone}{f', cut after stage {cut}' if cut else ''}",
        "generic weights": _GENERIC.get(suite.model.weights, "a file"),
        "strategy": f"{row.strategy}{f': {about}' if about else ''}",
        "phases": phases,
        "adapted on": _counted(pool),
        "image size": f"{suite.model.image_size} px",
        "seed": str(row.seed),
        "suite": f"{suite.name}, profile {suite.profile}",
    }
    rows = [(name, for_markdown(text)) for name, text in facts.items()]
    return ["| | |", "| :-- | :-- |", *(f"| {name} | {text} |" for name, text in rows)]


def _phase(phase: Phase) -> str:
    most = "at most " if phase.stop else ""
    return (
        f"{phase.trained_text}, {most}{plural(phase.length, 'epoch')}, {phase.optimizer} "
        f"{phase.learning_rate:g}, {phase.objective}"
    )


def _counted(pool: DatasetInfo) -> str:
    """Images, patients and classes as numbers: names may be somebody's own."""
    classes = len(pool.classes) if isinstance(pool.classes, list) else pool.classes
    counts = {"image": pool.images, "patient": pool.patients}
    parts = [plural(count, noun) for noun, count in counts.items() if count is not None]
    parts += [f"{classes} class{'' if classes == 1 else 'es'}"] if classes else []
    parts += ["synthetic"] if pool.synthetic else []
    return ", ".join(parts) or "not recorded"


def _reached(rows: Sequence[Row], shown: View) -> list[str]:
    """A line for each way it was judged: this network, and all seeds of its strategy."""
    lines = []
    for row in rows:
        for path, scores in _sets(row):
            setting = f"{row.transfer}, {shots_text(row.shots)}: {columns.measure_title(path)}"
            lines.append(
                (for_markdown(setting), _score(scores, path), _all_seeds(row, path, shown))
            )
    header = ("Transfer", "This network [95% over patients]", "All seeds of its strategy")
    return [
        "Each head was trained on development's training part and chosen on its validation part.",
        *("", *markdown_table(header, lines)),
    ]


def _sets(row: Row) -> Iterator[tuple[Path, Scores]]:
    """Development and external sets, with the score that strategies are compared by."""
    development = row.metrics.get("development", {})
    metric = next((name for name in reversed(HEADLINES) if name in development), HEADLINES[0])
    yield ("development", metric), development
    for name, scores in row.metrics.get("external", {}).items():
        yield ("external", name, metric), scores


def _score(scores: Scores, path: Path) -> str:
    named = (scores.get(f"{path[-1]}{end}") for end in ("", "_low", "_high"))
    value, low, high = (one if isinstance(one, int | float) else None for one in named)
    if value is None:
        return words.MISSING
    return f"{words.number(value)} {words.interval(low, high)}".strip()


def _all_seeds(row: Row, path: Path, shown: View) -> str:
    setting = (row.backbone, row.transfer, str(row.shots))
    entries = [
        entry
        for panel in shown.panels
        if (panel.backbone, panel.transfer, panel.shots) == setting
        for entry in panel.entries
        if entry.name == row.strategy
    ]
    return "; ".join(
        f"{words.score(entry.metrics.get(path))} ({plural(len(entry.seeds), 'seed')})"
        for entry in entries
    )


def _adapting(row: Row) -> dict[str, Figure]:
    return row.parts.get("adaptation", {})


def _costs(row: Row) -> list[str]:
    figures = _adapting(row)
    lines = [
        (columns.called(key).title, _amount(figures[key]), _origin(figures[key]))
        for key in _COSTS
        if key in figures
    ]
    return [
        "This network alone, as if nothing had been shared; without generic pre-training.",
        *("", *markdown_table(("", "Cost", "Quality and source"), lines)),
    ]


def _amount(figure: Figure) -> str:
    if figure.value is None:
        return words.MISSING
    guessed = figure.quality is Quality.ESTIMATED
    return ("~" if guessed else "") + words.quantity(figure.value, figure.unit, 2 if guessed else 3)


def _origin(figure: Figure) -> str:
    return for_markdown(f"{figure.quality.value}: {figure.source}")
