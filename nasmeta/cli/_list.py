"""``nasmeta list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasmeta.cli._cli_utils import cli_command, print_table
from nasmeta.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

_KINDS = (
    "searchers", "tasks", "tables", "specifications",
    "predictors", "encoders", "evaluators", "recipes", "images", "proxies",
)  # fmt: skip


@cli_command
def list_names(
    kind: Annotated[
        str, typer.Argument(metavar="|".join(_KINDS), help="What to list.", autocompletion=lambda: list(_KINDS))
    ],
    family: Annotated[
        str | None, typer.Option(help="List the tasks of this family. Default: one line per family.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Space whose architectures encoders encode. Default: nb201.")
    ] = None,
) -> None:
    """List all names of a kind, with what to choose by: searchers, tasks, tables, ready comparisons, and so on."""
    import nasmeta as nm

    if kind not in _KINDS:
        raise UnknownNameError.of("list", kind, _KINDS)
    if family is not None and kind != "tasks":
        raise SettingError(f"Tasks have families, {kind} have none: leave out --family.")
    if space is not None and kind != "encoders":
        raise SettingError(f"Encoders are of a space, {kind} are not: leave out --space.")
    asked = {"tasks": (family,), "encoders": (space or "nb201",)}
    found: pd.DataFrame = getattr(nm, f"list_{kind}")(*asked.get(kind, ()))
    if kind == "tasks" and family is None:
        groups = found.groupby("family", sort=False)
        found = groups.agg(tasks=("task", "size"), first=("task", "first"), here=("here", "sum")).reset_index()
    print_table(list(found.columns), [[_shown(value) for value in row] for row in found.itertuples(index=False)])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value != value else f"{value:,.0f}" if isinstance(value, int | float) else str(value)
