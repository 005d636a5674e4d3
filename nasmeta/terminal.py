"""Options and terminal output shared by all commands."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from nasmeta.errors import UnknownNameError, short

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

_Command = TypeVar("_Command", bound=Callable[..., object])
_LONG_WORD = 20  # letters
_LONGEST_WORD = 40  # letters that a terminal shows


def options_from(
    *functions: Callable[..., object], panel: str | None = None, without: str = ""
) -> Callable[[_Command], _Command]:
    """Return a decorator that gives a command the parameters of functions as options.

    The command receives options on the command line as keyword arguments; all others have their
    defaults in Python.

    Parameters
    ----------
    *functions : callable
        Names, types and defaults come from the signature, help from the section Parameters of the
        docstring.
    panel : str, optional
        Title of the options in the help.
    without : str
        Names of parameters that the command fills itself, separated by spaces.
    """

    def add(command: _Command) -> _Command:
        sources = [(function, panel, without.split()) for function in functions]
        vars(command)["sources"] = [*sources, *vars(command).get("sources", [])]
        return command

    return add


def taken(options: dict[str, Any], function: Callable[..., object]) -> dict[str, Any]:
    """Remove the parameters of a function from options and return them."""
    return {
        name: options.pop(name)
        for name in inspect.signature(function).parameters
        if name in options
    }


def console(stderr: bool = False) -> Console:
    """Return the terminal; names of users are plain text without markup."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str | None = None,
    right: Collection[str] = (),
    whole: bool = False,
) -> None:
    """Print a table; `right` lists the headings of right-aligned columns. Output to a file is as wide as the table.

    A terminal breaks long texts and shortens long words, such as architectures. With `whole`, it
    shortens nothing, and breaks only texts after the first column.
    """
    from rich.table import Table

    terminal = console()
    table = Table(box=None, pad_edge=False)
    rows = [*rows]
    if terminal.is_terminal and not whole:
        rows = [
            [" ".join(short(word, _LONGEST_WORD) for word in text.split(" ")) for text in row]
            for row in rows
        ]
    for position, heading in enumerate(headings):
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        texts = [heading, *(row[position] for row in rows)]
        longest = min(_LONG_WORD, max(map(len, " ".join(texts).split())))
        fixed = position == 0 if whole else longest == max(map(len, texts))
        table.add_column(
            heading,
            justify=justify,
            overflow="fold",
            no_wrap=fixed,
            min_width=None if whole else longest,
        )
    for row in rows:
        table.add_row(*row)
    if title:
        terminal.print(title)
    if not terminal.is_terminal:
        terminal.width = 10_000
    terminal.print(table)


def print_frame(frame: pd.DataFrame, title: str | None = None, whole: bool = False) -> None:
    """Print a frame as a table, with numbers to the right."""
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    print_table([*map(str, frame)], rows, title, [*map(str, frame.select_dtypes("number"))], whole)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None or value != value:
        return ""
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print facts in two columns; a terminal breaks long facts between words."""
    terminal = console()
    width = terminal.width if terminal.is_terminal else sys.maxsize
    for name, fact in facts.items():
        text = f"{name:<15} {_text(fact) if isinstance(fact, bool) else fact}"
        print(fill(text, width, subsequent_indent=" " * 16, break_on_hyphens=False))


def print_text(text: str) -> None:
    """Print lines of text; a terminal breaks them between words."""
    terminal = console()
    terminal.print(text, soft_wrap=not terminal.is_terminal)


def print_listing(
    how: str, names: pd.DataFrame, brief: list[str], name: str | None = None
) -> pd.DataFrame:
    """Print some columns of all names, or all about one name; return the rows.

    Parameters
    ----------
    how : str
        The command, such as ``data list``.
    names : DataFrame
        Its first column has the names.
    brief : list of str
        The columns of all names.
    name : str, optional
        Print the details of this name only.
    """
    if name is None:
        print_frame(names[brief], whole=True)
        print(f"\nDetails: nasmeta {how} NAME", file=sys.stderr)
        return names
    noun = str(names.columns[0])
    details = names[names[noun] == name]
    if details.empty:
        raise UnknownNameError.of(noun, name, names[noun])
    print_facts(
        {
            str(key): fact
            for key, fact in details.iloc[0].to_dict().items()
            if fact not in ("", False)
        }
    )
    return details


def print_written(paths: Iterable[object]) -> None:
    """List the files that were written."""
    print("Written:", *paths, sep="\n  ")
