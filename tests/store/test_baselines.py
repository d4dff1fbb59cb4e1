"""The baseline file: what is written is read, and nothing else is believed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendapt.core.figures import Quality
from greendapt.store.baselines import (
    SCHEMA,
    Baseline,
    BaselineError,
    CellBaseline,
    Machine,
    Spread,
    read_baseline,
    render,
    sealed,
    write_baseline,
)

SPREAD = Spread(mean=1.25, spread=0.02, repeats=3, quality=Quality.ESTIMATED)


def cell(strategy="full", flops=10**12):
    return CellBaseline(
        name=(strategy, "resnet18", "probe", "full"),
        seeds=(0, 1),
        auc=(0.75, 0.8),
        exact={"training_flops": flops, "optimizer_steps": (8, 9)},
        noisy={"abc123": {"wall_s": SPREAD}},
    )


BASELINE = Baseline(
    schema=SCHEMA,
    suite="chestxray",
    profile="smoke",
    data="0123456789abcdef",
    machines={"abc123": Machine(says="A CPU", troubles=("heat",))},
    cells=(cell("none"), cell("full"), cell('odd "name"\n\u00e9 [x]')),
)


@pytest.fixture
def refused(tmp_path):
    """The error that a text gives."""

    def read(text):
        path = tmp_path / "baseline.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(BaselineError) as error:
            read_baseline(path)
        return str(error.value)

    return read


def test_what_is_written_is_read(tmp_path):
    write_baseline(tmp_path / "b.toml", BASELINE)
    assert read_baseline(tmp_path / "b.toml") == BASELINE
    dos = (tmp_path / "b.toml").read_text(encoding="utf-8").replace("\n", "\r\n")
    (tmp_path / "b.toml").write_bytes(dos.encode())
    assert read_baseline(tmp_path / "b.toml") == BASELINE


def test_a_changed_figure_changes_its_line_and_the_seals_alone():
    other = BASELINE.model_copy(update={"cells": (cell("none"), cell(flops=2), BASELINE.cells[2])})
    pairs = zip(render(BASELINE).splitlines(), render(other).splitlines(), strict=True)
    changed = [after for before, after in pairs if before != after]
    assert [line.split()[0:2] for line in changed] == [
        ["training_flops", "="], ["#", "seal"], ["#", "end:"],
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_edit_of_a_line_is_found_at_that_line(tmp_path_factory, data):
    lines = render(BASELINE).splitlines()
    number = data.draw(st.sampled_from([n for n, line in enumerate(lines) if line]))
    line = lines[number]
    position = data.draw(st.integers(0, len(line) - 1))
    lines[number] = line[:position] + "~" + line[position + 1 :]
    path = tmp_path_factory.getbasetemp() / "edited.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(BaselineError) as error:
        read_baseline(path)
    said = int(re.search(r"line (\d+)", str(error.value))[1])
    if line.startswith("# seal"):  # then the line that does not fit it is named
        assert abs(said - number - 1) <= 20
    elif line.startswith("schema"):
        assert said == 1
    else:
        assert said == number + 1


@settings(max_examples=100, deadline=None)
@given(size=st.integers(0, len(render(BASELINE)) - 2))
def test_a_truncated_file_is_never_believed(tmp_path_factory, size):
    path = tmp_path_factory.getbasetemp() / "cut.toml"
    text = render(BASELINE)[:size]
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BaselineError, match="line ") as error:
        read_baseline(path)
    said = int(re.search(r"line (\d+)", str(error.value))[1])
    assert said <= max(1, text.count("\n") + 1)


def test_cut_off_names_the_last_line(refused):
    lines = render(BASELINE).splitlines()
    assert "line 9: the file is cut off here" in refused("\n".join(lines[:9]) + "\n")


def test_a_lost_line_a_lost_block_and_a_merge_are_found(refused):
    text = render(BASELINE)
    lost = refused(text.replace("auc = [0.75, 0.8]\n", "", 1))
    assert "line 17: not as it was written ([cells.exact])" in lost
    blocks = text.split("\n\n")
    fewer = refused("\n\n".join(blocks[:2] + blocks[3:]))
    assert "5 blocks were written, and these 4 are not they" in fewer
    merged = refused(text.replace("seeds", "<<<<<<< HEAD\nseeds", 1))
    assert "line 16: not as it was written (<<<<<<< HEAD)" in merged


def test_a_newer_schema_names_its_line(refused):
    said = refused(render(BASELINE).replace(f"schema = {SCHEMA}", "schema = 99"))
    assert "line 3: schema 99, but this greendapt reads up to" in said
    assert "use a newer greendapt" in said


@pytest.mark.parametrize("text", ["", "\n\n", "{}", "schema = two\n", "[[cells]]\n"])
def test_what_is_no_baseline_is_told(refused, text):
    assert "line 1: no baseline" in refused(text)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "b.toml"
    path.write_bytes(render(BASELINE).encode().replace(b"A CPU", b"A \xff"))
    with pytest.raises(BaselineError, match="line 10: not text"):
        read_baseline(path)


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(BaselineError, match="No such file"):
        read_baseline(tmp_path / "none.toml")


OLD = [
    ["schema = 1", 'suite = "chestxray"', 'profile = "smoke"', 'data = "0123456789abcdef"'],
    ["[machines.abc123]", 'says = "A CPU"'],
    [
        "[[cells]]",
        'name = ["full", "resnet18", "probe", "full"]',
        "seeds = [0, 1]",
        "auc = [0.75, 0.8]",
        "[cells.exact]",
        "training_flops = 1000",
        "steps = [8, 9]",
        "[cells.noisy.abc123]",
        "wall_s = { mean = 1.25, spread = 0.02, repeats = 3 }",
        "energy_j = { mean = 9.5, spread = 0.02, repeats = 3 }",
    ],
]


def test_an_older_schema_is_migrated(tmp_path):
    (tmp_path / "b.toml").write_text(sealed(OLD), encoding="utf-8")
    read = read_baseline(tmp_path / "b.toml")
    assert read.schema_version == SCHEMA
    (found,) = read.cells
    assert found.exact == {"training_flops": 1000, "optimizer_steps": (8, 9)}
    assert found.noisy["abc123"]["wall_s"] == SPREAD.model_copy(update={"quality": "measured"})
    assert found.noisy["abc123"]["energy_j"].quality is Quality.ESTIMATED


def test_what_does_not_fit_the_schema_is_told(refused):
    assert "no baseline" in refused(sealed([*OLD, ["[surprise]"]]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("params = []", "params has no value"),
        ("params = [1]", "params has 1 values for"),
        ("params = -1", "should be greater than or equal to 0"),
        (f"params = {'9' * 5000}", "Exceeds the limit"),
        (f"params = {'[' * 5000}{']' * 5000}", "nest more than"),
        ("params.a = 1", "no baseline"),
    ],
)
def test_a_line_that_was_edited_and_sealed_anew_is_one_sentence(tmp_path, line, said):
    blocks = [
        ["schema = 2", 'suite = "s"', 'profile = "p"', 'data = "d"'],
        [
            "[[cells]]",
            'name = ["none"]',
            "seeds = [0, 1]",
            "auc = [0.5, 0.6]",
            "[cells.exact]",
            line,
        ],
    ]
    path = tmp_path / "baseline.toml"
    path.write_text(sealed(blocks))
    with pytest.raises(BaselineError, match=re.escape(said)):
        read_baseline(path)
