"""Training one network on one device: checkpoints, logs, and an end that is told whatever happens."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from nasmeta.checks import check_bool, check_instance, check_int
from nasmeta.errors import DamagedFileError, SettingError, TrainingFailed, needing, shown
from nasmeta.files import write_atomically
from nasmeta.progress import Bar, progress_bar
from nasmeta.spaces import Architecture, SearchSpace, get_cell_space, get_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._estimate import estimate_training
from nasmeta.training._export import NETWORK_FILE, read_tensors, write_tensors
from nasmeta.training._learner import Learner
from nasmeta.training._machine import EnergyMeter, Ranks, chosen_device, computing, device_name, ranks_of
from nasmeta.training._network import CellNetwork
from nasmeta.training._own_network import BuildNetwork, network_identity, own_network
from nasmeta.training._recipe import Recipe
from nasmeta.training._result import (
    CHECKPOINT_FILE,
    RESULT_FILE,
    EpochRecord,
    TrainingResult,
    csv_of,
    note_of,
    read_result,
)

_END_SECONDS = 1.0  # that a process takes to end after the one that waited for it was killed
_OPTIONS = {"stacked": "stack (--stack)"}  # parts of an identity that are called otherwise where they are asked for
LOG_FILE, FAILURE_FILE = "epochs.csv", "failure.json"


def run_training(
    cell: Architecture,
    space: str | SearchSpace,
    data: ImageDataset,
    recipe: str | Path | Recipe,
    seed: int = 0,
    *,
    folder: Path | None = None,
    device: str | torch.device = "auto",
    deterministic: bool = False,
    progress: bool = False,
    tensorboard: bool = False,
    on_epoch: Callable[[EpochRecord], object] | None = None,
    until: int | None = None,
    build_network: BuildNetwork | None = None,
    together: bool = False,
) -> TrainingResult:
    """Train the network of a cell; see `nasmeta.training.train`."""
    seed = check_int("seed", seed, 0)
    space = get_cell_space(space) if build_network is None else get_space(space)
    cell = space.index_of(cell)
    chosen = chosen_device(device)
    recipe = Recipe.load(recipe)
    data = check_instance("data", data, ImageDataset)
    deterministic = check_bool("deterministic", deterministic)
    last = recipe.epochs if until is None else _pause(until, recipe, folder)
    if on_epoch is not None and not callable(on_epoch):
        raise SettingError(f"on_epoch must be a function of an EpochRecord, not {shown(on_epoch)}.")
    if check_bool("tensorboard", tensorboard) and folder is None:
        raise SettingError("TensorBoard's logs need a folder.")
    with ExitStack() as stack:
        stack.enter_context(computing(deterministic))
        ranks, chosen = ranks_of(chosen, together)
        progress = progress and ranks.is_first
        place = None if folder is None else Path(folder)
        if place is not None and ranks.is_first:
            place = own_folder(place, stack)
        identity = identity_of(cell, space, data, recipe, seed)
        if ranks.count > 1:
            identity["processes"] = ranks.count  # batch norm normalises within each one's part of a batch
        if build_network is not None:
            identity["build_network"] = network_identity(build_network)
            identity["choices"] = [[name, repr(choice)] for name, choice in space.choices(cell).items()]
        try:
            training = Training(identity, space, data, recipe, chosen, place, deterministic, build_network, ranks)
            done = training.resume()
            if not ranks.wait(len(training.epochs)):
                raise SettingError(f"The processes do not see the same files in {place}.")
            if done is not None:
                return done.after(last)
            left = last - len(training.epochs)
            if progress and ranks.count == 1 and left > 0:
                _tell_estimate(left, cell, space, data, recipe, chosen, build_network)
            bar = stack.enter_context(progress_bar(f"cell {cell}", recipe.epochs, len(training.epochs), shown=progress))
            watching: list[Callable[[EpochRecord], object]] = [partial(_show, bar)]
            if tensorboard and place is not None and ranks.is_first:
                writer = _tensorboard(place, len(training.epochs))
                stack.callback(writer.close)
                watching.append(partial(_log, writer))
            result = training.run([*watching, *([] if on_epoch is None else [on_epoch])], last).after(last)
            if progress:
                _tell_smaller_batch(result.micro_batch, min(recipe.batch_size, len(data.splits["train"])))
            return result
        except TrainingFailed as failure:
            if ranks.is_first:
                keep_failure(failure, place, identity)
            raise


def identity_of(cell: int, space: SearchSpace, data: ImageDataset, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Return what tells trainings apart, of JSON's types."""
    return {
        "cell": cell,
        "space": space.name,
        "dataset": data.name,
        "recipe": recipe.to_dict(),
        "seed": seed,
        "split_sha256": data.split_sha256(),
        "data_sha256": data.sha256(),
    }


def _unnamed(identity: object, of_folder: bool) -> dict[str, Any]:
    """Return an identity without the name of its recipe, whose settings are what counts, and of a folder of images."""
    found = identity if isinstance(identity, dict) else {}
    if of_folder:  # which may be moved: checksums say whether the images are the same
        found = {**found, "dataset": ""}
    recipe = found.get("recipe")
    return {**found, "recipe": {**recipe, "name": ""}} if isinstance(recipe, dict) else found


def keep_failure(failure: TrainingFailed, folder: Path | None, identity: dict[str, Any]) -> None:
    """Write why a training failed into its folder."""
    if folder is not None:
        report = {"reason": failure.reason, "message": str(failure), "identity": identity}
        write_atomically(folder / FAILURE_FILE, json.dumps(report, indent=1) + "\n")


def _pause(until: object, recipe: Recipe, folder: Path | None) -> int:
    """Return the epoch after which a training pauses, checked."""
    epoch = check_int("until", until, most=recipe.epochs)
    if folder is None:
        raise SettingError("A training that pauses needs a folder, where it is gone on with.")
    if epoch % recipe.evaluate_every and epoch < recipe.epochs:
        raise SettingError(
            f"until is an epoch after which the recipe {recipe.name} evaluates, a multiple of "
            f"{recipe.evaluate_every}, not {epoch}."
        )
    return epoch


def _tell_estimate(left: int, cell: int, space: SearchSpace, data: ImageDataset, recipe: Recipe, *where: Any) -> None:
    """Say on stderr what the epochs left will take; a training that cannot be tried says so when it begins."""
    with suppress(TrainingFailed):
        found = estimate_training(cell, space, data, recipe, *where)
        found = replace(found, seconds=found.seconds * left / recipe.epochs)
        print(found.told(f"{left} epoch{'s' * (left > 1)}", where[0], "fewer will be taken at once"), file=sys.stderr)


def _tell_smaller_batch(at_once: int, batch: int) -> None:
    """Say on stderr where memory was short."""
    if at_once < batch:
        print(
            f"Memory did not suffice for a batch of {batch} images: {at_once} went through the network at once. "
            "Gradients were added up to those of the batch, but batch norm saw the smaller number.",
            file=sys.stderr,
        )


def _show(bar: Bar, record: EpochRecord) -> None:
    bar.update(record.epoch, note=note_of([record]))


def _tensorboard(folder: Path, done: int) -> Any:
    with needing("A log for TensorBoard", "train"):
        from torch.utils.tensorboard import SummaryWriter
    # what a killed training logged after its last checkpoint is hidden
    return SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1)


def _log(writer: Any, record: EpochRecord) -> None:
    for name, value in asdict(record).items():
        if value is not None and name != "epoch":
            writer.add_scalar(name, value, record.epoch)


def own_folder(folder: Path, stack: ExitStack) -> Path:
    """Make the folder and keep other processes out of it."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(FileLock(folder / ".lock", timeout=_END_SECONDS))
    except Timeout:
        raise SettingError(f"Another process is training in {folder}.") from None
    except OSError as reason:
        raise SettingError(f"{folder} cannot be written: {reason.strerror or reason}.") from reason
    return folder


def versions() -> dict[str, str]:
    """Return the versions on which a result depends."""
    from nasmeta import __version__

    found = {"nasmeta": __version__, "torch": str(torch.__version__), "python": platform.python_version()}
    if torch.version.cuda is not None:
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
        found |= {"cuda": torch.version.cuda, "cudnn": str(cudnn)}
    return found


class Training:
    """A learner, what it has done so far, and the folder in which both are kept."""

    def __init__(
        self,
        identity: dict[str, Any],
        space: SearchSpace,
        data: ImageDataset,
        recipe: Recipe,
        device: torch.device,
        folder: Path | None,
        deterministic: bool,
        build_network: BuildNetwork | None,
        ranks: Ranks,
    ) -> None:
        self.ranks = ranks
        self.recipe, self.device, self.folder, self.dataset = recipe, device, folder, data
        self.identity = identity
        self.deterministic = deterministic
        self.stack, self.halvings = 1, 0
        cell, seed = identity["cell"], identity["seed"]
        network: torch.nn.Module
        if build_network is None:
            network = CellNetwork(cell, space, n_classes=data.n_classes, **recipe.skeleton, seed=seed)
        else:
            network = own_network(build_network, space.choices(cell), data, seed)
        self.learner = Learner(network, data, recipe, seed, device, cell, ranks)
        self.epochs: list[EpochRecord] = []
        self.evaluate_seconds = 0.0
        self.energy: float | None = None

    def run(self, watching: Sequence[Callable[[EpochRecord], object]], last: int) -> TrainingResult:
        """Train to the end, or to the last epoch before a pause."""
        meter, energy_before = EnergyMeter(self.device), self.energy or 0.0
        while len(self.epochs) < last and not self.is_hopeless():
            start = time.perf_counter()
            record = self.learner.epoch(len(self.epochs))
            self.epochs.append(record)
            self.evaluate_seconds += time.perf_counter() - start - record.seconds
            joules = meter.joules()
            self.energy = None if joules is None else energy_before + joules
            self.save()
            self.ranks.wait()
            for see in watching:
                see(record)
        return self.finish()

    def is_hopeless(self) -> bool:
        """Say whether the validation accuracy has not risen for as many epochs as the recipe waits."""
        found = [(record.valid_accuracy, -record.epoch) for record in self.epochs if record.valid_accuracy is not None]
        if not self.recipe.patience or not found or self.epochs[-1].valid_accuracy is None:
            return False  # an end without an evaluation would be a result without accuracies
        _, best = max(found)  # the first of equals
        return self.epochs[-1].epoch + best >= self.recipe.patience

    def save(self) -> None:
        if self.folder is None or not self.ranks.is_first:
            return
        tensors, rest = self.learner.state()
        head = {
            "identity": self.identity,
            "deterministic": self.deterministic,
            "epochs": [asdict(record) for record in self.epochs],
            "evaluate_seconds": self.evaluate_seconds,
            "energy_joules": self.energy,
            "learner": rest,
            "stack": [self.stack, self.halvings],
        }
        write_tensors(self.folder / CHECKPOINT_FILE, tensors, head)
        write_atomically(self.folder / LOG_FILE, csv_of(self.epochs))

    def resume(self) -> TrainingResult | None:
        """Take up the state that lies in the folder; return the result where the training is finished."""
        if self.folder is None:
            return None
        path, result = self.folder / CHECKPOINT_FILE, self.folder / RESULT_FILE
        if not path.is_file():
            if result.is_file():
                raise SettingError(f"{result} is there, but its {CHECKPOINT_FILE} is not: choose another folder.")
            self._forget_failure()
            return None
        tensors, head = read_tensors(path)
        of_folder = self.dataset.facts.get("source") == "folder"
        theirs, mine = (_unnamed(one, of_folder) for one in (head.get("identity"), self.identity))
        odd = [_OPTIONS.get(key, key) for key in mine | theirs if theirs.get(key) != mine.get(key)]
        if odd:
            raise SettingError(
                f"{self.folder} is the folder of another training: it differs in {', '.join(odd)}. "
                "Choose another folder, or remove this one."
            )
        try:
            self.learner.set_state(tensors, head["learner"])
            self.epochs = [EpochRecord(**record) for record in head["epochs"]]
            self.evaluate_seconds, self.energy = float(head["evaluate_seconds"]), head["energy_joules"]
            self.stack, self.halvings = head.get("stack", (1, 0))
        except TrainingFailed:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as reason:
            raise DamagedFileError(f"{path} is damaged: {reason!s:.200}. Remove it to train anew.") from reason
        self._forget_failure()
        log, text = self.folder / LOG_FILE, csv_of(self.epochs)
        if self.ranks.is_first and not (log.is_file() and log.read_bytes() == text.encode()):
            write_atomically(log, text)  # a kill between checkpoint and log left it an epoch behind
        return replace(read_result(self.folder), network=self.learner.outcome.eval()) if result.is_file() else None

    def _forget_failure(self) -> None:
        """Remove what says that an earlier attempt failed."""
        if self.folder is not None and self.ranks.is_first:
            (self.folder / FAILURE_FILE).unlink(missing_ok=True)

    def finish(self) -> TrainingResult:
        """Return what was found, and write it where the training has ended."""
        whole = len(self.epochs) == self.recipe.epochs
        stopped = "finished" if whole else "early" if self.is_hopeless() else "paused"
        network = self.learner.outcome.eval()
        more = ("build_network", "choices", "processes", "stacked")
        result = TrainingResult(
            **{key: value for key, value in self.identity.items() if key not in more},
            data_facts=dict(self.dataset.facts),
            device=("" if self.ranks.count == 1 else f"{self.ranks.count} × ") + device_name(self.device),
            epochs=tuple(self.epochs),
            train_seconds=sum(record.seconds for record in self.epochs),
            evaluate_seconds=self.evaluate_seconds,
            energy_joules=self.energy,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            micro_batch=self.learner.micro_batch,
            stopped=stopped,
            stack=self.stack,
            stack_halvings=self.halvings,
            versions=versions(),
            network=network,
        )
        if self.folder is not None and stopped != "paused" and self.ranks.is_first:
            data = self.dataset
            facts = {"dataset": data.name, "classes": data.classes, "mean": data.mean, "std": data.std}
            if type(network) is CellNetwork:  # a supernet is no cell that could be loaded
                network.export(self.folder / NETWORK_FILE, facts=facts)
            else:  # whoever built it builds it again
                write_tensors(self.folder / NETWORK_FILE, network.state_dict(), {"facts": facts})
            write_atomically(self.folder / RESULT_FILE, json.dumps(result.to_dict(), indent=1) + "\n")
        self.ranks.wait()
        return result
