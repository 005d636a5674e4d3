"""A place that cannot be written is refused before the work, not after it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app

NO_FOLDER = Path("/proc")  # a folder that is there, and in which nobody may write, root neither
pytestmark = pytest.mark.skipif(not NO_FOLDER.is_dir(), reason="this system has no /proc")


def worked(*arguments: object, **settings: object) -> NoReturn:
    raise AssertionError("the work has begun")


@pytest.mark.parametrize(
    ("command", "work"),
    [
        (
            "surrogate fit nb201/cifar10 --output /proc/x.npz",
            "nasmeta.surrogates.commands.fit_surrogate",
        ),
        ("meta-train meta-gp --output /proc/x.npz", "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit"),
        ("train 6111 --recipe tiny --folder /proc/x", "nasmeta.training._learner.Learner.epoch"),
        (
            "predict --predictors ridge --target valid --folder /proc/x/y",
            "nasmeta.prediction._models.Model.build",
        ),
        (
            "search meta-gp nb201/cifar10 --journal /proc/x.jsonl",
            "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit",
        ),
        (
            "compare --searchers meta-gp --tasks nb201 --folder /proc/x",
            "nasmeta.meta._meta_gp.MetaGPSearch.meta_fit",
        ),
        (
            "proxies compute --cells 0,1 --output /proc/x.npz",
            "nasmeta.training.proxies._measure.compute_proxies",
        ),
        ("verify --demo --folder /proc/x", "nasmeta.training.Trainer.train"),
    ],
)
def test_commands_refuse_a_place_that_cannot_be_written(
    command: str, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, worked)
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, (done.output, done.exception)
    assert "/proc/x" in done.output
