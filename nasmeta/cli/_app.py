"""The command line: all commands, each built from its function when it is called."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import nasmeta

# The commands in the order of the help, and the subpackages with their functions: `data list` is
# the function `data_list_command` in `nasmeta.tasks.commands`.
COMMANDS = {
    "demo": "experiments",
    "search": "runs",
    "compare": "experiments",
    "plan": "experiments",
    "reproduce": "experiments",
    "report": "experiments",
    "publish": "publishing",
    "audit": "publishing",
    "train": "training",
    "verify": "verification",
    "predict": "prediction",
    "meta-train": "meta",
    "list": "cli",
    "query": "tasks",
    "explore": "exploration",
    "doctor": "cli",
    "data add": "tasks",
    "data remove": "tasks",
    "data import": "tasks",
    "data list": "tasks",
    "data card": "publishing",
    "data fetch": "tasks",
    "surrogate fit": "surrogates",
    "surrogate score": "surrogates",
    "proxies compute": "training",
}
_GROUPS = {
    "": "Meta-learned neural architecture search on tabular benchmarks.",
    "data": "List, fetch, describe, add and import tables.",
    "surrogate": "Fit and score surrogates, small models that replace a table.",
    "proxies": "Measure zero-cost proxies: statistics of untrained networks.",
}


def built_command(path: str) -> Any:
    """Return a command, such as ``data list``, with the options of its function."""
    from nasmeta.cli._call import Command, callback_of
    from nasmeta.cli._options import described, options_of

    function = getattr(import_module(f"nasmeta.{COMMANDS[path]}.commands"), _function_name(path))
    text = described(function)
    examples: list[str] = []
    for example in text.examples:
        examples.extend((example.description or "").splitlines())
    heading = "Examples:" if len(examples) > 1 else "Example:"
    app = _new_app(add_completion=False)
    add = app.command(
        path.split()[-1],
        cls=Command,
        help="\n\n".join(filter(None, [text.short_description, text.long_description])),
        epilog="\n\n".join([heading, *examples]),
    )
    add(callback_of(function, options_of(function)))
    return typer.main.get_command(app)


class _Group(TyperGroup):
    """A group whose commands are built when they are called; the help needs only their summaries."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        _, _, path = f"{ctx.command_path} {name}".partition(" ")  # without the program's name
        if path in COMMANDS:
            command = built_command(path)
        return name, command, rest


def _new_app(help: str | None = None, **more: Any) -> typer.Typer:
    names = {"help_option_names": ["-h", "--help"]}
    more |= {"no_args_is_help": True, "rich_markup_mode": "rich", "pretty_exceptions_enable": False}
    return typer.Typer(cls=_Group, help=help, context_settings=names, **more)


def _function_name(path: str) -> str:
    return f"{path.replace(' ', '_').replace('-', '_')}_command"


@cache
def _summaries(subpackage: str) -> dict[str, str]:
    """Return the first lines of the docstrings of a subpackage's commands, without an import."""
    file = Path(__file__).parents[1] / subpackage / "commands.py"
    summaries: dict[str, str] = {}
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node) or ""
            summaries[node.name] = docstring.partition("\n")[0]
    return summaries


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(nasmeta.__version__)
        raise typer.Exit


_apps = {name: _new_app(help) for name, help in _GROUPS.items()}
app = _apps[""]
for _path, _subpackage in COMMANDS.items():
    _group, _, _name = _path.rpartition(" ")
    _summary = _summaries(_subpackage)[_function_name(_path)]
    _apps[_group].command(_name, help=_summary)(lambda: None)  # _Group replaces the function
for _name in _GROUPS:
    if _name:
        app.add_typer(_apps[_name], name=_name)


@app.callback(epilog="Start with: nasmeta demo")
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Meta-learned neural architecture search on tabular benchmarks."""
