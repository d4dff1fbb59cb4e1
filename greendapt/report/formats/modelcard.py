"""A model card for Hugging Face: what adapting the best buy emitted, and how it did."""

from __future__ import annotations

import json

from greendapt.core.text import for_markdown
from greendapt.report import words
from greendapt.report.formats.markdown import panel_table
from greendapt.report.formats.table import text
from greendapt.report.view import bill_text
from greendapt.report.view.model import Entry, Panel, View
from greendapt.store.runinfo import RunData


def render_modelcard(run: RunData, view: View) -> str:
    """Front matter with ``co2_eq_emissions`` (grams), then the setting's verdict and table.

    The setting is the last one (the most labels); the model its best buy. Where its carbon is not
    known, or nothing can be bought, there is no emission to state and the card says so.
    """
    panel = view.panels[-1] if view.panels else None
    bought = panel.verdict.buy if panel else ""
    entry = next((e for e in panel.entries if e.name == bought), None) if panel else None
    front = ["---", "tags:", "- greendapt", "- domain-adaptive-pre-training"]
    front += _emissions(run, panel, entry) if panel and entry else []
    body = [f"# {for_markdown(view.title)}", "", for_markdown(view.headline), ""]
    body += [f"> {for_markdown(caveat)}" for caveat in view.caveats] or ["> No caveat was found."]
    if cost := bill_text.in_short(view.bill):
        body += ["", for_markdown(cost)]
    if panel and not entry:
        body += ["", "No best buy is named: no `co2_eq_emissions` is stated."]
    elif not (entry and entry.costs["carbon_g"].estimate):
        body += ["", "The carbon of this model is not known: no `co2_eq_emissions` is stated."]
    if panel:
        body += ["", f"## {for_markdown(panel.title)}", "", *panel_table(panel, view)]
    return "\n".join([*front, "---", "", *body]) + "\n"


def _emissions(run: RunData, panel: Panel, entry: Entry) -> list[str]:
    carbon = entry.costs["carbon_g"]
    if carbon.estimate is None:
        return []
    source = (
        f"greendapt {run.info.version}, {words.cost(carbon)} CO2e ({carbon.quality.value}): "
        f"{carbon.source}; adaptation and transfer of {entry.name} ({panel.title}), as if it had "
        "run alone"
    )
    return emissions_lines(run, carbon.estimate.mean, source, "fine-tuning")


def emissions_lines(run: RunData, grams: float, source: str, training_type: str) -> list[str]:
    """The hub's ``co2_eq_emissions`` of a front matter; ``source`` says how ``grams`` are known."""
    machine = run.info.environment
    gpu = machine.get("gpu")
    hardware = str(machine.get("cpu", "")) if gpu in (None, "none") else str(gpu)
    fields = {
        "emissions": float(f"{grams:.4g}"),
        "source": source,
        "training_type": training_type,
        "geographical_location": run.info.grid.source,
        "hardware_used": hardware,
    }
    return [  # JSON scalars are YAML scalars
        "co2_eq_emissions:",
        *(f"  {key}: {json.dumps(value)}" for key, value in fields.items() if value != ""),
    ]


FORMAT = text("modelcard.md", render_modelcard)
