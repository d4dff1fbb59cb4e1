"""Published numbers and claims beside ours: the tables of docs/evidence.md.

    python tests/benchmarks/evidence_table.py [DATA] [--only NAME] [--runs RUNS]

DATA holds kermany_cxr (labels.csv and images) and weights/. What of evidence/published.toml has not
finished in RUNS is run or gone on with; --only names one of them, or ``tables`` for none. Results
are kept in docs/evidence.json, a run called ``claims`` in RUNS is asked for the first paper's
claims, and the tables between the comments of docs/evidence.md are written anew.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from evidence.pneumoniamnist import write as write_images

import greendapt
from greendapt.core.errors import RunError
from greendapt.core.text import markdown_table
from greendapt.report import words
from greendapt.report.view.claims import ROBUST, Claim, asked, groups, paths
from greendapt.report.view.from_run import judged
from greendapt.stats.crossed import crossed
from greendapt.store.race_tables import read_race_table

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "evidence"
PAGE, RESULTS = ROOT / "docs" / "evidence.md", ROOT / "docs" / "evidence.json"
REPLAY = ROOT / "tests" / "replay"
PUBLISHED: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    (HERE / "published.toml").read_text(encoding="utf-8")
)
RECORDED = ("kermany-resnet", "kermany-vit", "nih-resnet", "nih-efficientnet")
COSTS = ("training_flops", "cpu_s", "energy_j")
MARGIN = 0.02
Costs = Mapping[str, float]


# --- runs ---------------------------------------------------------------------------------------


def command(one: Mapping[str, Any], images: Path, weights: Path | None = None) -> list[str]:
    """Of greendapt. ``images``: a file of MedMNIST."""
    suite = (HERE / one["suite"]).relative_to(ROOT)
    options = [
        str(weights / word) if weights and word.endswith(".safetensors") else word
        for word in one["options"]
    ]
    data = ["--data", f"pool={images}@train", "--data", f"development={images}"]
    return ["bench", "--suite", str(suite), *options, *data]


def run(name: str, data: Path, runs: Path) -> None:
    one = PUBLISHED[name]
    (images,) = write_images(data / "kermany_cxr", runs / "data", [one["size"]])
    words_of = ["resume", str(runs / name)]
    if not (runs / name).exists():
        asked_for = command(one, images.resolve(), (data / "weights").resolve())
        words_of = [*asked_for, "--out", str(runs.resolve()), "--name", name]
    if not (runs / name / "summary.json").exists():
        subprocess.run([sys.executable, "-m", "greendapt", *words_of], check=True, cwd=ROOT)


def score(folder: Path) -> dict[str, Any]:
    """AUC of the one strategy of a run, also of one that is not finished, and what it cost."""
    done = greendapt.read_run(folder)
    ((entry,),) = (panel.entries for panel in done.view.panels)
    reached = entry.score
    assert reached is not None
    figures = {"auc": reached.mean, "low": reached.low, "high": reached.high}
    return {**figures, "seeds": reached.n, "started_at": done.info.started_at, **_spent(done)}


def _spent(done: greendapt.Run) -> dict[str, float]:
    """Of all its stages, shared ones once; without what is not known of one of them."""
    values = {key: [record.figures[key].value for record in done.records] for key in COSTS}
    return {key: sum(known) for key, known in values.items() if None not in known}


# --- claims -------------------------------------------------------------------------------------


def _row(question: Sequence[str], seeds: int, claim: Claim, took: Costs) -> dict[str, Any]:
    gap = claim.gap
    return {
        "claim": claim.text,
        "question": ", ".join(question),
        "seeds": seeds,
        "gap": [gap.mean, gap.low, gap.high],
        "probability": claim.probability,
        "told": claim.told,
        **took,
    }


def claims_of_run(folder: Path) -> list[dict[str, Any]]:
    done = greendapt.read_run(folder)
    rows = []
    name = Path(str(getattr(done.info.suite.data.development, "path", "phantom"))).name
    for setting, question in judged(done.data).items():
        reached = question.reached
        for group in groups(done.info.suite, tuple(reached.groups)):
            for path in paths(reached, outside=group[0] == ROBUST):
                if claim := asked(reached.models[path], group):
                    seeds = len(next(iter(reached.groups.values())))
                    labels = (
                        "all labels" if setting[2] == "full" else f"{setting[2]} labels a class"
                    )
                    place = (name, setting[0], labels, f"{path[0]} {path[-1].upper()}")
                    rows.append(_row(place, seeds, claim, _spent(done)))
    return rows


def claims_of_tables() -> Iterator[dict[str, Any]]:
    """Of what was recorded for races to be replayed on: eight seeds of everything."""
    suite = greendapt.load_suite(REPLAY / "recorded.toml")
    for name in RECORDED:
        for recorded in read_race_table(REPLAY / f"{name}.csv", MARGIN):
            model, one = crossed(recorded.samples), recorded.question
            took = {"training_flops": recorded.spent(recorded.stages)}
            labels = "all labels" if one.shots == "full" else f"{one.shots} labels a class"
            for group in groups(suite, model.names)[:-1]:
                if claim := asked(model, group):
                    place = one.dataset, one.backbone, labels, "development AUC"
                    yield _row(place, len(recorded.seeds), claim, took)


# --- the page -----------------------------------------------------------------------------------


def verdict(one: Mapping[str, Any], ours: Mapping[str, Any] | None) -> str:
    if "met" not in one or ours is None:
        return "not run"
    if ours["seeds"] < 3:
        return f"not told: {ours['seeds']} of 3 seeds"
    least, most = one["met"]
    return "met" if least <= ours["auc"] <= most else "**missed**"


def scores_table(results: Mapping[str, Any]) -> str:
    rows = []
    for name, one in PUBLISHED.items():
        ours = results["scores"].get(name)
        told, cost = words.MISSING, words.MISSING
        if ours is not None:
            told = f"{words.number(ours['auc'])} {words.interval(ours['low'], ours['high'])}"
            cost = _took(ours)
        asked_for = "{:.3f} to {:.3f}".format(*one["met"]) if "met" in one else words.MISSING
        rows.append([one["what"], one["published"], told, asked_for, verdict(one, ours), cost])
    heads = ["experiment", "published AUC", "ours [95%]", "met where ours is", "verdict", "it took"]
    return "\n".join(_left(markdown_table(heads, rows)))


def commands() -> str:
    lines = [
        shlex.join(["greendapt", *command(one, Path(f"pneumoniamnist_{one['size']}.npz"))])
        for one in PUBLISHED.values()
        if "suite" in one
    ]
    return "\n".join(["```sh", *lines, "```"])


def claims_table(rows: Sequence[Mapping[str, Any]]) -> str:
    heads = [
        "claim",
        "asked of",
        "seeds",
        "best less best [95%]",
        "probability",
        "this data",
        "it took",
    ]
    cells = []
    for claim in dict.fromkeys(row["claim"] for row in rows):
        for row in (row for row in rows if row["claim"] == claim):
            mean, low, high = map(words.signed, row["gap"])
            chance = words.probability(row["probability"])
            gap, seeds = f"{mean} [{low}, {high}]", str(row["seeds"])
            cells.append([claim, row["question"], seeds, gap, chance, row["told"], _took(row)])
    return "\n".join(_left(markdown_table(heads, cells)))


def page(text: str, results: Mapping[str, Any]) -> str:
    """The page with its tables as the results have them."""
    tables = {
        "scores": scores_table(results),
        "commands": commands(),
        "claims": claims_table(results["claims"]),
    }
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not found.search(text):
            raise SystemExit(f"{PAGE} has no place for {name}: {begin}")
        text = found.sub(lambda _, b=begin, t=table, e=end: f"{b}\n\n{t}\n\n{e}", text)
    return text


def _took(costs: Costs) -> str:
    """Of what is known of it; energy was estimated."""
    told = {
        "training_flops": lambda flops: words.amount("training_flops", flops),
        "cpu_s": lambda seconds: f"{seconds:,.0f} s of CPU",
        "energy_j": lambda joules: f"~{words.amount('energy_j', joules)}",
    }
    return ", ".join(told[key](costs[key]) for key in COSTS if key in costs)


def _left(lines: list[str]) -> list[str]:
    return [lines[0], "|" + " --- |" * (lines[0].count(" | ") + 1), *lines[2:]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--only", choices=[*PUBLISHED, "tables"])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    names = [name for name, one in PUBLISHED.items() if "suite" in one]
    if given.data:
        for name in names if given.only is None else [given.only]:
            if name in names:
                run(name, given.data, given.runs)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name in names:
        if (given.runs / name).exists():
            with suppress(RunError):  # nothing of it is done yet
                results["scores"][name] = score(given.runs / name)
    if (given.runs / "claims").exists():
        results["run claims"] = claims_of_run(given.runs / "claims")
    results["claims"] = [*results["run claims"], *claims_of_tables()]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
