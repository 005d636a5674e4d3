"""How long trainings are, and where they pause."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nasmeta.checks import check_int, is_listed
from nasmeta.errors import SettingError, shown
from nasmeta.training import Recipe

_POINT = re.compile(r"(\d{1,6})of(\d{1,6})")


def training_lengths(asked: Iterable[int | str] | None, recipe: Recipe) -> dict[int, bool]:
    """Return the lengths of trainings in epochs, ascending, and whether each is a pause of the longest.

    Where nothing is asked for, the pauses are after a ninth and a third of the recipe's epochs, or when it next
    evaluates.

    >>> training_lengths(["2of6", 6], Recipe("own", epochs=6))
    {2: True, 6: False}
    >>> training_lengths(None, Recipe("own", epochs=18, evaluate_every=4))
    {4: True, 8: True, 18: False}
    """
    full, every = recipe.epochs, recipe.evaluate_every
    if asked is None:
        pauses = [-(-n // every) * every for n in (full // 9, full // 3) if n]
        return {**{n: True for n in pauses if n < full}, full: False}
    possible = f'Possible: 1 to {full}, with {full} among them; "2of{full}" pauses the training of {full} epochs.'
    if isinstance(asked, str) or not is_listed(asked):
        raise SettingError(f"Lengths of trainings are whole numbers of epochs, not {shown(asked)}. {possible}")
    found: dict[int, bool] = {}
    for length in asked:
        match = _POINT.fullmatch(length) if isinstance(length, str) else None
        if isinstance(length, str) and (match is None or int(match[2]) != full):
            raise SettingError(f"{shown(length)} is no point of a training of {full} epochs. {possible}")
        epochs = check_int("epochs", int(match[1]) if match else length)
        if epochs > full - (match is not None) or epochs in found:
            raise SettingError(f"{shown(length)} is too long or appears twice. {possible}")
        if epochs < full and epochs % every and (match or recipe.schedule == "constant"):
            raise SettingError(
                f"The recipe {recipe.name} evaluates every {every} epochs: a training pauses after a multiple of "
                f"{every} epochs, not after {epochs}."
            )
        found[epochs] = match is not None
    if full not in found:
        raise SettingError(f"The training of {full} epochs is missing. {possible}")
    if len({paused for epochs, paused in found.items() if epochs < full}) > 1:
        raise SettingError("Short trainings are either pauses of the longest, or trainings of their own, not both.")
    return dict(sorted(found.items()))
