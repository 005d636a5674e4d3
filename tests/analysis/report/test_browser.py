"""The page in a real browser: controls change the plots, nothing is loaded, nothing fails. Run with -m browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser: Any, written: Path) -> Any:
    browser.get((written / "index.html").as_uri())
    return browser


@pytest.fixture(autouse=True)
def _no_console_errors(browser: Any) -> Iterator[None]:
    yield
    assert [
        entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ] == []


PLOT = "const plot = document.querySelectorAll('#panels .plot')[arguments[0]];"


def choose(page: Any, name: str, value: str) -> None:
    """Choose with the keyboard's means: the element takes the focus and is clicked as a key does it."""
    page.execute_script(
        "const input = [...document.querySelectorAll('input')].find("
        "i => i.name === arguments[0] && i.value === arguments[1]); input.focus(); input.click();",
        name,
        value,
    )


def lines(page: Any, panel: int = 0) -> dict[str, list[float]]:
    """Return the y of each searcher's line in a panel."""
    return page.execute_script(
        PLOT
        + "return Object.fromEntries(plot.data.filter(t => t.name).map(t => [t.name, Array.from(t.y)]))",
        panel,
    )


def axis(page: Any, name: str, key: str) -> Any:
    return page.execute_script(
        PLOT + "return plot.layout[arguments[1]][arguments[2]]", 0, name, key
    )


def seen(page: Any) -> np.ndarray:
    """Return a screenshot as RGB."""
    return matplotlib.image.imread(io.BytesIO(page.get_screenshot_as_png()))[..., :3]


def test_the_plots_are_drawn(page: Any) -> None:
    assert (
        page.execute_script("return document.querySelectorAll('#panels .plot .main-svg').length")
        >= 2
    )
    assert set(lines(page)) == {"random", "evolution", "<b>gp</b>"}
    picture = seen(page)
    assert picture.std() > 0.05
    green = np.abs(picture - np.array([0, 0x9E, 0x73]) / 255).max(axis=-1) < 0.05
    assert green.sum() > 200  # the line of evolution


def test_metric_and_scale_change_the_curves(page: Any, comparison: Any) -> None:
    log = lines(page)["random"]
    choose(page, "scale", "linear")
    linear = lines(page)["random"]
    rows = comparison[(comparison["task"] == "made/one") & (comparison["searcher"] == "random")]
    np.testing.assert_allclose(linear, rows.groupby("evaluation")["regret"].mean(), rtol=1e-5)
    assert linear != log
    choose(page, "scale", "value")
    np.testing.assert_allclose(
        lines(page)["random"], rows.groupby("evaluation")["incumbent_value"].mean(), rtol=1e-5
    )
    assert axis(page, "yaxis", "title")["text"] == "best value (percent)"
    choose(page, "measure", "test")
    test = 95.004 - rows.groupby("evaluation")["incumbent"].mean() / 50
    np.testing.assert_allclose(lines(page)["random"], test, rtol=1e-5)
    hint = page.execute_script("return document.getElementById('hint').textContent")
    assert "The test value of the architecture" in hint
    choose(page, "scale", "linear")
    np.testing.assert_allclose(lines(page)["random"], 95.004 - test, atol=1e-4)
    choose(page, "measure", "valid")
    choose(page, "scale", "log")
    assert lines(page)["random"] == log


def test_budget_and_its_scale(page: Any) -> None:
    assert axis(page, "xaxis", "type") == "log"
    choose(page, "axis-scale", "linear")
    assert axis(page, "xaxis", "type") == "linear"
    choose(page, "axis", "simulated_seconds")
    assert axis(page, "xaxis", "title")["text"] == "simulated training time (s)"
    last = page.execute_script(PLOT + "return Math.max(...plot.data.at(-1).x)", 0)
    assert last == 4000
    choose(page, "axis", "evaluation")
    choose(page, "axis-scale", "log")


def test_centre_and_bands(page: Any) -> None:
    count = PLOT + "return plot.data.filter(t => t.fill === 'tonexty').length"
    assert page.execute_script(count, 0) == 3
    mean = lines(page)["random"]
    choose(page, "centre", "line")
    assert page.execute_script(count, 0) == 0
    choose(page, "centre", "median")
    assert page.execute_script(count, 0) == 3
    assert lines(page)["random"] != mean
    choose(page, "centre", "mean")


def test_searchers_and_tasks_are_chosen(page: Any) -> None:
    choose(page, "searchers", "random")
    assert set(lines(page)) == {"evolution", "<b>gp</b>"}
    ranks = "return document.getElementById('ranks-plot').data.map(t => t.name)"
    assert page.execute_script(ranks) == ["evolution", "<b>gp</b>"]
    page.find_element("css selector", "button[aria-label='none searchers']").click()
    assert lines(page) == {}
    assert "No searcher is chosen." in page.find_element("id", "panels").text
    page.find_element("css selector", "button[aria-label='all searchers']").click()
    panels = "return [...document.querySelectorAll('#panels h3')].map(h => h.textContent)"
    choose(page, "tasks", "made/one")
    assert page.execute_script(panels) == ["made/two"]
    choose(page, "tasks", "made/two")
    assert page.execute_script(panels) == []
    choose(page, "tasks", "made/two")
    choose(page, "tasks", "made/one")
    assert page.execute_script(panels) == ["made/one", "made/two"]
    assert len(lines(page)) == 3


def test_tables_sort(page: Any) -> None:
    table = "[...document.querySelectorAll('#tables table')].find(t => t.textContent.startsWith('searchermade/one'))"
    first = f"return {table}.querySelector('tbody th').textContent"
    before = page.execute_script(first)
    button = f"{table}.querySelectorAll('thead button')[3].click();"
    page.execute_script(button)
    assert page.execute_script(first) == before  # the best mean rank was first already
    page.execute_script(button)
    assert page.execute_script(first) != before
    page.execute_script(button)


@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_the_width(page: Any, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.refresh()
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        plots = page.execute_script(
            "return [...document.querySelectorAll('.plot')].map(p => p.clientWidth)"
        )
        assert len(plots) == 3
        assert all(300 <= plot <= width for plot in plots)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
