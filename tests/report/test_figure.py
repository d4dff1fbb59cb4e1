"""Figures for papers and slides: of what was asked, as wide as asked, in the font asked for."""

import io
import re

import pytest
from PIL import Image

from greendapt.cli.figure import figure
from greendapt.core.errors import GreendaptError
from greendapt.report.charts import paper
from greendapt.report.figure import write_figure


@pytest.fixture
def draw(seen, tmp_path):
    """What `write_figure` makes of an invented run, as bytes by ending."""

    run = seen()

    def drawn(formats=("svg",), panels=("development",), style="paper", **asked):
        done = write_figure(run, tmp_path / "plot", formats, panels, style, **asked)
        return {path.suffix[1:]: path.read_bytes() for path in done.files}, done.caption

    return drawn


def test_every_format_is_as_wide_as_a_column(draw):
    files, caption = draw(("svg", "pdf", "png"))
    assert b' width="85mm" height="' in files["svg"]
    page = re.search(rb"/MediaBox *\[0 0 ([\d.]+) ", files["pdf"])
    assert float(page[1]) == pytest.approx(85 / 25.4 * 72, abs=0.1)
    image = Image.open(io.BytesIO(files["png"]))
    assert image.width == pytest.approx(85 / 25.4 * 300, abs=1)
    assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)
    assert caption == (
        "Development AUC against the carbon of adaptation and transfer, with 95% intervals "
        "(all labels). Synthetic images."
    )


@pytest.mark.parametrize(("style", "width", "points"), [("paper", "85mm", 8), ("slides", None, 14)])
def test_text_has_the_size_of_the_style(draw, style, width, points):
    svg = draw(style=style, width=width)[0]["svg"].decode()
    mm, pixels = re.search(r'width="([\d.]+)mm".*?viewBox="0 0 ([\d.]+) ', svg).groups()
    assert 12 * float(mm) / 25.4 * 72 / float(pixels) == pytest.approx(points, rel=0.01)


def test_panels_are_lettered_and_stand_beside_each_other_where_there_is_room(draw):
    def shape(**asked):
        svg = draw(panels=("development", "external"), **asked)[0]["svg"].decode()
        assert "a  Development AUC" in svg
        assert "b  External hospital_b AUC" in svg
        width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)', svg).groups()
        return float(width) / float(height)

    assert shape(width="85mm") < 1 < shape(width="180mm")


def test_the_same_run_gives_the_same_bytes(draw):
    assert draw(("svg", "png")) == draw(("svg", "png"))  # a PDF's dictionaries have no order


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"formats": ("gif",)}, "--format gif is none of svg, pdf, png"),
        ({"style": "poster"}, "--style poster is none of paper, slides"),
        ({"panels": ("hospital_c",)}, "there is no panel 'hospital_c' .there is: development, ext"),
        ({"panels": ("learning",)}, "there is nothing to draw"),
        ({"width": "5mm"}, "--width '5mm': give 30mm to 1000mm"),
        ({"width": "1.2.3mm"}, "--width '1.2.3mm': give 30mm to 1000mm"),
        ({"font": "No Such Font"}, "--font 'No Such Font' is not among this machine's fonts"),
        ({"font": "a<b"}, "is no name of a font family"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw, asked, said):
    with pytest.raises(GreendaptError, match=said):
        draw(**asked)


def test_more_panels_than_a_figure_holds_are_to_be_chosen_from(draw, monkeypatch):
    monkeypatch.setattr(paper, "_MOST", 1)
    with pytest.raises(GreendaptError, match=r"2 panels are too many .* take some with --setting"):
        draw(panels=("development", "external"))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["figure.pdf"]),
        ({"form": "png,svg"}, ["figure.png", "figure.svg"]),
        ({"out": "front.svg"}, ["front.svg"]),
        ({"out": "front.v2", "form": "svg"}, ["front.v2.svg"]),
    ],
)
def test_the_command_names_its_files(run_writer, tmp_path, capsys, given, names):
    run = run_writer.write()
    asked = {"form": None, "out": None, "panels": "development", "strategies": "none,full"}
    asked |= {"setting": None, "style": "paper", "width": None, "font": None} | given
    if asked["out"]:
        asked["out"] = tmp_path / asked["out"]
    figure(run, **asked)
    told = capsys.readouterr()
    assert [line.rpartition("/")[2] for line in told.out.splitlines()] == names
    assert "caption: Development AUC against" in told.err
    assert "note: This shows a part of the run: strategies none, full." in told.err
