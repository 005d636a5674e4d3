"""Parts of all commands: the declaration of options, errors, and what the terminal shows."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

import nasmeta as nm
from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, TrainingFailed

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

REQUIRED = ...


@dataclass(frozen=True)
class Option:
    """The declaration of an option or, with `argument`, of a positional argument."""

    help: str
    kind: Any = str
    default: Any = None
    read: Callable[[Any], Any] | None = None  # from the text on the command line to the value in Python
    flags: tuple[str, ...] = ()  # by default derived from the name
    argument: bool = False
    metavar: str | None = None
    show_default: str | bool = True
    noun: str = ""  # the shell completes the names that `nasmeta.list_NOUNs` returns

    def parameter(self, name: str) -> inspect.Parameter:
        """Return the parameter of a command from which Typer derives the option."""
        kind = self.kind | None if self.default is None else self.kind
        complete = (lambda: names_of(self.noun)) if self.noun else None
        more: dict[str, Any] = {"help": self.help, "metavar": self.metavar, "autocompletion": complete}
        if self.argument:
            about = typer.Argument(**more)
        else:
            flags = self.flags or ((f"--{name.replace('_', '-')}",) if self.kind is bool else ())
            about = typer.Option(*flags, show_default=self.show_default, **more)
        default = inspect.Parameter.empty if self.default is REQUIRED else self.default
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, about]
        )


def command(
    app: typer.Typer,
    *shared: Mapping[str, Option],
    called: str | None = None,
    examples: Sequence[str] = (),
    **own: Option,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds a function to an app as a command with these options.

    The function receives the values of all options by name, and the context of Typer first if it has a parameter
    `context`. Errors of this package end the command with one line and exit code 2, or 1 for a failed training.
    """
    options = own | {key: option for group in shared for key, option in group.items()}

    def add(function: Callable[..., None]) -> Callable[..., None]:
        def run(**given: Any) -> None:
            context = given.pop("context")
            positional = (context,) if "context" in inspect.signature(function).parameters else ()
            with _one_line_errors(), _plain_warnings():
                for key, option in options.items():
                    if option.read is not None and given[key] is not None:
                        given[key] = option.read(given[key])
                function(*positional, **given)

        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *(option.parameter(key) for key, option in options.items())]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__doc__ = function.__doc__
        title = "Examples" if len(examples) > 1 else "Example"
        epilog = "\n\n".join([f"{title}:", *examples]) if examples else None
        app.command(called or function.__name__.replace("_", "-"), epilog=epilog)(run)
        return function

    return add


def new_app(help: str) -> typer.Typer:
    """Return an app for commands."""
    return typer.Typer(
        help=help,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


app = new_app("Meta-learned neural architecture search on tabular benchmarks.")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has enough
    except (NasmetaError, OSError) as error:
        from rich.text import Text

        line = Text.assemble(("Error: ", "bold red"), " ".join(str(error).split()))
        console(stderr=True).print(line, soft_wrap=True)
        raise typer.Exit(1 if isinstance(error, TrainingFailed) else 2) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings of this package as one line without the place in the code."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def plain(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, NasmetaWarning):
                typer.echo(f"Warning: {message}", err=True)
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = plain
        yield


def end_without_success(reason: str) -> NoReturn:
    """End a command in which no training succeeded: exit code 1."""
    typer.echo(f"Warning: {reason}", err=True)
    raise typer.Exit(1)


def given_options(context: typer.Context, among: Collection[str] | None = None) -> list[str]:
    """Return the options on the command line, even if they have their default values."""
    names = [str(one.name) for one in context.command.params]
    sources = {name: context.get_parameter_source(name) for name in names}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    return [name for name in given if among is None or name in among]


# -- reading ----------------------------------------------------------------------------------------------------------
def names_of(noun: str) -> list[str]:
    """Return what a function such as `nasmeta.list_recipes` lists, for the shell."""
    return [str(name) for name in getattr(nm, f"list_{noun}s")()[noun]]


def names_in(text: str | None) -> list[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def integers_in(text: str) -> list[int]:
    """Return the integers in a comma-separated list."""
    try:
        return [int(number) for number in names_in(text)]
    except ValueError:
        raise SettingError("list", text, "integers such as 78,781") from None


def pairs_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the pairs that are written as ``key=value``; each key may appear once."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and key) or key in found:
            raise SettingError("option", text, "key=value, once per key")
        found[key] = value
    return found


def cell_in(text: str) -> int | str:
    """Return an index for an integer, else the string of a cell.

    >>> cell_in("6111"), cell_in("-1"), cell_in("--5")
    (6111, -1, '--5')
    """
    try:
        return int(text)
    except ValueError:
        return text


def settings_in(pairs: Iterable[str]) -> dict[str, Any]:
    """Return settings that are written as ``key=value``: JSON values, all else as strings.

    >>> settings_in(["population=10", "improvement=full"])
    {'population': 10, 'improvement': 'full'}
    """
    settings: dict[str, Any] = {}
    for key, value in pairs_in(pairs).items():
        try:
            settings[key] = json.loads(value)
        except (ValueError, RecursionError):
            settings[key] = value
    return settings


def settings_by_label(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return settings of several searchers, written as ``searcher:key=value``.

    >>> settings_by_label(["evolution:population=10", "my_package.module:MySearcher:reach=3"])
    {'evolution': {'population': 10}, 'my_package.module:MySearcher': {'reach': 3}}
    """
    found: dict[str, list[str]] = {}
    for pair in pairs:
        label, colon, _ = pair.partition("=")[0].rpartition(":")  # a label may be package.module:Name
        if not colon or not label.strip():
            raise SettingError("setting", pair, "NAME:key=value, such as evolution:population=10")
        found.setdefault(label.strip(), []).append(pair[len(label) + 1 :])
    return {label: settings_in(own) for label, own in found.items()}


# -- showing ----------------------------------------------------------------------------------------------------------
def console(stderr: bool = False) -> Console:
    """Return the terminal; names of users are plain text without markup."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None, right: Collection[str] = ()
) -> None:
    """Print a table without shortening its texts; `right` are the headings of numbers.

    A terminal breaks long texts into lines, but not the first column; a file is as wide as the table.
    """
    from rich.table import Table

    terminal, table = console(), Table(title=title, title_justify="left")
    for position, heading in enumerate(headings):
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=position == 0)
    for row in rows:
        table.add_row(*row)
    if not terminal.is_terminal:
        wide = terminal.options.update(max_width=10_000)
        terminal.width = max(terminal.width, terminal.measure(table, options=wide).maximum)
    terminal.print(table)


def print_frame(frame: pd.DataFrame, title: str | None = None) -> None:
    """Print a frame as a table, with numbers to the right."""
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    print_table([*map(str, frame)], rows, title, right=[*map(str, frame.select_dtypes("number"))])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None or value != value:
        return ""
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def echo_facts(facts: Mapping[str, object]) -> None:
    """Print facts in two columns."""
    for name, fact in facts.items():
        typer.echo(f"{name:<17} {fact}")


def echo_written(paths: Iterable[object]) -> None:
    """List the files that were written."""
    typer.echo("Written:")
    for path in paths:
        typer.echo(f"  {path}")


def duration(seconds: float) -> str:
    """Format a time.

    >>> duration(42.0), duration(173.0), duration(9000.0), duration(1e6)
    ('42 s', '2.9 min', '2.5 h', '11.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"
