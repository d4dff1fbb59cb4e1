"""``greendapt score`` as a user runs it."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from greendapt.models import weights
from greendapt.models.backbone import create_backbone

SMALL = ("--image-size", 32, "--images", 30, "--device", "cpu")


@pytest.fixture
def files(tmp_path):
    for seed in (0, 1):
        torch.manual_seed(seed)
        weights.save(
            create_backbone("test_resnet", image_size=32), tmp_path / f"{seed}.safetensors"
        )
    return [tmp_path / f"{seed}.safetensors" for seed in (0, 1)]


def test_two_checkpoints_side_by_side(greendapt, files):
    said = greendapt(
        "score", "--weights", files[0], "--weights", files[1], "--data", "phantom",
        "--scores", "all", "--json", *SMALL,
    )  # fmt: skip
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["images"] == 30
    assert [row["weights"] for row in found["weights"]] == [str(path) for path in files]
    first, second = (row["scores"] for row in found["weights"])
    assert first["robustness"]["better"] == "lower"
    assert 0 <= first["robustness"]["value"] <= 2.5
    assert first["robustness"] != second["robustness"]
    assert first["leep"] == {
        "value": None, "better": "higher", "why": "it needs the linear head of the pre-training",
    }  # fmt: skip


def test_a_checkpoint_scores_as_the_same_tensors_in_safetensors(greendapt, tmp_path):
    state = create_backbone("test_resnet", image_size=32).net.state_dict()
    plain, path = tmp_path / "plain.safetensors", tmp_path / "last.ckpt"
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, plain)
    torch.save({"epoch": 3, "state_dict": {f"model.{k}": v for k, v in state.items()}}, path)
    asked = ("score", "--data", "phantom", "--backbone", "test_resnet", "--json", *SMALL)
    said = greendapt(*asked, "--weights", plain, "--weights", path)
    assert said.code == 0, said.err
    first, second = (row["scores"] for row in json.loads(said.out)["weights"])
    assert first["robustness"] == second["robustness"]
    assert "under 'state_dict.model'" in said.err
    nameless = greendapt("score", "--data", "phantom", *SMALL, "--weights", path)
    assert nameless.code == 2
    assert f"{path} does not say of which backbone it is" in nameless.err


def test_a_folder_without_labels_has_the_label_free_score(greendapt, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "pool").mkdir()
    for i in range(5):
        Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8)).save(
            tmp_path / "pool" / f"{i}.png"
        )
    rows = "\n".join(f"{i}.png" for i in range(5))
    (tmp_path / "pool" / "labels.csv").write_text(f"image\n{rows}\n", encoding="utf-8")
    asked = ("score", "--weights", "none", "--backbone", "test_resnet", *SMALL)
    said = greendapt(*asked, "--data", tmp_path / "pool")
    assert said.code == 0, said.err
    assert "robustness" in said.out
    assert "lower is better" in said.out
    labelled = greendapt(*asked, "--data", tmp_path / "pool", "--scores", "knn")
    assert labelled.code == 2
    assert "no label column" in labelled.err


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("--weights", "none"), "needs --backbone"),
        (("--weights", "no.safetensors"), "there is no file"),
        (("--weights", "none", "--backbone", "test_resnet", "--scores", "lgme"), "no score 'lgme'"),
        (("--weights", "none", "--backbone", "test_resnet", "--stage", 7), "has no stage 7"),
    ],
)
def test_what_is_wrong_is_one_sentence(greendapt, asked, sentence):
    said = greendapt("score", *asked, "--data", "phantom", *SMALL)
    assert said.code == 2
    assert said.out == ""
    assert sentence in said.err
    assert "Traceback" not in said.err
