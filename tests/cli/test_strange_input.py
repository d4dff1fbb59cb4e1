"""Input that nobody means: one sentence, exit code 2, at once, and no traceback."""

import os
import pickle

import pytest

DEEP = "[" * 5000 + "]" * 5000
LONG = ".".join(["a"] * 20000)
HEAD = "dataset,series,epoch,seed,quality"


@pytest.fixture
def refused(greendapt):
    """Runs a command that must refuse; gives its sentence."""

    def run(*arguments):
        done = greendapt(*arguments)
        assert done.code == 2, done.err
        assert "internal error" not in done.err
        assert "Traceback" not in done.err
        return done.err.split("greendapt: ", 1)[1].strip()

    return run


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('schema = 1\nname = "x"\n[data.pool]\npath = "\\u0000"\n', r"'\x00': no text with a null"),
        (f"title = {DEEP}\n", "nest more than 32 deep"),
        (f"title = {'{a=' * 900}1{'}' * 900}\n", "nest more than 32 deep"),
        (f"{LONG} = 1\n", "a key of more than 32 parts"),
        (f"[{LONG}]\n", "a key of more than 32 parts"),
        (f"schema = {'9' * 5000}\n", "not valid TOML"),
        ('[data.pool]\nsource = "folder"\npath = "~nobody-at-all/x"\n', "cannot be a path"),
    ],
    ids=["nul", "deep list", "deep table", "dotted", "dotted head", "digits", "home"],
)
def test_suite_files(refused, tmp_path, text, said):
    path = tmp_path / "own.toml"
    path.write_text(text)
    for command in (["bench", "--suite"], ["plan", "--device", "h100", "--suite"]):
        assert said in refused(*command, path)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (f"title={DEEP}", "--set title: tables or lists nest"),
        (f"{LONG}=1", "is no key of a suite: a key of more than 32 parts"),
        (f"run.seeds={'9' * 5000}", "--set run.seeds: Exceeds the limit"),
        ('data.pool={source="npz",path="\\u0000.npz"}', "no text with a null character"),
        ("title=\udcff", "or that is not UTF-8"),
        ("run.seeds=1001", "run.seeds: should be a number from 1 to 1000"),
        ("run.base_seed=99999999999999999999999", "run.base_seed: should be less than"),
        ("data.pool.images=2000000000", "data.pool.images: should be less than or equal to"),
        ("fractal.classes=1.5", "fractal.classes: should be a valid integer"),
        ("carbon.pue=inf", "carbon.pue: should be a finite number"),
        ("carbon.embodied_kg=inf", "carbon.embodied_kg: should be a finite number"),
        ("carbon.lifetime_years=1e-300", "carbon.lifetime_years: should be greater"),
        ("phase.adapt.learning_rate=nan", "learning_rate: should be a finite number"),
        ('limits.energy="inf%"', "a percentage, such as 5%"),
    ],
    ids=lambda value: value[:30].encode("ascii", "replace").decode(),
)
def test_settings(refused, tiny, setting, said):
    assert said in refused("bench", "--suite", tiny, "--set", setting)


def test_very_many_seeds(refused, tiny):
    said = refused("bench", "--suite", tiny, "--seeds", "100000000")
    assert "from 1 to 1000, or a range such as { from = 3, to = 20 } (is 100000000)" in said
    assert "give how many, such as 5" in refused("bench", "--suite", tiny, "--seeds", "9" * 5000)


def test_more_images_than_memory_holds(refused, tiny):
    many = "data.pool.images=10000000"
    said = refused("bench", "--suite", tiny, "--image-size", "1024", "--set", many)
    assert "10000000 images of 1024 x 1024 px" in said
    assert "do not fit in memory" in said


@pytest.mark.parametrize("content", [None, b"", pickle.dumps({"weight": 1})])
def test_a_plan_looks_at_its_weights(refused, tiny, tmp_path, content):
    path = tmp_path / "mine.pth"
    if content is not None:
        path.write_bytes(content)
    for device in ([], ["--device", "h100"]):
        said = refused("plan", "--suite", tiny, "--weights", path, *device)
        assert f"weights: there is no file {path}" in said or f"weights: {path} " in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (f"{HEAD}\nd,s,1,0,0.5,9,9\n", "row 2 has 7 cells, its header names 5 columns"),
        (f"{HEAD}\nd,s\n", "row 2 has 2 cells, its header names 5 columns"),
        (f"{HEAD}\nd,s,0,0,0.5\n", "epochs from 0 to 0"),
        (f"{HEAD}\nd,s,-1,0,0.5\nd,s,1,0,0.5\n", "epochs from -1 to 1"),
        (f"{HEAD}\nd,s,1,0,0.5\nd,s,1e308,0,0.6\n", "'1e308' in the column epoch is beyond"),
        (f"{HEAD}\nd,s,1,0,0.5\nd,s,1e12,0,0.6\n", "is not a whole number up to 1000000000"),
        (f"{HEAD}\nd,s,1,0,inf\n", "'inf' in the column quality is beyond"),
        (f"{HEAD},-\nd,s,1,0,0.5,1\n", "column 6 has no name"),
        (f"{HEAD},quality\nd,s,1,0,0.5,1\n", "the column quality is there twice"),
        ("", "has no column series"),
        (f"{HEAD}\n\n", "has no rows"),
    ],
    ids=lambda value: value.replace(HEAD, "").strip()[:30],
)
def test_tables_for_replay(refused, tmp_path, table, said):
    path = tmp_path / "table.csv"
    path.write_text(table)
    assert said in refused("replay", path)


def test_a_table_whose_lines_end_in_a_comma_is_read(greendapt, tmp_path):
    plain, commas = tmp_path / "plain.csv", tmp_path / "commas.csv"
    rows = [HEAD, "d,s,1,0,0.5", "d,s,2,0,0.6", "d,s,3,0,0.55"]
    plain.write_text("\n".join(rows))
    commas.write_text("\n".join(f"{row}," for row in rows))
    assert greendapt("replay", commas).out == greendapt("replay", plain).out != ""


@pytest.mark.parametrize("variable", ["LOCAL_RANK", "WORLD_SIZE"])
@pytest.mark.parametrize("written", ["abc", "-1", "1.5", "9" * 50])
def test_a_launcher_that_says_nothing_sensible(refused, tiny, monkeypatch, variable, written):
    monkeypatch.setenv(variable, written)
    command = ["doctor"] if variable == "LOCAL_RANK" else ["bench", "--suite", tiny]
    assert f"the variable {variable} is '{written}'" in refused(*command)


def test_a_pipe_as_an_image_is_named_and_never_waited_for(refused, tiny, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    os.mkfifo(folder / "a.png")
    (folder / "labels.csv").write_text("image,label\na.png,a\na.png,b\n")
    for command in (["bench"], ["plan", "--device", "h100"]):
        said = refused(*command, "--suite", tiny, "--data", f"development={folder}")
        assert "a.png (a device or pipe, no file)" in said


def test_a_name_that_no_file_can_have(refused, tiny):
    assert "name too long" in refused("bench", "--suite", tiny, "--data", f"pool={'a' * 300}")
    assert "name too long" in refused("bench", "--suite", "a" * 300)
