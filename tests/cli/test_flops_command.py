"""The command as a user runs it, on real models on the meta device."""

from __future__ import annotations

import json
import time

import pytest
import typer
from typer.testing import CliRunner

from greendapt.cli.flops import flops
from greendapt.core.errors import GreendaptError, ModelError

pytestmark = pytest.mark.usefixtures("one_thread")

app = typer.Typer()
app.command()(flops)


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def _json(*arguments: str) -> dict:
    return json.loads(_run(*arguments, "--no-cross-check", "--json"))


# parameters as published with the ImageNet classifier
MODELS = {
    "mobilenetv2_100": 3_504_872,
    "efficientnet_b0": 5_288_548,
    "regnety_002": 3_162_996,
    "convnext_atto": 3_695_520,
    "vit_tiny_patch16_224": 5_717_416,
    "swin_tiny_patch4_window7_224": 28_288_354,
    "densenet121": 7_978_856,
    "resnet50": 25_557_032,
}


@pytest.mark.parametrize(("model", "params"), MODELS.items())
def test_counts_of_the_models_of_the_suites(model, params):
    everything = _json(model)
    assert everything["params"] == everything["trainable_params"] == params
    assert everything["uncounted"] == []
    assert 2.9 <= everything["training_flops"] / everything["forward_flops"] <= 3.1
    head = _json(model, "--train", "head")
    assert head["forward_flops"] == everything["forward_flops"]
    assert 1 < head["training_flops"] / head["forward_flops"] < 1.05
    assert head["trainable_params"] < params / 2


def test_more_that_trains_costs_more_and_the_batch_multiplies():
    trains = [_json("resnet18", "--train", t) for t in ("head", "last:1", "last:3", "all")]
    costs = [counts["training_flops"] for counts in trains]
    assert costs == sorted(set(costs))
    params = [counts["trainable_params"] for counts in trains]
    assert params == sorted(set(params))
    three = _json("resnet18", "--train", "last:1", "--batch", "3")
    assert three["training_flops"] == 3 * costs[1]


def test_stages_by_name_and_image_size():
    stage4 = _json("resnet18", "--train", "stage4", "--image-size", "64")
    last2 = _json("resnet18", "--train", "last:2", "--image-size", "64")
    assert stage4["training_flops"] == last2["training_flops"]
    assert stage4["forward_flops"] < _json("resnet18")["forward_flops"] / 10


def test_under_two_seconds_once_imported():
    _json("resnet18")
    started = time.process_time()
    _json("resnet50")
    assert time.process_time() - started < 2


def test_fvcore_beside_it():
    counts = json.loads(_run("resnet18", "--json", "--batch", "2"))
    assert counts["fvcore_forward_flops"] == pytest.approx(counts["forward_flops"], rel=0.02)


def test_text_says_it_all():
    text = _run("resnet18", "--train", "head")
    assert "resnet18, 224 px, batch 1, train head" in text
    assert "params    11,689,512, of which 513,000 train" in text
    assert "fvcore" in text
    assert "fvcore" not in _run("resnet18", "--no-cross-check")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resnet5o"], "did you mean"),
        (["resnet18", "--train", "last:0"], "last:N"),
        (["resnet18", "--train", "last:x"], "last:N"),
        (["resnet18", "--train", "last:99"], "blocks and a stem"),
        (["resnet18", "--train", "stage9"], "stage9"),
        (["convnext_atto", "--image-size", "2"], "cannot run on 2 px images"),
    ],
)
def test_errors_are_one_clear_sentence(arguments, said):
    with pytest.raises(GreendaptError, match=said) as caught:
        _run(*arguments)
    assert caught.value.exit_code == ModelError.exit_code
