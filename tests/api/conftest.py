"""The sample plug-in as if it were installed, without pip: its metadata on the path."""

import os
import shutil
import tomllib
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "sample_plugin"


def installed(folder, entry_points):
    """What an installer leaves of the sample's metadata in ``folder``."""
    info = folder / "sample_plugin-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sample-plugin\nVersion: 0.1\n")
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]))


@pytest.fixture(scope="session")
def entry_points():
    """By group."""
    text = (SAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["entry-points"]


@pytest.fixture(scope="session")
def sample(tmp_path_factory, entry_points):
    """The environment of a process that has the sample, and a broken one in each group for each
    target in ``broken``."""

    def environment(*broken):
        folder = tmp_path_factory.mktemp("site")
        shutil.copytree(SAMPLE / "sample_plugin", folder / "sample_plugin")
        points = {group: dict(named) for group, named in entry_points.items()}
        for named in points.values():
            named |= {f"broken{number}": target for number, target in enumerate(broken)}
        installed(folder, points)
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}

    return environment
