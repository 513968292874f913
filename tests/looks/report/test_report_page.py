"""The page as a whole: what is written and refused, and in a browser what people see and press."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from embedtrack.looks.errors import KINDS, find_errors
from embedtrack.looks.report import page as story
from embedtrack.looks.report.charts import spell
from embedtrack.looks.report.page import Facts, report
from embedtrack.movies.units import Units
from embedtrack.tracked import Tracked
from embedtrack.types import Track
from tests.drawings import Toy, draw, moving, still

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def tracked(toy: Toy, units: Units | None = None) -> Tracked:
    height, width = toy.labels.shape[1:]
    return Tracked(list(toy.labels), toy.tracks, (height, width), units=units or Units())


def colony() -> Toy:
    """Three cells in ten frames; the first divides in frame 5, the second wanders, the third stays in a corner."""
    frames = []
    for t in range(10):
        cells: dict[int, Any] = {2: ((80, 30 + 4 * t), 8), 3: ((100, 140), 9)}
        cells |= {1: ((30, 60), 10)} if t < 5 else {4: ((30, 48 - t), 7), 5: ((30, 72 + t), 7)}
        frames.append(draw((120, 160), cells))
    tracks = [Track(1, 0, 4, 0), Track(2, 0, 9, 0), Track(3, 0, 9, 0), Track(4, 5, 9, 1), Track(5, 5, 9, 1)]
    return Toy(np.stack(frames), tracks)


def damaged() -> Toy:
    """The colony without cell 3 in frame 7, with a false mask in frame 2, and with only one daughter."""
    labels = colony().labels.copy()
    labels[7][labels[7] == 3] = 0
    labels[8:][labels[8:] == 3] = 6
    labels[2, 100:110, 10:20] = 7
    tracks = [
        Track(1, 0, 4, 0), Track(2, 0, 9, 0), Track(3, 0, 6, 0), Track(4, 5, 9, 1), Track(5, 5, 9, 0),
        Track(6, 8, 9, 3), Track(7, 2, 2, 0),
    ]  # fmt: skip
    return Toy(labels, tracks)


def content_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S)
    assert found
    given: dict[str, Any] = json.loads(found[1])
    return given


def test_the_page_holds_all_and_asks_for_nothing(tmp_path: Path):
    out = tmp_path / "x.html"
    seen: list[tuple[int, int]] = []
    toy, gold = damaged(), tmp_path / "man_seg003.tif"
    lost = find_errors(tracked(colony()), tracked(toy))
    tifffile.imwrite(gold, np.where(colony().labels[3] == 1, 9, 0).astype(np.uint16))
    report(
        tracked(toy, Units(0.5, 1200)), out, Facts("demo/01_RES <i>", {3: gold}), list(toy.frames()), tracked(colony()),
        lambda *n: seen.append(n),
    )  # fmt: skip
    text = out.read_text()
    assert seen == [(n, 10) for n in range(1, 11)]
    assert "<h1>demo/01_RES &lt;i&gt;</h1>" in text
    for words in (
        "SEG",
        "1.000",
        f"{spell(sum(error.cost for error in lost))} points lost",
        "CCA",
        "µm²",
        "µm/min",
        "every <b>20</b> min",
    ):
        assert words in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert len(re.findall(r"<(?:script|link|img|iframe)[^>]*\ssrc=", text)) == 0
    given = content_of(out)
    assert len(given["images"]) == len(given["outlines"]) == len(given["truth"]) == 10
    assert sum(error["cost"] for error in given["errors"]) == sum(error.cost for error in lost)
    assert {error["kind"] for error in given["errors"]} >= {"missed", "false", "lost division"}
    assert {hint["kind"] for hint in given["hints"]} >= {"begins inside", "lost between"}
    assert [division["state"] for division in given["divisions"]] == ["lost"]


def test_without_truth_and_movie_there_are_hints_and_outlines(tmp_path: Path):
    report(tracked(colony()), tmp_path / "x.html", Facts("x"))
    given, text = content_of(tmp_path / "x.html"), (tmp_path / "x.html").read_text()
    assert (given["images"], given["errors"], given["truth"]) == ([], None, None)
    assert 'id="errors"' not in text
    assert 'id="scores"' not in text


def test_images_give_way_to_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    frames = list(np.random.default_rng(0).integers(0, 4000, (10, 120, 160), np.uint16))
    sizes = []
    for budget in (14e6, 230e3):
        monkeypatch.setattr(story, "BUDGET", budget)
        report(tracked(colony()), tmp_path / "x.html", Facts("x"), frames)
        sizes.append((tmp_path / "x.html").stat().st_size)
    assert sizes[1] < 230e3 < sizes[0]


def test_hard_movies_get_their_page(tmp_path: Path):
    empty = Tracked([np.zeros((20, 30), np.int32)] * 2, [], (20, 30))
    report(empty, tmp_path / "empty.html", Facts("empty"), [np.zeros((20, 30), np.uint8)] * 2, empty)
    one = Toy(still().labels[:1], [Track(1, 0, 0, 0), Track(2, 0, 0, 0)])
    report(tracked(one), tmp_path / "one.html", Facts("one"), list(one.frames()))
    assert content_of(tmp_path / "one.html")["frames"] == 1


def test_what_cannot_be_reported_is_refused_and_leaves_nothing(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected a name that ends in .html"):
        report(tracked(still()), tmp_path / "x.pdf", Facts("x"))
    with pytest.raises(ValueError, match="same frames"):
        report(tracked(still()), tmp_path / "x.html", Facts("x"), truth=tracked(moving()))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright (the group tests of pyproject.toml)"
    )
    if not CHROMIUM:
        pytest.skip("needs Chromium, e.g. apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with truth."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    report(tracked(damaged()), out, Facts("demo"), list(damaged().frames()), tracked(colony()))
    return out


@pytest.fixture
def opened(browser: Any, written: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The report, opened from disk; whatever the console says or the network is asked for is a failure."""
    options = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    context = browser.new_context(**options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url))
    page.goto(written.as_uri())
    shows(page, 0)
    yield page
    context.close()
    assert complaints == []


def shows(page: Any, frame: int) -> None:
    """Wait until the picture of a frame is drawn."""
    drawn = "frame => document.querySelector('#picture').dataset.frame === String(frame)"
    page.wait_for_function(drawn, arg=frame, timeout=20_000)


def pixels(page: Any) -> str:
    text: str = page.evaluate("document.querySelector('#picture').toDataURL()")
    return text


def test_playing_changes_the_picture_and_space_pauses_it(opened: Any):
    before = pixels(opened)
    opened.click("#play")
    opened.wait_for_function("() => document.querySelector('#picture').dataset.frame >= 2", timeout=20_000)
    opened.keyboard.press("Space")
    assert pixels(opened) != before
    stopped = opened.get_attribute("#picture", "data-frame")
    opened.wait_for_timeout(500)
    assert opened.get_attribute("#play", "aria-label") == "Play"
    assert opened.get_attribute("#picture", "data-frame") == stopped


def test_space_plays_to_the_end(opened: Any):
    opened.select_option("#rate", "20")
    opened.locator("body").press("Space")
    shows(opened, 9)
    opened.wait_for_function("() => document.querySelector('#play').getAttribute('aria-label') === 'Play'")


def test_arrows_step_through_the_frames(opened: Any):
    for key, frame in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 9), ("Shift+ArrowLeft", 0)]:
        opened.keyboard.press(key)
        shows(opened, frame)
        assert opened.input_value("#slider") == str(frame)
    opened.focus("#slider")
    opened.keyboard.press("ArrowRight")
    shows(opened, 1)


def test_clicking_an_error_jumps_to_its_frame_and_place(opened: Any):
    opened.evaluate("scrollTo(0, document.body.scrollHeight)")
    row = opened.locator("#errors .list button", has_text="missed cell 3")
    row.click()
    shows(opened, 7)
    assert row.get_attribute("aria-current") == "true"
    assert opened.evaluate("document.querySelector('#stage').getBoundingClientRect().top >= 0")
    # The missed cell, the only thing that is outlined in yellow, is in the middle of the picture now.
    middle = opened.evaluate("""() => {
      const canvas = document.querySelector('#picture'), pen = canvas.getContext('2d');
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      let x = 0, y = 0, number = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i] > 180 && data[i + 1] > 170 && data[i + 2] < 120) {
          x += (i / 4) % canvas.width; y += Math.floor(i / 4 / canvas.width); number += 1;
        }
      return [x / number / canvas.width, y / number / canvas.height, number];
    }""")
    assert middle[2] > 100
    assert middle[:2] == pytest.approx([0.5, 0.5], abs=0.06)


def test_keys_walk_through_the_errors_and_chips_choose_a_kind(opened: Any):
    opened.keyboard.press("j")
    shows(opened, 2)
    opened.keyboard.press("j")
    shows(opened, 5)
    opened.click("#errors .chips button:has-text('missed')")
    assert opened.locator("#errors .list li").count() == 1
    assert "no mask covers" in opened.inner_text("#errors .meaning")
    chips = opened.locator("#errors .chips button").all_inner_texts()
    kinds = [" ".join(chip.split()[:-1]) for chip in chips]
    assert kinds == [kind for kind in KINDS if kind in kinds]


def test_layers_and_zoom_change_the_picture(opened: Any):
    seen = [pixels(opened)]
    for key in ("o", "n", "t", "g", "+"):
        opened.keyboard.press("ArrowRight" if key == "t" else key)
        opened.keyboard.press(key if key == "t" else "Shift")
        opened.wait_for_timeout(120)
        seen.append(pixels(opened))
    assert len(set(seen)) == len(seen)


def test_a_cell_is_chosen_in_the_picture_and_in_the_tree(opened: Any):
    box = opened.locator("#picture").bounding_box()
    scale = min(box["width"] / 160, box["height"] / 120)
    left, top = (box["width"] - 160 * scale) / 2, (box["height"] - 120 * scale) / 2
    opened.mouse.click(box["x"] + left + 60 * scale, box["y"] + top + 30 * scale)
    assert opened.inner_text("#about h3") == "Track 1"
    opened.locator("#tree [data-track='2']").click(position={"x": 300, "y": 5})
    assert opened.inner_text("#about h3") == "Track 2"
    assert opened.get_attribute("#picture", "data-frame") != "0"


def test_a_division_shows_its_frames_and_jumps(opened: Any):
    film = opened.locator("#divisions button")
    film.scroll_into_view_if_needed()
    opened.wait_for_function("() => document.querySelector('#divisions canvas').dataset.drawn === '5'")
    bright = """() => {
      const film = document.querySelector('#divisions canvas'), counts = [0, 0, 0, 0, 0];
      const { data } = film.getContext('2d').getImageData(0, 0, film.width, film.height);
      for (let i = 0; i < data.length; i += 4)
        if (data[i] > 90) counts[Math.floor((((i / 4) % film.width) / film.width) * 5)] += 1;
      return counts;
    }"""
    assert min(opened.evaluate(bright)) > 500
    film.click(position={"x": 5, "y": 5})
    shows(opened, 3)
    film.focus()
    opened.keyboard.press("Enter")
    shows(opened, 5)


PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.mark.parametrize("opened", [PHONE], indirect=True)
def test_a_phone_needs_no_sideways_scrolling(opened: Any):
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    opened.locator("#errors .list button", has_text="missed cell 3").tap()
    shows(opened, 7)
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    wide = opened.evaluate(
        "[...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > 391 &&"
        " !node.closest('svg') && !node.closest('.ticks')).map((node) => node.outerHTML.slice(0, 80))"
    )
    assert wide == []
    small = opened.evaluate(
        "[...document.querySelectorAll('.controls button, [role=tab], .zoom button')]"
        ".filter((node) => node.getBoundingClientRect().height < 32).length"
    )
    assert small == 0


@pytest.mark.parametrize(
    ("opened", "dark"), [({"color_scheme": "light"}, False), ({"color_scheme": "dark"}, True)], indirect=["opened"]
)
def test_the_page_is_dark_or_light_as_the_reader_likes_and_its_text_stands_out(opened: Any, dark: bool):
    parts = [
        "body",
        "h2",
        ".facts",
        ".quiet",
        ".keys",
        "[role=tab][aria-selected=false]",
        ".list .cost",
        "td.wide",
        ".state",
    ]
    colours = opened.evaluate(
        """(parts) => ['background-color', ...parts].map((part, i) => i
          ? getComputedStyle(document.querySelector(part)).color : getComputedStyle(document.body).backgroundColor)""",
        parts,
    )
    ground, *texts = (luminance(colour) for colour in colours)
    assert (ground < 0.1) is dark
    for part, text in zip(parts, texts, strict=True):
        assert (max(ground, text) + 0.05) / (min(ground, text) + 0.05) >= 4.5, part  # WCAG AA


def luminance(colour: str) -> float:
    """Of ``rgb(r, g, b)``, by WCAG."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_everything_has_a_name_for_screen_readers(opened: Any):
    nameless = opened.evaluate("""() => [...document.querySelectorAll('button, input, select, [role=img]')]
      .filter((node) => !(node.getAttribute('aria-label') || node.innerText?.trim() || node.closest('label')))
      .map((node) => node.outerHTML.slice(0, 80))""")
    assert nameless == []
    opened.keyboard.press("End")
    shows(opened, 9)
    assert opened.get_attribute("#picture", "aria-label") == "Frame 009: 4 cells"
