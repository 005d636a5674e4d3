"""One training with its checkpoints: the files in its folder, and resuming from them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from nasmeta.arrays import Facts
from nasmeta.code_identity import versions_of
from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.files import blaming, write_atomically, write_facts
from nasmeta.spaces import SearchSpace
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._device import device_name
from nasmeta.training._learner import Learner
from nasmeta.training._network import CellNetwork
from nasmeta.training._own_network import BuildNetwork, network_identity, own_network
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import (
    CHECKPOINT_FILE,
    RESULT_FILE,
    EpochRecord,
    TrainingResult,
    read_result,
)
from nasmeta.training._tensor_file import read_tensors, write_tensors

FAILURE_FILE, NETWORK_FILE = "failure.json", "network.safetensors"


def identity_of(
    cell: int,
    space: SearchSpace,
    data: ImageDataset,
    recipe: Recipe,
    seed: int,
    build_network: BuildNetwork | None,
) -> Facts:
    """Return everything that a result depends on, of JSON types: a folder belongs to one identity."""
    identity = {
        "cell": cell,
        "space": space.name,
        "dataset": data.name,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "split_sha256": data.split_sha256(),
        "data_sha256": data.sha256(),
    }
    if build_network is not None:
        identity["build_network"] = network_identity(build_network)
        choices = space.choices(cell)
        identity["choices"] = [[name, repr(choice)] for name, choice in choices.items()]
    return identity


def _without_names(identity: Facts, of_folder: bool) -> dict[str, Any]:
    """Return an identity without the recipe's name, and without the path of a folder of images, which may move."""
    nameless = {**identity, "recipe": {**identity["recipe"], "name": ""}}
    if of_folder:
        nameless["dataset"] = ""
    return nameless


def locked(folder: Path) -> AbstractContextManager[object]:
    """Create the folder, and wait until no other process trains in it."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock")


def keep_failure(failure: TrainingFailed, folder: Path | None, identity: Facts) -> None:
    """Write the reason of a failed training into its folder."""
    if folder is not None:
        report = {"reason": failure.reason, "message": str(failure), "identity": identity}
        write_atomically(folder / FAILURE_FILE, json.dumps(report, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    releases = versions_of(["torch"])
    if torch.version.cuda is not None:
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        releases |= {"cuda": torch.version.cuda, "cudnn": str(cudnn)}
    return releases


class Training:
    """A learner and the records of its epochs, kept in a folder if there is one.

    Parameters
    ----------
    identity : dict
        See `identity_of`.
    space, data, recipe, device, build_network
        As in `nasmeta.training.train`.
    folder : Path, optional
    """

    def __init__(
        self,
        identity: Facts,
        space: SearchSpace,
        data: ImageDataset,
        recipe: Recipe,
        device: torch.device,
        folder: Path | None = None,
        build_network: BuildNetwork | None = None,
    ) -> None:
        self.identity, self.recipe, self.device, self.folder, self.dataset = (
            identity,
            recipe,
            device,
            folder,
            data,
        )
        cell, seed = identity["cell"], identity["seed"]
        network: torch.nn.Module
        if build_network is None:
            network = CellNetwork(
                cell, space, n_classes=data.n_classes, **recipe.skeleton, seed=seed
            )
        else:
            network = own_network(build_network, space.choices(cell), data, seed)
        self.learner = Learner(network, data, recipe, seed, device, cell)
        self.epochs: list[EpochRecord] = []
        self.evaluate_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the training so far, with evaluations."""
        return sum(record.seconds for record in self.epochs) + self.evaluate_seconds

    def run(self, see: Callable[[EpochRecord], object], last: int) -> TrainingResult:
        """Train until an epoch; write a checkpoint and call the function with the record after each epoch."""
        while len(self.epochs) < last:
            start = time.perf_counter()
            record = self.learner.epoch(len(self.epochs))
            self.epochs.append(record)
            self.evaluate_seconds += time.perf_counter() - start - record.seconds
            self.save()
            see(record)
        return self.finish()

    def save(self) -> None:
        """Write the checkpoint."""
        if self.folder is None:
            return
        head = {
            "identity": self.identity,
            "epochs": [asdict(record) for record in self.epochs],
            "evaluate_seconds": self.evaluate_seconds,
        }
        write_tensors(self.folder / CHECKPOINT_FILE, self.learner.state(), head)

    def resume(self) -> TrainingResult | None:
        """Load the checkpoint of the folder; return the result if the training is finished."""
        if self.folder is None:
            return None
        path, result = self.folder / CHECKPOINT_FILE, self.folder / RESULT_FILE
        if not path.is_file():
            if result.is_file():
                raise SettingError(
                    f"{result} is there, but its {CHECKPOINT_FILE} is not: choose another folder."
                )
            (self.folder / FAILURE_FILE).unlink(missing_ok=True)
            return None
        tensors, head = read_tensors(path)
        self._require_same(head["identity"])
        with blaming(path, "checkpoint of this training", "Remove it to train anew."):
            self.learner.set_state(tensors)
            self.epochs = [EpochRecord(**record) for record in head["epochs"]]
            self.evaluate_seconds = float(head["evaluate_seconds"])
        (self.folder / FAILURE_FILE).unlink(missing_ok=True)
        if result.is_file():
            return replace(read_result(self.folder), network=self.learner.network.eval())
        return None

    def _require_same(self, identity: Facts) -> None:
        """Raise an error if the folder belongs to another training."""
        of_folder = self.dataset.facts.get("source") == "folder"
        theirs = _without_names(identity, of_folder)
        mine = _without_names(self.identity, of_folder)
        differing = [key for key in mine | theirs if theirs.get(key) != mine.get(key)]
        if differing:
            raise SettingError(
                f"{self.folder} is the folder of another training: it differs in {', '.join(differing)}. "
                "Choose another folder, or remove this one."
            )

    def finish(self) -> TrainingResult:
        """Return the result, and write it with the network if the training has ended."""
        is_finished = len(self.epochs) == self.recipe.epochs
        network = self.learner.network.eval()
        identity = dict(self.identity)
        for name in ("build_network", "choices"):
            identity.pop(name, None)
        result = TrainingResult(
            **identity,
            data_facts=dict(self.dataset.facts),
            device=device_name(self.device),
            epochs=tuple(self.epochs),
            train_seconds=sum(record.seconds for record in self.epochs),
            evaluate_seconds=self.evaluate_seconds,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            stopped="finished" if is_finished else "paused",
            versions=versions(),
            network=network,
        )
        if self.folder is not None and is_finished:
            self._save_network(self.folder / NETWORK_FILE)
            write_facts(self.folder / RESULT_FILE, result.to_dict())
        return result

    def _save_network(self, path: Path) -> None:
        network, data = self.learner.network, self.dataset
        facts = {"dataset": data.name, "classes": data.classes, "mean": data.mean, "std": data.std}
        if type(network) is CellNetwork:  # `CellNetwork.load` cannot build custom networks
            network.save(path, facts)
        else:
            write_tensors(path, network.state_dict(), {"facts": facts})
