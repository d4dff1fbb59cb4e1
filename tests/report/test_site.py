"""The published site: stable addresses, an index, trends, and nothing of the machine in it."""

import html
import json
import re
import shlex

import pytest

from greendapt.core.errors import RunError
from greendapt.report.leaderboard import BEGIN, END
from greendapt.report.public import Public
from greendapt.report.site import RECORD, publish

FILES = {"index.html", "report.md", "report.svg", RECORD}


@pytest.fixture
def site(tmp_path):
    return tmp_path / "site"


@pytest.fixture
def published(run_writer, site, tmp_path):
    """Publishes a run, changed as asked, from a folder of the name given."""

    run_writer.external = {}  # one picture a page is enough here
    run_writer.strategies = ["none", "full", "partial1"]

    def build(name, started="2026-11-20T10:00:00Z", fingerprint="5f2c9e", **changes):
        run_writer.folder = tmp_path / name
        for key, value in changes.items():
            setattr(run_writer, key, value)
        folder = run_writer.write()
        info = json.loads((folder / "run.json").read_text())
        info |= {"started_at": started, "fingerprint": fingerprint}
        info["command"] = (
            f"greendapt bench --data pool={tmp_path}/secret/xrays:label@train "
            "--data external=../near/by --out ~/runs"
        )
        (folder / "run.json").write_text(json.dumps(info))
        return publish([folder], site)

    return build


def test_a_run_gets_a_folder_of_its_own_and_a_line_in_the_index(published, site):
    done = published("Run_1")
    assert {path.relative_to(site).as_posix() for path in done.changed} == {
        "index.html",
        "README.md",
        *(f"run_1/{name}" for name in FILES),
    }
    index = (site / "index.html").read_text()
    assert 'href="run_1/index.html"' in index
    assert "script-src 'none'" in html.unescape(index)
    assert not re.search(r"(?:src|href)=\"(?:https?:|/)", index)


def test_no_path_of_the_machine_is_published(published, site, tmp_path):
    published("run")
    for path in site.rglob("*.*"):
        text = path.read_text()
        assert str(tmp_path) not in text
        assert "secret" not in text
        assert "../near" not in text
    page = (site / "run" / "report.md").read_text()
    assert "--data pool=xrays:label@train --data external=by --out runs" in page


def test_the_index_lists_dataset_backbone_and_strategy(published, site):
    published("run")
    table = (site / "README.md").read_text()
    assert re.search(r"^\| phantom \| \w.* \| all labels \| \**full", table, re.MULTILINE)
    page = (site / "index.html").read_text()
    assert "By dataset, backbone and strategy" in page
    assert page.count('<span class="flag">best buy') == table.count("| **")


def test_a_readme_keeps_what_is_not_the_list(published, site):
    site.mkdir()
    (site / "README.md").write_text(f"mine\n{BEGIN}\nold\n{END}\nalso mine\n")
    published("run")
    lines = (site / "README.md").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("mine", "also mine")
    assert "old" not in lines
    (site / "README.md").write_text("no place for it\n")
    publish([], site)
    assert (site / "README.md").read_text() == "no place for it\n"


def test_what_did_not_change_is_not_written(published, site):
    published("one")
    times = {path: path.stat().st_mtime_ns for path in site.rglob("*.*")}
    again = publish([], site)
    assert (again.changed, again.same) == ((), 2)
    published("two", started="2026-11-21T10:00:00Z")
    kept = [path for path in times if path.parent.name == "one"]
    assert all(path.stat().st_mtime_ns == times[path] for path in kept)
    beside = sum(path.stat().st_size for path in kept if path.name != "index.html")
    assert beside < 200_000


def test_the_place_of_another_run_is_not_taken(published, site):
    published("run")
    with pytest.raises(RunError, match="holds another run"):
        published("run", started="2026-11-21T10:00:00Z")
    assert (site / "run" / RECORD).read_text().count("2026-11-20") == 1


def test_cells_have_a_trend_that_marks_other_machines(published, site):
    published("a", started="2026-11-20T10:00:00Z")
    assert "Over time" not in (site / "index.html").read_text()
    published("b", started="2026-11-21T10:00:00Z", noise=0.01)
    index = (site / "index.html").read_text()
    assert "Over time: chestxray, profile default: all labels" in index
    assert "other machine" not in index
    published("c", started="2026-11-22T10:00:00Z", fingerprint="other")
    index = (site / "index.html").read_text()
    assert index.count('class="flag">other machine') == 1
    assert index.count("<figure>") == 2  # AUC and cost
    trend = index[index.index("Over time") :]
    columns = re.findall(r'<a href="(\w)/index.html">', trend)
    assert columns == ["a", "b", "c"]


def test_other_data_is_another_series(published, site):
    published("a")
    published("b", started="2026-11-21T10:00:00Z", external={"another": 0.7})
    assert "Over time" not in (site / "index.html").read_text()


def test_a_damaged_record_is_named(published, site):
    published("run")
    (site / "run" / RECORD).write_text("{}")
    with pytest.raises(RunError, match=r"published\.json is damaged"):
        publish([], site)


def test_hostile_runs_stay_words_in_the_index(published, site):
    published("run", title="<script>alert(1)</script>", strategies=["full", "none"])
    index = (site / "index.html").read_text()
    assert "<script" not in index


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", ".hidden", "x" * 99])
def test_a_name_is_one_plain_part_of_an_address(site, name):
    with pytest.raises(RunError, match="part of an address"):
        publish([site], site, name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cannot read /home/ann/x/0001.png: gone", "cannot read 0001.png: gone"),
        ("pool=/data/a:b@c", "pool=a:b@c"),
        ("at ../x/y, ~/z and ./w/v", "at y, z and v"),
        ("2 g/kWh on CPU/GPU, 3 / 4", "2 g/kWh on CPU/GPU, 3 / 4"),
        ("cannot write /home/ann smith/My Runs/x.json: full", "cannot write x.json: full"),
        ("no '/home/ann smith/a b.png' there", "no 'a b.png' there"),
        ("from /home/Smith, Ann/x.png to /srv/Ann (old)/y.", "from x.png to y."),
        (r"at C:\Users\Ann Smith\x.png: gone", "at x.png: gone"),
        (r"at \\server\Ann Smith\x.png; and D:/Ann/y", "at x.png; and y"),
        ("at //server/Ann Smith/x.png", "at x.png"),
        ("at file:///home/ann/x.png", "at x.png"),
        ("Smith_Jane/xrays/1.png is gone", "1.png is gone"),
        ("Smith_Jane/Mrs Jane/1.png is gone", "1.png is gone"),
        (r"Smith_Jane\xrays is gone", "xrays is gone"),
        ("see https://doi.org/10.1/x.y and hf-hub:timm/a.b", None),
        ("[n/a] 5%/year, train/val/test", None),
    ],
)
def test_paths_are_cut_to_their_last_name(text, said):
    assert Public().text(text) == (text if said is None else said)


def test_what_the_run_names_itself_is_cut_wherever_it_stands():
    names = Public(["data/Smith_Jane, 1950/x rays"])
    assert names.text("data/Smith_Jane, 1950/x rays holds nothing") == "x rays holds nothing"
    assert names.text("in data/Smith_Jane, 1950/x rays/Ann B/1.png") == "in 1.png"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "pool=/a b/Jane Smith/x:label@train"], "--data pool=x:label@train"),
        (["--data", r"pool=C:\Users\Jane Smith\x y"], "--data 'pool=x y'"),
        (["--data", r"pool=\\srv\Jane Smith\x"], "--data pool=x"),
        (["--out", "patients/Jane Smith/runs/"], "--out runs"),
        (["--out=patients/Jane/runs"], "--out=runs"),
        (["--set", "data.pool.path=Jane/x"], "--set data.pool.path=x"),
        (["--backbones", "hf-hub:timm/x"], "--backbones hf-hub:timm/x"),
    ],
)
def test_a_command_keeps_its_words_and_no_folder(words, said):
    assert Public().command(shlex.join(["greendapt", *words])) == f"greendapt {said}"


@pytest.mark.parametrize("place", ["{}/x-rays", "/{}/x-rays", r"C:\{}\x-rays", r"\\{}\a\x-rays"])
def test_no_folder_of_the_suite_is_published(run_writer, site, place):
    place = place.format("Jane Smith")
    run_writer.notes = [f"{place} holds 3 copies"]
    folder = run_writer.write()
    info = json.loads((folder / "run.json").read_text())
    info["suite"]["data"]["development"] = {"source": "folder", "path": place}
    info["command"] = shlex.join(["greendapt", "bench", "--data", f"development={place}"])
    info["environment"]["gpu"] = place
    (folder / "run.json").write_text(json.dumps(info))
    publish([folder], site)
    assert "development=x-rays" in (site / folder.name / "report.md").read_text()
    assert not [path for path in site.rglob("*.*") if "Jane" in path.read_text()]
    page = (site / folder.name / "index.html").read_text()
    assert "x-rays" in re.search(r'toml" href="([^"]*)"', page)[1]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "javascript:alert(1)//"},
        {"name": "../../elsewhere"},
        {"name": "//evil.example"},
        {"name": "other"},
        {"points": [{"setting": "a"}]},
        {"cost": 5},
        {"started_at": {}},
    ],
)
def test_a_foreign_record_reaches_no_link(published, site, change):
    published("run")
    path = site / "run" / RECORD
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunError, match=r"run/published\.json is damaged"):
        publish([], site)


@pytest.mark.parametrize("text", ["", "[]", "5", "null", "[" * 10**5, "\xff", '{"name": NaN}'])
def test_a_record_of_any_shape_is_one_sentence(published, site, text):
    published("run")
    (site / "run" / RECORD).write_bytes(text.encode("latin-1"))
    with pytest.raises(RunError, match=r"run/published\.json"):
        publish([], site)
