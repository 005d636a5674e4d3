"""The tables of recipes, images and zero-cost proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.registry import listed
from nasmeta.training._dataset import NEED_NO_PATH
from nasmeta.training._image_files import READERS
from nasmeta.training._recipe import FOLDER, Recipe, recipe_for

if TYPE_CHECKING:
    import pandas as pd

_SETTINGS = ("epochs", "batch_size", "channels", "cells_per_stage", "train_images", "image_size")


def list_recipes() -> pd.DataFrame:
    """Return the shipped recipes; a custom recipe is a file that ends in ``.toml``.

    Returns
    -------
    DataFrame
        One row per recipe: ``recipe`` (its name), ``summary`` (one line), and settings of `Recipe`:
        ``epochs``, ``batch_size``, ``channels``, ``cells_per_stage``, ``train_images`` (0 for all)
        and ``image_size`` (in pixels, 0 for the images' size).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_recipes().set_index("recipe").loc[["fast", "tiny"], "epochs"].to_list()
    [8, 6]
    """

    def facts(name: str, _: str) -> dict[str, Any]:
        recipe = Recipe.load(name)
        return {setting: getattr(recipe, setting) for setting in _SETTINGS}

    recipes = {name: _first_sentence(name) for name in Recipe.names()}
    return listed("recipe", [recipes], facts, dict.fromkeys(_SETTINGS))


def _first_sentence(name: str) -> str:
    """Return the first sentence of the comment in a recipe's file."""
    lines = (FOLDER / f"{name}.toml").read_text("utf-8").splitlines()
    comment = " ".join(line.strip("# ") for line in lines if line.startswith("#"))
    sentence, _, _ = comment.partition(". ")
    return sentence.rstrip(".") + "."


def list_images() -> pd.DataFrame:
    """Return the kinds of images for the argument ``data`` of trainings.

    Returns
    -------
    DataFrame
        One row per kind: ``images`` (its name), ``summary`` (one line), ``data`` (the argument) and
        ``recipe`` (the default recipe).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_images().set_index("images").loc[["cifar10", "digits"], "data"].to_list()
    ['cifar10:PATH', 'digits']
    """

    def facts(name: str, reader: Any) -> dict[str, Any]:
        written = f"{name}:PATH"
        if name == "digits":
            written = name
        elif name in NEED_NO_PATH:
            written = f"{name}[:PATH]"
        return {"data": written, "recipe": recipe_for(None, name).name}

    unknown = {"data": "", "recipe": ""}
    return listed("images", [READERS], facts, unknown)


def list_proxies() -> pd.DataFrame:
    """Return the zero-cost proxies of `compute_proxies`, which needs PyTorch.

    Returns
    -------
    DataFrame
        One row per proxy: ``proxy`` (its name), ``summary`` (one line) and ``measured`` (whether
        its values on NAS-Bench-201 are shipped, which makes it a predictor of `nasmeta.predict`).

    Examples
    --------
    >>> import nasmeta as nm
    >>> proxies = nm.list_proxies()
    >>> proxies.loc[~proxies["measured"], "proxy"].to_list()
    ['flops', 'params']
    """
    from nasmeta.training._proxy_file import measured_proxies
    from nasmeta.training.proxies import PROXIES

    measured = measured_proxies("nb201")
    return listed(
        "proxy", [PROXIES], lambda name, _: {"measured": name in measured}, {"measured": False}
    )
