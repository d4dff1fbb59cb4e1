"""The page in a real browser: offline, drawn, sorted, recomputed, printed and accessible."""

import re
import shutil
from pathlib import Path

import pytest

from greendapt.core.units import quantity
from greendapt.report.formats.cells import as_csv, cells
from greendapt.report.formats.html import render_html
from greendapt.report.formats.table import FORMATS
from greendapt.report.view.from_run import view
from greendapt.suite import suite_files

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on PATH: the page cannot be opened (apt install chromium)"
)


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page from disk with the network off; ``said`` holds what the browser complains about."""

    def __init__(self, chromium, path, text, **options):
        path.write_text(text, encoding="utf-8")
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        self.page = chromium.new_context(offline=True, **options).new_page()
        self.said, self.requests = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def draw(self):
        """Scroll every chart into view and wait until the script has drawn it."""
        figures = self.page.locator("figure[data-panel]")
        for number in range(figures.count()):
            figures.nth(number).scroll_into_view_if_needed()
            playwright.expect(figures.nth(number)).to_have_attribute("data-drawn", "yes")
        return self

    def grams(self):
        """What each gram on the page is, as the run had it, and what it says."""
        found = self.page.eval_on_selector_all(
            ".g", "all => all.map(one => [Number(one.dataset.g), one.textContent])"
        )
        return [(value, re.sub("^[~≥ ]+", "", text)) for value, text in found]

    def column(self, number):
        cells = self.page.locator(f"table.sortable >> nth=0 >> tbody tr > :nth-child({number})")
        return cells.evaluate_all("all => all.map(one => Number(one.dataset.v))")


@pytest.fixture(scope="module")
def usual(usual_view):
    return render_html(usual_view)


@pytest.fixture
def opened(chromium, usual, seen, tmp_path):
    """The page of the usual run, of another view, or of a run changed as asked."""
    pages = []

    def build(view=None, options=None, **changes):
        text = usual
        if view or changes:
            text = render_html(view or seen(chains=True, **changes))
        pages.append(Opened(chromium, tmp_path / "report.html", text, **(options or {})))
        return pages[-1]

    yield build
    for one in pages:
        one.page.context.close()


def test_charts_are_drawn_offline_and_the_browser_has_nothing_to_say(opened):
    one = opened().draw()
    assert one.said == []
    assert [url.rpartition("/")[2] for url in one.requests] == ["report.html"]
    drawn = one.page.locator("figure[data-panel] .wide svg").first
    for name in ("full", "partial2", "cut2-none"):
        assert drawn.get_by_text(name, exact=True).count() == 2
    point = drawn.locator(".mark-symbol path").first
    point.hover()
    tip = one.page.locator("#vg-tooltip-element")
    assert "on the front" in tip.inner_text()


def test_grams_follow_the_grid_everywhere_and_the_page_says_so(opened):
    one = opened()
    before = one.grams()
    assert len(before) > 15  # verdict, table, spending, steps
    one.page.fill("#pue", "1.5")
    for intensity in ("48.1", "962", "0.0011", "5.3117e9"):
        one.page.fill("#intensity", intensity)
        one.page.locator("#assumed", has_text=f"assumes {float(intensity):.12g} g").wait_for()
        factor = float(intensity) * 1.5 / 481
        assert [text for _, text in one.grams()] == [quantity(v * factor, "g") for v, _ in before]
    said = one.page.inner_text("#assumed")
    assert "every gram on this page" in said
    assert "PUE 1.5" in said
    one.page.click("#reset")
    one.page.wait_for_selector("#assumed", state="hidden")
    assert one.grams() == before


def test_the_chart_and_its_words_follow_the_grid_too(opened):
    one = opened().draw()
    chart = one.page.locator("figure[data-panel] .wide").first
    assert "g CO2e (log scale)" in chart.inner_text()
    before = chart.get_attribute("aria-label")
    one.page.fill("#intensity", "0.481")
    playwright.expect(chart).to_contain_text("mg CO2e")
    after = chart.get_attribute("aria-label")
    grams = re.findall(r"for ~([\d.]+) (m?)g", before)
    milli = re.findall(r"for ~([\d.]+) (µ|m)g", after)
    assert [number for number, _ in grams] == [number for number, _ in milli]
    assert one.said == []


def test_a_country_fills_in_its_intensity_and_a_price_adds_a_column(opened):
    one = opened()
    one.page.select_option("#country", label="France (FRA)")
    one.page.wait_for_selector("#assumed:not([hidden])")
    assert float(one.page.input_value("#intensity")) < 100
    assert "France (FRA)" in one.page.inner_text("#assumed")
    assert one.page.locator("td.money:visible").count() == 0
    one.page.fill("#pue", "2")
    one.page.fill("#price", "0.36")
    cell = one.page.locator("tbody td.money:visible").last
    joules = float(cell.get_attribute("data-j"))
    assert float(cell.inner_text().replace(",", "")) == pytest.approx(
        joules / 3.6e6 * 2 * 0.36, rel=0.005
    )


def test_nonsense_in_a_field_changes_nothing(opened):
    one = opened()
    before = one.grams()
    one.page.fill("#intensity", "-5")
    assert "A number of 0 or more" in one.page.inner_text("#assumed")
    one.page.fill("#intensity", "100")
    before = one.grams()
    one.page.fill("#pue", "0.2")
    assert one.grams() == before
    assert "A PUE is 1 or more" in one.page.inner_text("#assumed")
    assert one.said == []


def test_tables_sort_by_click_and_by_key(opened):
    one = opened()
    header = one.page.locator("table.sortable >> nth=0 >> th[data-column='1']")
    header.locator("button").click()
    rising = one.column(2)
    assert rising == sorted(rising)
    assert header.get_attribute("aria-sort") == "ascending"
    header.locator("button").press("Enter")
    assert one.column(2) == rising[::-1]
    one.page.locator("table.sortable >> nth=0 >> th[data-column='0'] button").click()
    names = one.page.locator("table.sortable >> nth=0 >> tbody th").all_inner_texts()
    assert [name.split()[0] for name in names] == sorted(name.split()[0] for name in names)


def test_a_budget_marks_what_is_left_on_table_and_chart_and_names_the_best(opened):
    one = opened().draw()
    page, left = one.page, one.page.locator(".left")
    page.locator("[data-axis=x]").first.select_option(label="Energy")
    page.fill("input[name=energy]", "5")
    playwright.expect(left).to_contain_text("6 of 9 are left. Highest AUC: partial2 (0.9")
    assert "least energy: none (0.8" in left.inner_text()
    out = page.locator("tr.out th").all_inner_texts()
    assert [name.split()[0] for name in out] == ["hybrid1", "hybrid2", "full"]
    faint = page.locator("figure .wide >> nth=0 >> .mark-symbol path[opacity='0.15']")
    playwright.expect(faint).to_have_count(3)
    page.fill("input[name=score]", "0.99")
    playwright.expect(left).to_have_text("Nothing is left.")
    page.locator(".budget button").click()
    playwright.expect(left).to_be_hidden()
    playwright.expect(faint).to_have_count(0)
    assert one.said == []


def test_sliders_and_checkboxes_leave_what_they_say(opened):
    page = opened().page
    page.locator("input[data-for=score]").fill("100")  # the best score there is
    best = float(page.input_value("input[name=score]"))
    playwright.expect(page.locator(".left")).to_contain_text("1 of 9 are left")
    page.locator("input[data-for=score]").fill("0")
    assert page.input_value("input[name=score]") == ""
    assert best > 0.9
    page.locator("input[data-for=energy]").press("Home")  # the least energy there is
    playwright.expect(page.locator("tr[data-point]:not(.out)")).to_have_count(1)
    page.locator("input[data-for=energy]").press("End")
    page.get_by_label("Take full into account").uncheck()
    playwright.expect(page.locator(".left")).to_contain_text("8 of 9 are left")


def test_the_command_is_copied_and_the_cells_are_saved(chromium, written, tmp_path):
    run = written()
    (page_bytes,) = FORMATS.get("html").make(run, view(run), "x.html").values()
    one = Opened(chromium, tmp_path / "x.html", page_bytes.decode())
    one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.page.click("#copy")
    playwright.expect(one.page.locator("#copy")).to_have_text("Copied")
    assert one.page.evaluate("navigator.clipboard.readText()") == run.info.command
    with one.page.expect_download() as saved:
        one.page.click("a[download$='.toml']")
    again = tmp_path / "again.toml"
    saved.value.save_as(again)
    assert suite_files.load(again, "default", [], print) == run.info.suite
    with one.page.expect_download() as saved:
        one.page.click("a[download$='.csv']")
    assert saved.value.suggested_filename == "chestxray.csv"
    assert Path(saved.value.path()).read_text(encoding="utf-8") == as_csv(cells(run))
    assert one.said == []
    one.page.context.close()


def test_words_and_strategies_are_explained(opened):
    page = opened().page
    tile = page.locator(".tiles abbr", has_text="DAPT")
    assert tile.get_attribute("title").startswith("domain-adaptive pre-training: ")
    page.get_by_text("What the words mean").click()
    assert page.locator(".terms dt", has_text="DAPT").is_visible()
    page.get_by_text("Which layers each strategy trains").click()
    filled = page.locator(".diagrams svg[aria-label='partial2 trains head; then last:2'] rect")
    assert filled.evaluate_all("all => all.map(one => one.hasAttribute('fill'))") == [
        *[False] * 5, *[False] * 3, True, True,
    ]  # fmt: skip
    cut = page.locator(".diagrams svg[aria-label^='cut2 trains'] .gone")
    assert cut.count() == 4  # two units in each of two phases


def test_axes_are_switched_by_key(opened):
    one = opened().draw()
    figure = one.page.locator("figure[data-panel]").first
    for axis, title in (("x", "Wall-clock"), ("y", "Corrupted AUC")):
        figure.locator(f"[data-axis={axis}]").select_option(label=title)
    playwright.expect(figure.locator("figcaption")).to_have_text("Corrupted AUC against wall-clock")
    text = figure.locator(".wide").inner_text()
    assert "Wall-clock, min (log scale)" in text
    assert "Corrupted AUC" in text
    assert one.said == []


def test_without_scripts_pictures_and_tables_are_there_and_no_dead_control(opened):
    one = opened(options={"java_script_enabled": False})
    assert one.page.locator("figure .wide svg:visible").count() == 3  # two fronts, the curves
    assert one.page.locator("select:visible, button:visible, input:visible").count() == 0
    assert one.page.locator("table:visible").count() >= 4


def test_dark_and_print_styles_apply(opened):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    one = opened(options={"color_scheme": "dark"})
    assert one.page.evaluate(ground) == "rgb(17, 21, 23)"
    one.page.emulate_media(media="print")
    assert one.page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not one.page.locator("#whatif").is_visible()
    assert one.page.locator("figure .wide").first.is_visible()
    assert one.page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_has_sentence_caveats_figures_and_a_chart(opened, width, height):
    page = opened(options={"viewport": {"width": width, "height": height}}).page
    tiles = [f".tiles > div >> nth={number}" for number in range(3)]
    for part in (".headline", ".caveats summary", *tiles):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] < height, part
    chart = page.locator("figure svg:visible").first.bounding_box()
    assert height - chart["y"] > 200  # at least the better part of it


def test_the_line_of_caveats_opens_the_list_also_without_scripts_and_on_paper(opened):
    page = opened(options={"java_script_enabled": False}).page
    first = page.locator(".caveats li").first
    assert not first.is_visible()
    page.locator(".caveats summary").click()
    assert first.is_visible()
    page.locator(".caveats summary").click()
    page.emulate_media(media="print")
    assert first.is_visible()


def test_what_holds_stands_apart_from_what_weakens(opened):
    page = opened().page
    heading = page.locator("h3", has_text="What was looked at and holds")
    assert heading.locator("xpath=following-sibling::dl[1]").locator(".warn").count() == 0
    assert page.locator("h3", has_text="What weakens it").count() == 1


def test_nothing_is_wider_than_a_phone(opened):
    one = opened(severities=[1, 3, 5], options={"viewport": {"width": 390, "height": 800}}).draw()
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    one = opened(shots=[5, "full"], severities=[1, 3, 5], options={"color_scheme": scheme}).draw()
    one.page.fill("#intensity", "56")
    one.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = axe.Axe().run(one.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


def test_names_that_attack_stay_names(opened, hostile):
    one = opened(view=hostile).draw()
    one.page.locator(".wide .mark-symbol path").first.hover()
    assert one.said == []
    assert (
        one.page.locator("img, b, i, a:not([download], [href^='https://arxiv.org/'])").count() == 0
    )
    assert one.page.locator("text='<script>alert(1)</script>' >> visible=true").count() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 1},
        {"strategies": ["full"]},
        {"external": {}},
        {"quality": "unavailable"},
        {"grid": 0.0},
        {"failures": [{"strategy": "full", "seed": 0, "transfer": "probe", "shots": "full",
                       "stage": "adapt", "error": "Diverged: no number"}]},
    ],
    ids=["one seed", "one strategy", "no external", "no energy", "a grid of 0 g", "failed"],
)  # fmt: skip
def test_what_a_run_lacks_is_no_error_on_the_page(opened, changes):
    if "quality" in changes:
        from greendapt.core.figures import Quality

        changes = {"quality": Quality(changes["quality"])}
    one = opened(**changes).draw()
    assert one.said == []
    text = one.page.inner_text("main")
    assert "NaN" not in text
    assert "undefined" not in text
    if "quality" in changes:
        assert "n/a" in text
        assert one.page.locator("#whatif").count() == 0 or one.grams() == []
