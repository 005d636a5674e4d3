"""A place that cannot be written is refused before the work, not after it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import SettingError
from nasmeta.files import require_writable

NO_FOLDER = Path("/proc")  # a folder that is there, and in which nobody may write, root neither
pytestmark = pytest.mark.skipif(not NO_FOLDER.is_dir(), reason="this system has no /proc")


def worked(*arguments: object, **settings: object) -> NoReturn:
    raise AssertionError("the work has begun")


@pytest.mark.parametrize(
    ("command", "work"),
    [
        ("surrogate fit nb201/cifar10 --output /proc/x.npz", "nasmeta.surrogates.fit_surrogate"),
        ("meta-train meta-gp --out /proc/x.npz", "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit"),
        ("train 6111 --recipe tiny --folder /proc/x", "nasmeta.training._learner.Learner.epoch"),
        (
            "predict --predictors ridge --target valid --output /proc/x/y",
            "nasmeta.prediction._models.Model.build",
        ),
        ("search meta-gp nb201/cifar10 --journal /proc/x.jsonl", "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit"),
        ("compare --searchers meta-gp --tasks nb201 --folder /proc/x", "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit"),
        ("proxies compute --cells 0,1 --output /proc/x.npz", "nasmeta.training.proxies._measure._probe_cells"),
        ("verify --demo --folder /proc/x", "nasmeta.training.Trainer.train"),
        ("data audit --report /proc/x", "nasmeta.tables.audit.run_audit"),
    ],
)
def test_commands_refuse_a_place_that_cannot_be_written(
    command: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, worked)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, (done.output, done.exception)
    assert "/proc/x" in done.output


def test_a_report_is_refused_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=5)
    monkeypatch.setattr("nasmeta.experiments._report.find", worked)
    with pytest.raises(SettingError, match="/proc/x cannot be written"):
        nm.report(frame, "/proc/x")
    (tmp_path / "there").touch()
    with pytest.raises(SettingError, match="there cannot be written: Not a directory"):
        nm.report(frame, tmp_path / "there")


def test_what_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.npz").write_bytes(b"old")
    require_writable(tmp_path / "old.npz")
    require_writable(tmp_path / "new.npz")
    require_writable(tmp_path / "folder" / "in" / "folder", folder=True)
    require_writable(tmp_path, folder=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old.npz", b"old")]
    with pytest.raises(SettingError, match="it is a folder"):
        require_writable(tmp_path)
