"""Call a command, and print its errors, its warnings or its result as JSON."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from io import StringIO
from typing import Any

import typer
from typer.core import TyperCommand

import nasmeta
from nasmeta.cli._options import Option
from nasmeta.errors import EvaluationFailed, NasmetaError, NasmetaWarning, RunFailed
from nasmeta.terminal import console

# Click's class; recent releases of Typer bundle their own copy of Click
UsageError: Any = typer.BadParameter.__base__


class Command(TyperCommand):
    """A command that reports errors in its arguments as JSON too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        as_json = "--json" in args  # the parser empties the list
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            if not as_json:
                raise
            _print_json(ctx, 2, {"warnings": [], "error": error})
            raise typer.Exit(2) from error


def callback_of(
    function: Callable[..., object], options: Mapping[str, Option]
) -> Callable[..., None]:
    """Return the function that Typer calls: it calls `function` with the options on the command line."""

    def run(**values: Any) -> None:
        context = values.pop("context")

        def call() -> object:
            # Only options on the command line are given; the function has the other defaults.
            given = {}
            for name, option in options.items():
                source = context.get_parameter_source(name)
                if name == "as_json" or source is None or source.name != "COMMANDLINE":
                    continue
                value = values[name]
                given[name] = value if option.read is None else option.read(value)
            return function(**given)

        _end(context, call, values.get("as_json", False))

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [context]
    parameters.extend(option.parameter for option in options.values())
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _end(context: typer.Context, call: Callable[[], object], as_json: bool) -> None:
    """Call a command, and print its result as JSON, or its error; raise the exit status if it is not 0.

    The status is 2 after an error, or 1 if custom code failed or no training or evaluation
    succeeded. A result may have its own `status`.
    """
    texts: list[str] = []
    outcome: dict[str, Any] = {}
    status = 0
    with ExitStack() as stack:
        if as_json:
            stack.enter_context(_warnings_to(texts.append))
            stack.enter_context(redirect_stdout(StringIO()))  # stdout is for the JSON object
        else:
            stack.enter_context(_warnings_to(_warn))
        try:
            result = call()
            status = getattr(result, "status", 0)
            if as_json:
                outcome["result"] = result() if callable(result) else result
        except BrokenPipeError:
            raise  # the reader closed the pipe
        except (EvaluationFailed, RunFailed) as error:
            status, outcome = 1, {"error": error}
        except (NasmetaError, OSError) as error:
            status, outcome = 2, {"error": error}
        except (KeyboardInterrupt, typer.Abort):
            status, outcome = 130, {"error": NasmetaError("Interrupted.")}
    if as_json:
        _print_json(context, status, {"warnings": texts, **outcome})
    elif status in (1, 2) and "error" in outcome:
        from rich.text import Text

        typer.echo(getattr(outcome["error"], "frames", ""), err=True, nl=False)
        line = Text.assemble(("Error: ", "bold red"), " ".join(str(outcome["error"]).split()))
        console(stderr=True).print(line, soft_wrap=True)
    if status:
        raise typer.Exit(status) from outcome.get("error")


def _print_json(context: Any, status: int, outcome: dict[str, Any]) -> None:
    """Print the object that docs/how-to/programs.md describes."""
    from nasmeta.cli._json import plain

    if "error" in outcome:
        error = outcome["error"]
        message = " ".join(str(error).split())
        if isinstance(error, UsageError):
            message = error.format_message()
        outcome["error"] = {"type": type(error).__name__, "message": message}
        if isinstance(error, NasmetaError):
            outcome["error"].update(vars(error))
    _, _, command = context.command_path.partition(" ")  # without the program's name
    whole = {"nasmeta": nasmeta.__version__, "command": command, "status": status, **outcome}
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
