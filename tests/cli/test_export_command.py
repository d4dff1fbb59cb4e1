"""``greendapt export``: what another program gets out of a run, and what it is told."""

import base64
import csv
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score

import greendapt as package
from greendapt.suite.suite_files import load
from greendapt.transfer.heads import make_head

pytestmark = pytest.mark.e2e

MORE = """
[strategy.cut]
cut = 2
phases = ["head", "adapt"]
[strategy."none:cut2"]
cut = 2
[transfer.unet]
kind = "segment"
epochs = 1
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def suite(tiny, tmp_path_factory):
    """The tiny suite with cuts and masks."""
    path = tmp_path_factory.mktemp("exporting") / "tiny.toml"
    path.write_text(tiny.read_text(encoding="utf-8") + MORE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def xrays(tmp_path_factory):
    """Grey images that are no squares, two classes, of known patients and splits."""
    folder = tmp_path_factory.mktemp("private") / "xrays"
    folder.mkdir()
    rng, rows = np.random.default_rng(0), [("image", "label", "patient_id", "split")]
    for number in range(80):
        pixels = rng.integers(0, 200, (48, 60), dtype=np.uint8)
        pixels[:, :30] += np.uint8(12 * (number % 2))
        Image.fromarray(pixels).save(folder / f"{number}.png")
        split = "train" if number < 40 else "val" if number < 50 else "test"
        rows.append((f"{number}.png", ("ill", "well")[number % 2], f"secret{number}", split))
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def made(in_process, suite, xrays, tmp_path_factory, only_run):
    out = tmp_path_factory.mktemp("made")
    done = in_process(
        *("bench", "--suite", suite, "--out", out, "--data", f"development={xrays}"),
        *("--strategies", "none,full,cut,none:cut2", "--seeds", 2),
    )
    assert done.code == 0, done.err
    return only_run(out)


@pytest.fixture(scope="module")
def masks(in_process, suite, tmp_path_factory, only_run):
    """Two backbones, each the encoder of a U-Net."""
    out = tmp_path_factory.mktemp("masks")
    done = in_process(
        *("bench", "--suite", suite, "--out", out, "--strategies", "full"),
        *("--transfers", "unet", "--backbone", "test_resnet,test_efficientnet"),
    )
    assert done.code == 0, done.err
    return only_run(out)


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def executed(code):
    names = {}
    with torch.inference_mode():
        exec(compile(code, "printed", "exec"), names)
    return names


def row_of(run, strategy, seed=0):
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return next(row for row in rows if (row["strategy"], row["seed"]) == (strategy, seed))


def file_of(run, row, kind, name):
    """The last file of that name that a stage of a kind left for a row."""
    records = map(json.loads, (run / "records.jsonl").open(encoding="utf-8"))
    kinds = {record["key"]: record["kind"] for record in records}
    key = [key for key in row["stages"] if kinds[key] == kind][-1]
    return load_file(run / "checkpoints" / key / name)


def test_a_probe_on_exported_features_has_the_auc_of_the_run(greendapt, run, suite, xrays):
    done = greendapt("export", run, "--strategy", "full", "--seed", 1, "--out", "made")
    assert done.code == 0, done.err
    assert done.err == ""
    model = timm.create_model("local-dir:made", pretrained=True, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    rows = list(csv.DictReader((xrays / "labels.csv").open(encoding="utf-8")))
    rows = [row for row in rows if row["split"] == "test"]
    images = [transform(Image.open(xrays / row["image"]).convert("RGB")) for row in rows]
    with torch.inference_mode():
        features = model(torch.stack(images))
    row = row_of(run, "full", 1)
    stored = file_of(run, row, "test-features", "features.safetensors")["development"]
    torch.testing.assert_close(features, stored, rtol=0, atol=1e-5)
    head = make_head(load(suite).transfer["probe"], torch.zeros(2, features.shape[1]), 2, 0)
    head.load_state_dict(file_of(run, row, "probe", "head.safetensors"))
    with torch.inference_mode():
        well = head.eval()(features).softmax(1)[:, 1]
    auc = roc_auc_score([one["label"] == "well" for one in rows], well)
    assert auc == pytest.approx(row["metrics"]["development"]["auc"], abs=1e-6)


@pytest.mark.parametrize("strategy", ["full", "cut"])
def test_the_printed_lines_run_as_they_are(greendapt, run, strategy, tmp_path):
    done = greendapt("export", run, "--strategy", strategy)
    assert done.code == 0, done.err
    folder = run / "exports" / f"test_resnet-{strategy}-seed0"
    assert done.out.splitlines()[0] == f"# {folder}"
    Image.new("L", (50, 40), 99).save(tmp_path / "image.png")
    features = executed(done.out)["features"]
    assert features.shape == (1, 96 if strategy == "full" else features.shape[1])
    kept = load_file(run / row_of(run, strategy)["checkpoint"])
    exported = load_file(folder / "model.safetensors")
    assert kept.keys() == exported.keys()
    assert all(torch.equal(kept[name], exported[name]) for name in kept)


def test_the_summary_says_whose_checkpoint_is_which(made):
    rows = json.loads((made / "summary.json").read_text(encoding="utf-8"))["rows"]
    places = {(row["strategy"], row["seed"]): row["checkpoint"] for row in rows}
    adapted = [places[name, seed] for name in ("full", "cut") for seed in (0, 1)]
    assert len({*adapted}) == 4
    assert all((made / place).is_file() for place in adapted)
    assert [places[name, 0] for name in ("none", "none:cut2")] == [None, None]


def test_the_encoder_of_a_u_net_is_exported(greendapt, masks, tmp_path):
    out = tmp_path / "encoder"
    done = greendapt(
        *("export", masks, "--strategy", "full", "--setting", "test_efficientnet", "--out", out)
    )
    assert done.code == 0, done.err
    Image.new("L", (50, 40), 99).save(tmp_path / "image.png")
    assert executed(done.out)["features"].shape[0] == 1
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "unet, all labels: Development Dice" in card
    assert json.loads((out / "config.json").read_text())["architecture"] == "test_efficientnet"


def test_the_card_has_counts_costs_and_scores_and_nobodys_names(greendapt, run, xrays):
    assert greendapt("export", run, "--strategy", "full", "--out", "made").code == 0
    card = Path("made/README.md").read_text(encoding="utf-8")
    row = row_of(run, "full")
    scores = row["metrics"]["development"]
    ends = ", ".join(f"{scores[f'auc_{end}']:.3f}" for end in ("low", "high"))
    assert f"| {scores['auc']:.3f} [{ends}] |" in card
    assert "(2 seeds)" in card
    assert "| adapted on | 60 images, 40 patients, 4 classes, synthetic |" in card
    energy = row["parts"]["adaptation"]["energy_j"]
    assert f"| {energy['quality']}: " in card
    assert "greendapt export run --strategy full --seed 0" in card
    assert "--data development=xrays" in card
    for private in ("secret", str(xrays.parent), str(run.parent), "70.png"):
        assert private not in card
    front = card.split("---")[1]
    assert "library_name: timm" in front
    assert "license" not in front.lower()
    adaptation = row["parts"]["adaptation"]["carbon_g"]["value"]
    if adaptation is not None:
        assert f"emissions: {float(f'{adaptation:.4g}')}" in front


def test_python_does_what_the_command_does(run):
    done = package.read_run(run).export("cut", seed=1, out=run / "exports" / "own")
    assert sorted(one.name for one in done.folder.iterdir()) == ["README.md", "model.safetensors"]
    assert str(done.folder) in done.loading
    with pytest.raises(FileNotFoundError):
        timm.create_model(f"local-dir:{done.folder}", pretrained=True)


def test_an_export_is_replaced_and_nothing_else_is(greendapt, run, tmp_path):
    for strategy in ("full", "cut"):
        assert greendapt("export", run, "--strategy", strategy, "--out", "made").code == 0
    assert not (tmp_path / "made" / "config.json").exists()
    (tmp_path / "made" / "mine.txt").write_text("dear")
    done = greendapt("export", run, "--strategy", "full", "--out", "made")
    assert_refused(done, "made holds mine.txt and is no export: name another folder with")
    assert (tmp_path / "made" / "mine.txt").exists()
    done = greendapt("export", run, "--strategy", "full", "--out", run / "run.json")
    assert_refused(done, "run.json is a file and is no export")


def assert_refused(done, said):
    assert (done.code, done.out) == (2, ""), done.err
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--strategy", "none"], "'none' adapts nothing, its backbone is the generic one"),
        (["--strategy", "none:cut2"], "name a strategy that adapts; there is: full, cut"),
        (["--strategy", "ful"], "there is no strategy 'ful' in this run; did you mean full?"),
        (["--strategy", "full", "--seed", "7"], "there is no seed 7 in this run"),
        (["--strategy", "full", "--setting", "prob"], "did you mean probe?"),
        ([], "give --strategy NAME (its backbone) or --to TRACKER (the run)"),
    ],
)
def test_what_there_is_not_is_said_in_one_sentence(greendapt, made, arguments, said):
    assert_refused(greendapt("export", made, *arguments), said)
    assert not (made / "exports").exists()


def test_several_backbones_are_asked_for(greendapt, masks):
    done = greendapt("export", masks, "--strategy", "full")
    assert_refused(done, "say which: --setting test_resnet or test_efficientnet")


def test_a_lost_or_damaged_checkpoint_is_said(greendapt, run):
    path = run / row_of(run, "full")["checkpoint"]
    whole = path.read_bytes()
    for spoilt in (whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(spoilt)
        said = f"{path} is not what was written; only running the suite again"
        assert_refused(greendapt("export", run, "--strategy", "full"), said)
    path.unlink()
    assert_refused(greendapt("export", run, "--strategy", "full"), f"{path} is missing; only ")
    assert not list(run.glob("exports/*"))


PLAIN = {"uploadMode": "regular", "shouldIgnore": False}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as an upload needs; who comes without the token is refused."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.answer({"error": "Repository not found"}, 404 if self.is_known() else 401)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server, address = self.server, f"http://127.0.0.1:{self.server.server_port}/me/it"
        if not self.is_known():
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path.endswith("/create"):
            server.created.append(json.loads(body))
            self.answer({"url": address})
        elif "/preupload/" in self.path:
            names = [one["path"] for one in json.loads(body)["files"]]
            self.answer({"files": [PLAIN | {"path": name} for name in names]})
        elif "/commit/" in self.path:
            lines = [json.loads(line)["value"] for line in body.splitlines()]
            server.files |= {one["path"]: one["content"] for one in lines if "path" in one}
            self.answer({"commitUrl": address, "commitOid": "1"})
        else:
            self.answer({})

    def is_known(self):
        return self.headers.get("Authorization") == "Bearer good"

    def answer(self, what, status=200):
        data = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.created, server.files = [], {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_TOKEN", "good")
        yield server
        server.shutdown()


def test_a_folder_is_pushed_to_the_hub_when_asked(greendapt, run, hub, tmp_path):
    assert greendapt("export", run, "--strategy", "full", "--out", "made").code == 0
    assert hub.created == []
    done = greendapt("export", run, "--strategy", "full", "--out", "made", "--push-to-hub", "me/it")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"# http://127.0.0.1:{hub.server_port}/me/it"
    (created,) = hub.created
    assert (created["organization"], created["name"]) == ("me", "it")
    assert created.get("visibility") == "private" or created["private"]
    assert hub.files.keys() == {"README.md", "config.json", "model.safetensors"}
    for name, content in hub.files.items():
        assert base64.b64decode(content) == (tmp_path / "made" / name).read_bytes()
    card = base64.b64decode(hub.files["README.md"]).decode()
    assert 'timm.create_model("hf-hub:me/it", pretrained=True' in card


@pytest.mark.usefixtures("hub")
def test_what_the_hub_refuses_is_said_and_the_folder_stays(greendapt, run, monkeypatch, tmp_path):
    arguments = ("export", run, "--strategy", "full", "--out", "made", "--push-to-hub")
    monkeypatch.setenv("HF_TOKEN", "bad")
    done = greendapt(*arguments, "me/it")
    said = "--push-to-hub me/it: the hub refuses it (HTTP 401: log in with 'hf auth login', or set"
    assert_refused(done, said)
    assert (tmp_path / "made" / "config.json").exists()
    assert_refused(greendapt(*arguments, "me//it"), "--push-to-hub me//it: the hub refuses it (")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    done = greendapt(*arguments, "me/it")
    assert_refused(done, "http://127.0.0.1:9 cannot be reached; the folder is there: made")
