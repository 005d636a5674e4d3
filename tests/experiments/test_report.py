"""`nasmeta.report`: of a frame, and of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import nasmeta as nm


def test_of_a_frame_nothing_is_written_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = nm.compare(["random", "local-search"], "nb201/cifar10", repeats=3, evaluations=20)
    result = nm.report(frame, at=10)
    assert result.files == ()
    assert result.findings.budget == "after 10 evaluations"
    assert result.findings.facts[0].unit == "percent", "the task itself is found"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_of_a_folder_it_is_that_of_the_command(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="Needs the extra report.")
    pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    home = tmp_path / "results"
    frame = nm.compare(
        ["random", "local-search"], "nb201/cifar10", repeats=3, evaluations=20, folder=home
    )
    result = nm.report(home, formats=["png"], title="Mine")
    assert result.files[0] == home / "report" / "index.html"
    assert all(file.is_file() for file in result.files)
    assert "&quot;repeats&quot;: 3" in result.files[0].read_text(encoding="utf-8")
    of_frame = nm.report(frame, tmp_path / "other", formats=[])
    assert of_frame.findings.results["nb201/cifar10"].equals(
        result.findings.results["nb201/cifar10"]
    )
    assert of_frame.files[0].is_file()


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"results\.parquet"):
        nm.report(tmp_path)
