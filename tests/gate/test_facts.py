"""What makes two runs' data the same."""

import copy

import pytest

from greendapt.gate.facts import _data_key
from greendapt.store.runinfo import RunInfo

FOLDER = {"source": "folder", "path": "/here/xrays", "label": "label"}
MERGED = {"source": "merged", "sources": [FOLDER]}
SAID = {
    "suite": {
        **{"schema": 1, "name": "s", "title": "s", "model": {"backbones": ["test_resnet"]}},
        **{"run": {"strategies": ["none"], "transfers": ["probe"]}, "strategy": {"none": {}}},
        "transfer": {"probe": {"kind": "probe", "epochs": 1, "learning_rate": 1e-3}},
        "data": {
            "pool": FOLDER,
            "development": {"source": "phantom", "images": 80, "seed": 2},
            "pools": {"two": {"domain": "medical", "data": MERGED}},
        },
    },
    "data": {"pool": {"images": 9}, "development": {"images": 80}, "external": {}},
}


def changed(change):
    said = copy.deepcopy(SAID)
    change(said["suite"]["data"], said["data"])
    return _data_key(RunInfo.model_validate(said))


@pytest.mark.parametrize(
    "change",
    [
        lambda suite, _: suite["pool"].update(path="/there"),
        lambda suite, _: suite["pools"]["two"]["data"]["sources"][0].update(path="/there"),
        lambda _, counts: counts.update(targets={}),
        lambda _, counts: counts.update(pools={"two": {"images": 4}}),
        lambda suite, _: suite["development"].update(severity=4 / 7),
    ],
    ids=[
        "a path",
        "a path within",
        "a role without data",
        "pools that were read",
        "a default, stated",
    ],
)
def test_where_data_lie_does_not_matter(change):
    assert changed(change) == changed(lambda *_: None)


@pytest.mark.parametrize(
    "change",
    [
        lambda suite, _: suite["development"].update(seed=3),
        lambda suite, _: suite["development"].update(severity=0.8),
        lambda suite, _: suite["pools"]["two"]["data"]["sources"][0].update(label="other"),
        lambda _, counts: counts["pool"].update(images=10),
    ],
    ids=["another phantom", "easier phantoms", "other labels within", "another count"],
)
def test_what_they_are_does(change):
    assert changed(change) != changed(lambda *_: None)
