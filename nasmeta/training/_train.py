"""The training of one network. PyTorch is imported when it is called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from nasmeta.checks import check_int
from nasmeta.errors import TrainingFailed
from nasmeta.progress import progress_bar
from nasmeta.spaces import Architecture, SearchSpace, get_cell_space, get_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._recipe import RecipeLike, recipe_for
from nasmeta.training._result import EpochRecord, Tell, TrainingResult, note_of

if TYPE_CHECKING:
    import torch

    from nasmeta.training._own_network import BuildNetwork


def train(
    cell: Architecture,
    data: str | ImageDataset = "digits",
    recipe: RecipeLike | None = None,
    seed: int = 0,
    *,
    space: str | SearchSpace = "nb201",
    folder: str | Path | None = None,
    device: str | torch.device = "auto",
    progress: bool = False,
    on_epoch: Callable[[EpochRecord], object] | None = None,
    tell: Tell | None = None,
    until: int | None = None,
    build_network: BuildNetwork | None = None,
) -> TrainingResult:
    """Train the network of an architecture.

    The seed determines the initial weights and, with the number of the epoch, the order of the
    images and their augmentation. A training that resumes from a checkpoint gives the same result
    as one without interruption: on a CPU with the same number of threads, bit for bit.

    Parameters
    ----------
    cell : int or str
        Index, or string in the notation of the space.
    data : str or ImageDataset, default "digits"
        A source as in `ImageDataset.load`, or a loaded dataset.
    recipe : str, Path or Recipe, optional
        Name of a recipe (`list_recipes`), a TOML file or a Recipe; by default ``tiny`` for digits
        and ``fast`` for all other images.
    seed : int, default 0
        Seed of the weights, the order of the images and the augmentation.
    space : str or SearchSpace, default "nb201"
        Search space of the cell, such as nb201 or tnb101.
    folder : str or Path, optional
        Keeps the checkpoint after each epoch, ``result.json`` and ``network.safetensors``
        (`CellNetwork.load`). An unfinished training resumes; of a finished one the result is
        returned.
    device : str, default "auto"
        Device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    progress : bool, default False
        Show a progress bar.
    on_epoch : callable, optional
        Called with the `EpochRecord` of each epoch.
    tell : callable, optional
        Called about once per second with the number of finished epochs (a float) and a note about
        the last epoch.
    until : int, optional
        Pause after this epoch; needs a folder. The same call with a later epoch, or without one,
        resumes the training and gives the same result as without the pause.
    build_network : callable, optional
        Builds a custom network from the choices of an architecture of any space, a mapping of
        position names to choices. The network is a ``torch.nn.Module`` that maps images of shape
        (n, 3, height, width) to logits of shape (n, n_classes). Its weights are drawn with the
        seed, and the recipe's ``channels``, ``cells_per_stage`` and ``prune`` are not used. A
        folder belongs to one function: to its code and settings, or to its attribute ``identity``,
        a dict of JSON types.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingFailed
        If the loss is not finite (reason ``diverged``), if memory does not suffice for a batch
        (``out of memory``), or if PyTorch or `build_network` raise another error (``error``). The
        folder's ``failure.json`` contains the reason, too.
    SettingError
        If a setting is impossible, the device does not exist, or the folder belongs to another
        training.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, train
    >>> few = ImageDataset.load("digits").subset(64)
    >>> result = train(6111, few, Recipe.load("tiny", epochs=1), device="cpu")
    >>> len(result.epochs), result.stopped, 0 <= result.valid_accuracy <= 100
    (1, 'finished', True)
    """
    import nasmeta.training._network  # noqa: F401 - first, because it reports a missing PyTorch
    from nasmeta.training._checkpoint import Training, identity_of, keep_failure, locked
    from nasmeta.training._device import chosen_device, fastest_algorithms

    data = ImageDataset.of(data, progress)
    recipe = recipe_for(recipe, data)
    data = recipe.images_of(data)
    space = get_cell_space(space) if build_network is None else get_space(space)
    chosen = chosen_device(device)
    home = None if folder is None else Path(folder)
    last = min(until or recipe.epochs, recipe.epochs)
    cell = space.index_of(cell)
    with ExitStack() as stack:
        stack.enter_context(fastest_algorithms())
        if home is not None:
            stack.enter_context(locked(home))
        identity = identity_of(cell, space, data, recipe, check_int("seed", seed, 0), build_network)
        spent, begin = 0.0, perf_counter()
        try:
            training = Training(identity, space, data, recipe, chosen, home, build_network)
            finished = training.resume()
            if finished is not None:
                return finished.after(last)
            done, spent = len(training.epochs), training.seconds
            bar = stack.enter_context(
                progress_bar(f"cell {cell}", recipe.epochs, done, shown=progress)
            )

            def see(record: EpochRecord) -> None:
                note = note_of(record)
                bar.update(record.epoch, note=note)
                if tell is not None:
                    tell(record.epoch, note)
                if on_epoch is not None:
                    on_epoch(record)

            return training.run(see, last).after(last)
        except TrainingFailed as failure:
            failure.seconds = spent + perf_counter() - begin
            keep_failure(failure, home, identity)
            raise
