"""The options of a command, derived from the signatures and docstrings of Python functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from docstring_parser import Docstring, DocstringStyle, parse

import nasmeta
from nasmeta.cli._values import (
    architecture_in,
    architectures_in,
    conditions_in,
    integers_in,
    names_in,
    pairs_in,
    settings_by_label,
    settings_in,
)

# Parameters that commands fill themselves, or that a shell cannot express.
_HIDDEN = {"self", "progress", "isolated", "page", "command"}
_HIDDEN |= {"on_epoch", "tell", "until", "build_network", "x"}
_FLAGS = {"settings": "--set", "listed": "--list", "as_json": "--json"}
_METAVARS = {
    "backend": "loky|dask[=ADDRESS]", "data": "KIND:PATH", "evaluator": "NAME|FILE", "pilot": "FOLDER|NAME,…",
    "recipe": "NAME|FILE", "results": "FOLDER", "shard": "I/N", "sources": "NAME,…|FILE",
}  # fmt: skip
_COMPLETED = {"searcher", "task", "recipe", "evaluator", "specification", "table"}  # by the shell
# How a parameter is read: the first row whose pattern occurs in its annotation. A row has the
# pattern, the type in the shell, the function that reads the value, and its name in the help.
_KINDS: list[tuple[str, Any, Callable[[Any], Any] | None, str | None]] = [
    (r"^bool", bool, None, None),
    (r"^int", int, None, None),
    (r"^float", float, None, None),
    (r"Sequence\[Architecture", list[str], architectures_in, "ARCHITECTURE"),
    (r"^Architecture$", str, architecture_in, None),
    (r"Mapping\[str, Mapping\[str, Sequence", list[str], conditions_in, "COLUMN=OTHER:CHOICE,…"),
    (r"Mapping\[str, Mapping", list[str], settings_by_label, "NAME:KEY=VALUE"),
    (r"Mapping\[str, Any", list[str], settings_in, "KEY=VALUE"),
    (r"Mapping\[str, str \|", str, lambda text: pairs_in(names_in(text)), "COLUMN=VALUE,…"),
    (r"Mapping\[str, str", list[str], pairs_in, "METRIC=VALUE"),
    (r"^list", list[str], None, None),
    (r"Iterable\[int|ArchitectureLike", str, integers_in, "N,…"),
    (r"PathLike|^Path", Path, None, None),
    (r"sLike|Sequence|Iterable|^tuple", str, names_in, "NAME,…"),
    (r"", str, None, None),
]


@dataclass(frozen=True)
class Option:
    """An option: the parameter that Typer reads, and the function that reads its value."""

    parameter: inspect.Parameter
    read: Callable[[Any], Any] | None


def described(function: Callable[..., object]) -> Docstring:
    """Return the parsed docstring of a function."""
    return parse(inspect.getdoc(function) or "", style=DocstringStyle.NUMPYDOC)


def options_of(command: Callable[..., object]) -> dict[str, Option]:
    """Return the options of a command: its own parameters, and those of the functions in `options_from`.

    Its own docstring describes parameters in full; of other docstrings, the first sentence is
    shown. Each command has the option ``--json``.
    """
    sources = [(command, None, []), *vars(command).get("sources", [])]
    texts: dict[str, str] = {}  # the help of each parameter
    for function, _, _ in sources:
        for entry in described(function).params:
            text = " ".join((entry.description or "").replace("`", "").split())
            if function is not command:
                text = re.split(r"(?<=\.) (?=[A-Z])", text)[0]  # its first sentence
            for name in entry.arg_name.split(", "):
                texts.setdefault(name, text)
    options: dict[str, Option] = {}
    for function, panel, without in sources:
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                continue
            if name in options or name in without or name in _HIDDEN:
                continue
            is_required = parameter.default is parameter.empty
            is_positional = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            is_argument = is_positional and (is_required or function is command)
            options[name] = _option(parameter, is_argument, texts.get(name, ""), panel)
    as_json = inspect.Parameter(
        "as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation="bool"
    )
    options["as_json"] = _option(as_json, False, "Print the result as one JSON object.", None)
    return options


def _option(
    parameter: inspect.Parameter, is_argument: bool, text: str, panel: str | None
) -> Option:
    """Return the option, or the positional argument, of a parameter."""
    name = parameter.name
    annotation = str(parameter.annotation)
    kind, read, metavar = next(rest for pattern, *rest in _KINDS if re.search(pattern, annotation))
    if kind == list[str] and not is_argument:
        text += " Repeatable."
    default = parameter.default
    if isinstance(default, tuple):
        default = ",".join(default) or None
    more: dict[str, Any] = {
        "help": text,
        "metavar": _METAVARS.get(name, metavar),
        "rich_help_panel": panel,
    }
    if name in _COMPLETED:
        more["autocompletion"] = lambda: _names(name)
    if is_argument:
        about = typer.Argument(**more)
    else:
        flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
        about = typer.Option(flag, **more)
    if default is None:
        kind = kind | None
    option = inspect.Parameter(
        name, parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, about]
    )
    return Option(parameter=option, read=read)


def _names(noun: str) -> list[str]:
    """Return what a function such as `nasmeta.list_recipes` lists."""
    return [str(name) for name in getattr(nasmeta, f"list_{noun}s")()[noun]]
