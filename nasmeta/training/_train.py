"""Training from a name of a data set to a network in files; PyTorch is imported when it is called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.checks import check_bool, checked_types
from nasmeta.errors import SettingError
from nasmeta.files import require_writable
from nasmeta.spaces import Architecture, SearchSpace
from nasmeta.training._dataset import ImageDataset, dataset_options
from nasmeta.training._recipe import Recipe, recipe_for
from nasmeta.training._result import RESULT_FILE, EpochRecord, TrainingResult

if TYPE_CHECKING:
    import torch

    from nasmeta.training._own_network import BuildNetwork


@checked_types
def train(
    cell: Architecture,
    data: str | ImageDataset = "digits",
    recipe: str | Path | Recipe | None = None,
    seed: int = 0,
    *,
    space: str | SearchSpace = "nb201",
    split: str | Path | None = None,
    valid_fraction: float | None = None,
    size: int | None = None,
    folder: str | Path | None = None,
    device: str | torch.device = "auto",
    deterministic: bool = False,
    progress: bool = False,
    tensorboard: bool = False,
    export: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    on_epoch: Callable[[EpochRecord], object] | None = None,
    until: int | None = None,
    build_network: BuildNetwork | None = None,
    distributed: bool = False,
) -> TrainingResult:
    """Train the network of a cell.

    The seed gives the first weights, and with the number of the epoch the order of its images and their augmentation.
    So a training that goes on from a checkpoint sees what it would have seen: on a CPU, with as many threads, its
    result is the same to the bit.

    Parameters
    ----------
    cell : int or str
    data : str or ImageDataset, default "digits"
        As `ImageDataset.load` takes or gives it.
    recipe : str, Path or Recipe, optional
        As `Recipe.load` takes it; where left out that of the images: ``tiny`` for digits, ``fast`` for all others.
    seed : int, default 0
    space : str or SearchSpace, default "nb201"
    split, valid_fraction, size
        Of a data set that is given by name, as in `ImageDataset.load`; the split is by default that of the tables where
        they know the data set and no `valid_fraction` is given.
    folder : str or Path, optional
        For the checkpoint after each epoch, ``epochs.csv``, ``result.json`` and ``network.safetensors``. A folder in
        which this training began is gone on with; where it is finished, its result is returned.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda``, ``cuda:N``.
    deterministic : bool, default False
        Use only deterministic algorithms; slower on a GPU.
    progress : bool, default False
        Show a progress bar, and before it the seconds and the memory that the training will take, as a trial with few
        images says.
    tensorboard : bool, default False
        Write logs for TensorBoard into the folder, too.
    export : path or iterable of path
        Files for the trained network, by their ending as in `CellNetwork.export`: ``.safetensors``, ``.pt2``,
        ``.onnx``.
    on_epoch : callable, optional
        Called with the record of each epoch, see `TrainingResult.epochs`.
    until : int, optional
        Pause after this epoch. The schedule is that of the whole training, so the same call with a later epoch, or
        without, goes on, and ends as if there had been no pause. It needs a folder.
    build_network : callable, optional
        Builds the network of an architecture of any space: from its choices, a mapping of positions to them, to a
        ``torch.nn.Module`` that returns a number a class, shape (n, n_classes), for images of shape (n, 3, height,
        width). Its weights are drawn with the seed. The recipe's C, N and ``prune`` do not count then. A folder is that
        of one such function: its code and the plain values that it was made with, or its attribute ``identity``, a dict
        of JSON's types.
    distributed : bool, default False
        Train one network in the processes that torchrun has started, each on a GPU of its own (``LOCAL_RANK``), or on
        the CPU. Each takes its part of every batch; gradients are those of the whole batch, but batch norm normalises
        within the parts, so the number of processes is part of what a folder holds. The first one writes the files.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingFailed
        Where the loss is no longer a number (reason ``diverged``), or memory does not suffice even for a few images at
        once (``out of memory``), or PyTorch or `build_network` raise another error (``error``). Where memory is short
        the batch is first cut into halves whose gradients are added up; batch norm then sees the smaller ones. The
        folder's ``failure.json`` says the same.
    SettingError
        Where a setting is impossible, there is no such device, or the folder cannot be written or is another's; before
        the training also where the network could not be exported.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, train
    >>> few = ImageDataset.load("digits").subset(64)
    >>> result = train(6111, few, Recipe.load("tiny", epochs=1), device="cpu")
    >>> len(result.epochs), result.stopped, 0 <= result.valid_accuracy <= 100
    (1, 'finished', True)
    """
    from nasmeta.training._export import check_export
    from nasmeta.training._network import CellNetwork  # first, for it says in words where PyTorch is missing
    from nasmeta.training._trainer import run_training

    home = None if folder is None else Path(folder)
    exported = [export] if isinstance(export, str | os.PathLike) else export
    files = [Path(path) for path in exported]
    if home is not None and not (home / RESULT_FILE).is_file():
        require_writable(home, folder=True)
    if files and build_network is not None:
        raise SettingError("A network of your own is exported by yourself: it is the result's network.")
    for file in files:
        check_export(file, made_before=home)
    if isinstance(data, str):
        data = ImageDataset.load(data, **dataset_options(data, split, valid_fraction, size))
    elif (split, valid_fraction, size) != (None, None, None):
        raise SettingError("split, valid_fraction and size are for a data set that is given by its name.")
    recipe = recipe_for(recipe, data)
    data = recipe.images_of(data)
    result = run_training(
        cell,
        space,
        data,
        recipe,
        seed,
        folder=home,
        device=device,
        deterministic=deterministic,
        progress=progress,
        tensorboard=tensorboard,
        on_epoch=on_epoch,
        until=until,
        build_network=build_network,
        together=check_bool("distributed", distributed),
    )
    if distributed and os.environ["RANK"] != "0":
        return result
    facts = {"dataset": data.name, "classes": data.classes, "mean": data.mean, "std": data.std}
    for file in files:
        assert isinstance(result.network, CellNetwork)
        result.network.export(file, image_size=data.image_size[0], facts=facts)
    return result
