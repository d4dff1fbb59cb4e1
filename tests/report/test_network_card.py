"""The card of one adapted network, from invented runs."""

import pytest
from huggingface_hub import ModelCard

from greendapt.core.figures import Quality
from greendapt.report.network_card import network_card
from greendapt.report.report_files import load_run

LOADING = "model = ...\n"


@pytest.fixture
def card(run_writer):
    """The card of a strategy's first network, of a run changed as asked."""

    def build(strategy="full", command="greendapt export run", **changes):
        for name, value in changes.items():
            setattr(run_writer, name, value)
        run = load_run(run_writer.write())
        rows = [row for row in run.summary.rows if (row.strategy, row.seed) == (strategy, 0)]
        parts = {"adaptation": run_writer.costs(9e3)}
        rows = [row.model_copy(update={"parts": parts}) for row in rows]
        return network_card(run, rows, LOADING, command)

    return build


def test_it_says_how_it_was_made_and_what_it_cost(card):
    text = card()
    front, *sections = text.split("\n## ")
    assert "emissions: 1.203\n" in front
    assert '"pre-training"' in front
    assert "library_name: timm" in front
    assert [section.splitlines()[0] for section in sections] == [
        "Use", "How it was adapted", "What it reached", "What adapting it cost", "Licence",
        "How it was made",
    ]  # fmt: skip
    use, adapted, reached, cost, _, made = sections
    assert "```python\nmodel = ...\n```" in use
    assert "| adapted on | 600 images, 4 classes, synthetic |" in adapted
    assert "head, 3 epochs, adam 0.0001, supervised; then all, 3 epochs" in adapted
    assert reached.count("(3 seeds)") == 2
    assert "External hospital\\_b AUC" in reached
    assert "| Energy | ~2.5 Wh | estimated: invented for a test |" in cost
    assert "greendapt bench --suite chestxray --seeds 3\ngreendapt export run\n" in made


@pytest.mark.parametrize("strategy", ["full", "cut2"])
def test_the_hubs_own_reader_understands_its_front_matter(card, strategy):
    data = ModelCard(card(strategy)).data
    assert data.pipeline_tag == "image-feature-extraction"
    assert data.tags == ["greendapt", "domain-adaptive-pre-training"]
    emitted = data.to_dict()["co2_eq_emissions"]
    assert emitted["emissions"] == 1.203
    assert {"source", "training_type", "geographical_location", "hardware_used"} < emitted.keys()


def test_a_line_for_every_way_it_was_judged(card):
    text = card(shots=[5, "full"], external={})
    assert "| probe, 5 labels a class: Development AUC |" in text
    assert "| probe, all labels: Development AUC |" in text


def test_what_is_not_known_is_not_stated(card):
    text = card(quality=Quality.UNAVAILABLE)
    assert "co2_eq_emissions" not in text
    assert "| Energy | n/a | unavailable: no counter is readable" in text


def test_a_cut_network_is_not_called_one_of_timms(card):
    text = card("cut2")
    assert "library_name: greendapt" in text
    assert "cut after stage 2" in text


def test_pools_are_counted_and_not_named(card):
    text = card("ward", levels={"ward": (0.9, 0, 1)}, strategies=["ward"], pools={"ward": 77})
    assert "| adapted on | 77 images, 4 classes, synthetic |" in text


def test_foreign_text_acts_on_nothing(card):
    name = "<b>|`x`\u202e"
    text = card(name, "export ```\nrm", levels={name: (0.9, 0, 1)}, strategies=[name])
    assert "<b>" not in text
    assert "\u202e" not in text
    assert "export rm\n```\n" in text
