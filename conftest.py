"""What tests and doctests share: a cache folder and a hypothesis profile of their own, and the mirror of real data."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# A shared machine can pause for longer than hypothesis' 200 ms without anything being slow.
hypothesis.settings.register_profile("nasmeta", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("nasmeta")


def pytest_configure(config: pytest.Config) -> None:
    """Point the cache to a temporary folder before any test is imported, for child processes too."""
    # A shell that starts a job in the background has it ignore Ctrl-C, which tests send to themselves and to others.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # inherited
    folder = tempfile.mkdtemp(prefix="nasmeta-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["NASMETA_CACHE"] = folder


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
