"""``nasmeta train`` and ``nasmeta proxies compute``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nasmeta.errors import SettingError
from nasmeta.progress import duration, progress_bar
from nasmeta.terminal import options_from, print_written, taken
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._image_batch import load_images
from nasmeta.training._train import train


def read_images(
    *,
    data: str | None = None,
    valid_split: str | None = None,
    valid_fraction: float | None = None,
    size: int | None = None,
) -> ImageDataset:
    """Return the images that a command trains on.

    Parameters
    ----------
    data : str
        Training images: digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist or
        folder:PATH.
    valid_split : str
        Validation images: fraction, a stratified part of the training images; or nb201, the split
        of the benchmark, which is the default for its datasets.
    valid_fraction : float
        Fraction of the training images used for validation; by default 0.1.
    size : int
        Scale images to this height and width in pixels, a multiple of 4.
    """
    if data is None:
        raise SettingError("Missing option --data: training images such as digits or cifar10:PATH.")
    return ImageDataset.load(
        data, valid_split=valid_split, valid_fraction=valid_fraction, size=size, progress=True
    )


@options_from(read_images, panel="Real training")
@options_from(train)
def train_command(
    *, data: str = "digits", folder: Path | None = None, **options: Any
) -> dict[str, Any]:
    """Train the network of one architecture.

    Parameters
    ----------
    folder : path
        Folder for checkpoint, network and result; run the same command again to resume.

    Examples
    --------
    nasmeta train 6111 --folder 6111
    nasmeta train 6111 --data cifar10:PATH --recipe nb201-12 --folder 6111
    """
    images = read_images(data=data, **taken(options, read_images))
    result = train(data=images, folder=folder, progress=True, **options)
    accuracies = {
        "train": result.train_accuracy,
        "valid": result.valid_accuracy,
        "test": result.test_accuracy,
    }
    texts = [f"{name} {value:.2f} %" for name, value in accuracies.items() if value is not None]
    length = f"{len(result.epochs)} epochs, seed {result.seed}"
    print(f"cell {result.cell} on {result.dataset}: {', '.join(texts)}; {length}")
    print(
        f"{result.parameters:,} parameters; {duration(result.train_seconds)} of training on {result.device}"
    )
    if folder is not None:
        print_written([folder])
    facts = {f"{name}_accuracy": value for name, value in accuracies.items()} | vars(result)
    del facts["network"]
    return facts


def proxies_compute_command(
    *,
    output: Path,
    space: str = "nb201",
    data: str = "digits",
    n_images: int = 32,
    size: int = 16,
    channels: int = 16,
    cells_per_stage: int = 1,
    seed: int = 0,
    proxies: Sequence[str] = (),
    cells: Iterable[int] | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Measure proxies for one cell of each isomorphism class; run the same command again to resume.

    Parameters
    ----------
    output : path
        Write the proxies to this file (.npz).
    space : str
        Space of the cells: nb201 or tnb101.
    data : str
        Images, as in nasmeta train.
    n_images : int
        Number of images in the batch, at least 2.
    size : int
        Scale images to this height and width in pixels: a multiple of 4, at least 8.
    channels : int
        Channels of the first stage.
    cells_per_stage : int
        Cells in each of the three stages.
    seed : int
        Seed of the weights and the batch.
    proxies : sequence of str
        Names of nasmeta list proxies, separated by commas; by default those that a space does not
        compute by a formula.
    cells : iterable of int
        Indices of cells, separated by commas; by default all.
    workers : int
        Number of processes, with one thread each.

    Examples
    --------
    nasmeta proxies compute --data digits --output proxies.npz
    """
    from nasmeta.training.proxies import DEFAULT_PROXIES, measure_proxies

    batch = load_images(data, n_images, size, seed)
    indices = None if cells is None else list(cells)
    with progress_bar("networks") as bar:
        file = measure_proxies(
            output, batch, proxies or DEFAULT_PROXIES, channels=channels,
            cells_per_stage=cells_per_stage, seed=seed, space=space, cells=indices,
            workers=workers, progress=bar.update,
        )  # fmt: skip
    print_written([file])
    return {"file": file}
