"""A finished comparison, and its published file, for all tests of the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import nasmeta as nm


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("honest") / "runs"
    tasks = ["nb201/cifar10", "nb201/cifar100"]
    nm.compare(["random", "evolution"], tasks, repeats=5, evaluations=60, folder=path)
    return path


@pytest.fixture(scope="session")
def file(folder: Path) -> Path:
    return nm.publish(
        folder, folder.with_name("runs.json.gz"), author="A. Author", tuned_on=["nb201/cifar10"]
    )
