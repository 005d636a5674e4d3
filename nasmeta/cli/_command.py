"""Parts of all commands: the declaration of options, errors, and what the terminal shows."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand

import nasmeta as nm
from nasmeta.errors import EvaluationFailed, NasmetaError, NasmetaWarning, RunFailed, SettingError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

REQUIRED = ...
_LONG_WORD = 20  # letters
UsageError: Any = typer.BadParameter.__base__  # of click, of which recent releases of Typer have their own copy


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
    default_text: str = ""  # of a default that depends on other options
    panel: str | None = None  # the group in the help; see `group`
    noun: str = ""  # the shell completes the names that `nasmeta.list_NOUNs` returns

    def parameter(self, name: str) -> inspect.Parameter:
        """Return the parameter of a command from which Typer derives the option."""
        kind = self.kind | None if self.default is None else self.kind
        complete = (lambda: names_of(self.noun)) if self.noun else None
        more: dict[str, Any] = {"metavar": self.metavar, "autocompletion": complete, "rich_help_panel": self.panel}
        more["help"] = f"{self.help} \\[default: {self.default_text}]" if self.default_text else self.help
        if self.argument:
            about = typer.Argument(**more)
        else:
            flags = self.flags or ((f"--{name.replace('_', '-')}",) if self.kind is bool else ())
            about = typer.Option(*flags, **more)
        default = inspect.Parameter.empty if self.default is REQUIRED else self.default
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, about]
        )


def group(panel: str, **options: Option) -> dict[str, Option]:
    """Return options that the help shows in a panel with this title."""
    return {name: replace(option, panel=panel) for name, option in options.items()}


_JSON = Option("Print the result as one JSON object.", bool, False, flags=("--json",))


def command(
    app: typer.Typer,
    *shared: Mapping[str, Option],
    called: str | None = None,
    examples: Sequence[str] = (),
    **own: Option,
) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return a decorator that adds a function to an app as a command with these options.

    The function receives the values of all options by name, and the context of Typer first if it has a parameter
    `context`. If it returns a result, or a function that computes it, the command has the option ``--json``. An error
    of this package prints one line. The exit code is 2, or 1 if custom code failed or no training or evaluation
    succeeded.
    """
    options = own | {key: option for group in shared for key, option in group.items()}

    def add(function: Callable[..., object]) -> Callable[..., object]:
        signature = inspect.signature(function)
        declared = options | ({} if signature.return_annotation == "None" else {"as_json": _JSON})

        def run(**given: Any) -> None:
            context, as_json = given.pop("context"), given.pop("as_json", False)
            positional = (context,) if "context" in signature.parameters else ()

            def call() -> object:
                for key, option in options.items():
                    if option.read is not None and given[key] is not None:
                        given[key] = option.read(given[key])
                return function(*positional, **given)

            _end(context, call, as_json)

        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *(option.parameter(key) for key, option in declared.items())]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__doc__ = function.__doc__
        title = "Examples" if len(examples) > 1 else "Example"
        epilog = "\n\n".join([f"{title}:", *examples]) if examples else None
        app.command(called or function.__name__.replace("_", "-"), epilog=epilog, cls=_Command)(run)
        return function

    return add


class _Command(TyperCommand):
    """A command that reports errors in its arguments as JSON too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        given = [*args]
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            if "--json" not in given:
                raise
            _print_json(ctx, 2, {"warnings": [], "error": error})
            raise typer.Exit(2) from error


def _end(context: typer.Context, call: Callable[[], object], as_json: bool) -> None:
    """Call a command, and print its result as JSON, or its error; raise the exit status if it is not 0."""
    warnings_: list[str] = []
    found: dict[str, Any] = {}
    status = 0
    with (
        _warnings_to(warnings_.append if as_json else _warn),
        redirect_stdout(StringIO()) if as_json else nullcontext(),
    ):
        try:
            result = call()
            if as_json:
                found = {"result": result() if callable(result) else result}
        except BrokenPipeError:
            raise  # the reader of the output has enough
        except (NasmetaError, OSError) as error:
            status, found = 1 if isinstance(error, EvaluationFailed | RunFailed) else 2, {"error": error}
        except (KeyboardInterrupt, typer.Abort):
            status, found = 130, {"error": NasmetaError("Interrupted.")}
    if as_json:
        _print_json(context, status, {"warnings": warnings_} | found)
    elif status in (1, 2):
        from rich.text import Text

        typer.echo(getattr(found["error"], "frames", ""), err=True, nl=False)
        line = Text.assemble(("Error: ", "bold red"), " ".join(str(found["error"]).split()))
        console(stderr=True).print(line, soft_wrap=True)
    if status:
        raise typer.Exit(status) from found["error"]


def _print_json(context: Any, status: int, found: dict[str, Any]) -> None:
    """Print the object that docs/how-to/programs.md describes."""
    from nasmeta.cli._json import plain

    if "error" in found:
        error = found["error"]
        fields = vars(error) if isinstance(error, NasmetaError) else {}
        message = error.format_message() if isinstance(error, UsageError) else " ".join(str(error).split())
        found["error"] = {"type": type(error).__name__, "message": message, **fields}
    command = context.command_path.partition(" ")[2]
    whole = {"nasmeta": nm.__version__, "command": command, "status": status, **found}
    typer.echo(json.dumps(plain(whole), indent=1, ensure_ascii=False, allow_nan=False))


def _warn(message: str) -> None:
    typer.echo(f"Warning: {message}", err=True)


@contextmanager
def _warnings_to(receive: Callable[[str], object]) -> Iterator[None]:
    """Pass on the texts of this package's warnings, without the place in the code."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def plain(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, NasmetaWarning):
                receive(str(message))
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = plain
        yield


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


def given_options(context: typer.Context, among: Collection[str]) -> list[str]:
    """Return the options on the command line, even if they have their default values."""
    given = []
    for one in context.command.params:
        source = context.get_parameter_source(str(one.name))
        if one.name in among and source is not None and source.name == "COMMANDLINE":
            given.append(one.opts[0])
    return given


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
            raise SettingError("setting", text, "key=value, once per key")
        found[key] = value
    return found


def architecture_in(text: str) -> int | str:
    """Return an index for an integer, else the string of a cell.

    >>> architecture_in("6111"), architecture_in("-1"), architecture_in("--5")
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
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str | None = None,
    right: Collection[str] = (),
    lines: bool = False,
) -> None:
    """Print a table; `right` are the headings of numbers. A file is as wide as the table.

    A terminal breaks long texts, but words only if they are long. With `lines`, each row is one line, and a terminal
    cuts only the last column.
    """
    from rich.table import Table
    from rich.text import Text

    terminal, last = console(), len(headings) - 1 if lines else -1
    table = Table(box=None, pad_edge=False)
    rows = [*rows]
    for position, heading in enumerate(headings):
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        texts = [heading, *(row[position] for row in rows)]
        longest = min(_LONG_WORD, max(map(len, " ".join(texts).split())))
        fixed = position < last or longest == max(map(len, texts))
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=fixed, min_width=longest)
    for row in rows:
        table.add_row(
            *(Text(text, no_wrap=True, overflow="ellipsis") if i == last else text for i, text in enumerate(row))
        )
    if title:
        terminal.print(title)
    if not terminal.is_terminal:
        terminal.width = 10_000
    terminal.print(table)


def print_frame(frame: pd.DataFrame, title: str | None = None, lines: bool = False) -> None:
    """Print a frame as a table, with numbers to the right."""
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    print_table([*map(str, frame)], rows, title, [*map(str, frame.select_dtypes("number"))], lines)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None or value != value:
        return ""
    return f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def echo_facts(facts: Mapping[str, object]) -> None:
    """Print facts in two columns."""
    for name, fact in facts.items():
        typer.echo(f"{name:<17} {_text(fact) if isinstance(fact, bool) else fact}")


def echo_written(paths: Iterable[object]) -> None:
    """List the files that were written."""
    typer.echo("Written:")
    for path in paths:
        typer.echo(f"  {path}")
