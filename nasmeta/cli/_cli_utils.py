"""What all commands share: how errors and interrupts end, and how values are read and shown."""

from __future__ import annotations

import functools
import inspect
import json
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NoReturn, TypeVar

import typer

import nasmeta as nm
from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, TrainingFailed

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., None])


def cli_command(command: F) -> F:
    """Turn errors and warnings of the project into one line each; exit code 1 for a failed training, 2 for others."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with _plain_warnings():
                command(*args, **kwargs)
        except NasmetaError as error:
            from rich.text import Text

            line = Text.assemble(("Error: ", "bold red"), " ".join(str(error).split()))
            console(stderr=True).print(line, soft_wrap=True)
            raise typer.Exit(1 if isinstance(error, TrainingFailed) else 2) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run  # type: ignore[return-value]


class Shared(NamedTuple):
    """The one declaration of an option that several commands have."""

    help: str
    kind: Any = str | None
    default: Any = None
    read: Callable[[Any], Any] | None = None  # from the text on the command line to the value in Python
    names: tuple[str, ...] = ()  # unless it is that of the argument
    more: Mapping[str, Any] = {}  # arguments of `typer.Option`

    @property
    def annotation(self) -> Any:
        """The annotation of a parameter of a command."""
        return Annotated[self.kind, typer.Option(*self.names, help=self.help, **self.more)]


def takes(shared: Mapping[str, Shared]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds shared options to a command, which receives their values as `options`."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [one.replace(kind=one.KEYWORD_ONLY) for one in signature.parameters.values() if one.name != "options"]
        also = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=of.default, annotation=of.annotation)
            for name, of in shared.items()
        ]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            options: dict[str, Any] = {}
            for name, of in shared.items():
                value = given.pop(name)
                options[name] = value if of.read is None or value is None else of.read(value)
            command(**given, options=options)

        run.__signature__ = signature.replace(parameters=[*own, *also])  # type: ignore[attr-defined]
        return run

    return add


def end_without_success(why: str) -> NoReturn:
    """End a command that did what was asked for, but with no training that succeeded: exit code 1."""
    typer.echo(f"Warning: {why}", err=True)
    raise typer.Exit(1)


def is_said(context: typer.Context, parameter: str) -> bool:
    """Whether a parameter stands on the command line, though it may say what is the default."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def require_utf8(arguments: Iterable[str]) -> None:
    """End with a line where an argument has bytes that are no text: they could be neither printed nor recorded."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = argument.encode(errors="backslashreplace").decode()
            typer.echo(f"Error: The argument {shown} is not in UTF-8: rename the file or folder.", err=True)
            raise SystemExit(2) from None


def console(stderr: bool = False) -> Console:
    """Return the terminal, to which names of users are plain text: neither ``[/x]`` nor ``:x:`` is markup."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, right: Collection[str] = ()
) -> None:
    """Print a table that cuts nothing off: wider than the terminal, its texts are broken; in a file, none is.

    The first heading is that of the names, `right` those of the columns of numbers.
    """
    from rich.table import Table

    rows, terminal = list(rows), console()
    table = Table(title=title, title_justify="left")
    for position, heading in enumerate(headings):
        whole = position == 0 and max((len(row[0]) for row in rows), default=0) <= terminal.width // 2
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*row)
    if not terminal.is_terminal:
        wide = terminal.options.update(max_width=10_000)
        terminal.width = max(terminal.width, terminal.measure(table, options=wide).maximum)
    terminal.print(table)


def echo_written(paths: Iterable[object]) -> None:
    """List the files that were written."""
    typer.echo("Written:")
    for path in paths:
        typer.echo(f"  {path}")


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings of the project's own kind as a line without the place in the code."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def plain(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, NasmetaWarning):
                typer.echo(f"Warning: {message}", err=True)
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = plain
        yield


def searcher_names() -> list[str]:
    """Return the names of the searchers, for the shell."""
    from nasmeta.searchers import SEARCHERS

    return sorted(SEARCHERS)


def task_names() -> list[str]:
    """Return the names of the tasks, for the shell."""
    from nasmeta.tasks import list_tasks

    return [str(name) for name in list_tasks()["task"]]


def names_of(noun: str) -> list[str]:
    """Return what a function such as `nasmeta.list_recipes` lists, for the shell."""
    return [str(name) for name in getattr(nm, f"list_{noun}s")()[noun]]


def names_in(text: str | None) -> list[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def pairs_in(texts: Iterable[str], example: str) -> dict[str, str]:
    """Read options written as ``key=value``; each key may appear once."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and key):
            raise SettingError(f"Write key=value, such as {example}, not {text!r:.80}.")
        if key in found:
            raise SettingError(f"{key} has two values, {found[key]!r:.80} and {value!r:.80}: give one.")
        found[key] = value
    return found


def by_metric(given: list[str]) -> dict[str, str]:
    """Return the value of an option for each metric."""
    return pairs_in(given, "loss=min")


def cell_in(text: str) -> int | str:
    """Read a cell: an index where a whole number is written, else its string.

    >>> cell_in("6111"), cell_in("-1"), cell_in("--5"), cell_in("²")
    (6111, -1, '--5', '²')
    """
    return int(text) if re.fullmatch(r"\s*-?\d{1,18}\s*", text) else text


def integers_in(text: str | None, what: str) -> list[int] | None:
    """Read whole numbers with commas between; `what` says in an error what they are."""
    try:
        return None if text is None else [int(number) for number in names_in(text)]
    except ValueError:
        raise SettingError(f"{what}, not {text!r}.") from None


def settings_in(pairs: Iterable[str]) -> dict[str, Any]:
    """Read settings written as ``key=value``: numbers, true, false and null as in JSON, all else as strings.

    >>> settings_in(["population=10", "improvement=full"])
    {'population': 10, 'improvement': 'full'}
    """
    settings: dict[str, Any] = {}
    for key, value in pairs_in(pairs, "population=10").items():
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
        except RecursionError:
            raise SettingError(f"The setting {key} has lists within lists, too deep to be read.") from None
    return settings


def settings_by_label(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read settings of several searchers, written as ``searcher:key=value``.

    >>> settings_by_label(["evolution:population=10", "gp:n_initial=5", "evolution:sample_size=3"])
    {'evolution': {'population': 10, 'sample_size': 3}, 'gp': {'n_initial': 5}}
    >>> settings_by_label(["my_package.module:MySearcher:reach=3"])
    {'my_package.module:MySearcher': {'reach': 3}}
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        label, colon, _ = pair.partition("=")[0].rpartition(":")  # a label may be package.module:Name
        if not colon or not label.strip():
            raise SettingError(
                f"A setting of one of several searchers is written searcher:key=value, as in --set "
                f"evolution:population=10, not {pair!r:.80}."
            )
        found.setdefault(label.strip(), []).append(pair[len(label) + 1 :])
    return {label: settings_in(own) for label, own in found.items()}


def duration(seconds: float) -> str:
    """Write a time for people.

    >>> duration(42.0), duration(173.0), duration(9000.0), duration(1e6)
    ('42 s', '2.9 min', '2.5 h', '11.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
