"""The page of tables in a real browser: it loads nothing, and keyboard and controls change it. Run with -m browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser: Any, written: Path) -> Any:
    browser.get(written.as_uri())
    # before clicks
    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    show(browser, "clinic/pets")
    return browser


@pytest.fixture(autouse=True)
def _no_console_errors(browser: Any) -> Iterator[None]:
    yield
    assert [
        entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ] == []


def show(page: Any, task: str) -> None:
    page.execute_async_script(
        "const [task, done] = arguments; location.hash = task;"
        "const wait = () => document.documentElement.dataset.ready === task ? done() : setTimeout(wait, 20); wait();",
        task,
    )


def text(page: Any, name: str) -> str:
    return page.find_element("id", name).text


def press(page: Any, name: str, key: str) -> None:
    page.execute_script(
        "const node = document.querySelector(arguments[0]); node.focus();"
        "node.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[1], bubbles: true }));",
        name,
        key,
    )


def colours(page: Any, name: str) -> int:
    """Return the number of distinct colours in the canvas of a chart, after it is drawn."""
    return page.execute_async_script(
        "const [name, done] = arguments, canvas = document.querySelector(`#${name} canvas`);"
        "const { width, height } = canvas;"
        "const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });"
        "const count = () => { copy.drawImage(canvas, 0, 0);"
        "  done(new Set(new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer)).size); };"
        "requestAnimationFrame(() => requestAnimationFrame(count));",
        name,
    )


def test_charts_are_drawn_and_nothing_is_loaded(page: Any, written: Path) -> None:
    for name in ("values", "others", "noise", "curve"):
        assert colours(page, name) > 5, name
    loaded = page.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert [address for address in loaded if address != written.as_uri()] == []
    assert len(page.find_elements("css selector", "#best .card svg")) == 10


def test_task_is_chosen_and_linked(page: Any) -> None:
    link = page.find_element("css selector", "#correlations a")
    assert link.text == "clinic/birds"
    link.click()
    show(page, "clinic/birds")
    assert page.find_element("id", "task").get_attribute("value") == "clinic/birds"
    assert "dataset birds" in text(page, "about")
    show(page, "clinic/pets")


def test_search_is_replayed_with_the_keyboard(page: Any) -> None:
    assert text(page, "at") == "30 of 30"
    press(page, "#curve canvas", "ArrowLeft")
    assert text(page, "at") == "29 of 30"
    assert "Evaluation 29:" in text(page, "current")
    page.find_element("id", "play").click()
    page.execute_async_script(
        "const wait = () => document.getElementById('at').textContent === '30 of 30' ? arguments[0]()"
        " : setTimeout(wait, 20); wait();"
    )
    assert page.find_element("id", "play").get_attribute("aria-pressed") == "false"
    assert "Evaluation 30:" in text(page, "current")


def test_architecture_is_chosen(page: Any) -> None:
    press(page, "#others canvas", "ArrowRight")
    assert "on the Pareto front" in text(page, "tip")
    press(page, "#others canvas", "Enter")
    assert "accuracy" in text(page, "chosen")
    page.find_element("css selector", "#best .card").click()
    name = page.find_element("css selector", "#best .card span").text
    assert text(page, "chosen").startswith(name)
    assert page.find_element("css selector", "#best .card").get_attribute("aria-pressed") == "true"


def test_columns_of_several_datasets_are_told_apart(page: Any) -> None:
    options = page.find_elements("css selector", "#other option")
    names = [option.text for option in options]
    assert len({*names}) == len(names) == 3
    options[[name.startswith("birds: accuracy") for name in names].index(True)].click()
    press(page, "#others canvas", "ArrowRight")
    assert "birds: accuracy: " in text(page, "tip")


def test_range_of_values(page: Any) -> None:
    before = text(page, "others-note")
    page.execute_script("document.querySelector('[name=range][value=best]').click()")
    assert text(page, "others-note") != before


def test_table_without_seeds_and_other_tasks(page: Any) -> None:
    show(page, "grid/sensors")
    assert "unknown" in text(page, "noise")
    assert "no other task" in text(page, "correlations-note")
    assert "no other column" in text(page, "others")
    assert "<relu>" in page.find_element("css selector", "#best .card").get_attribute("textContent")
    show(page, "clinic/pets")
    assert colours(page, "noise") > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_it_fits_the_width(page: Any, width: int, scheme: str) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
        ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground.strip("rgb()").split(","))) < 200) == (scheme == "dark")
        assert colours(page, "others") > 5
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
