"""Pages of the reference: one for each public object, each registered name and each command."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INDEX = Path(__file__).resolve().parents[1] / "reference.md"
SUBPACKAGES = re.findall(r"^generated/api/(\w+)$", INDEX.read_text("utf-8"), re.MULTILINE)
INHERITING = ("SearchSpace", "Table")  # part of their methods are defined in a private base class


@dataclass(frozen=True)
class Entry:
    """One page of the reference."""

    page: str  # its path below ``generated/api``
    title: str
    path: str  # the import path that autodoc reads
    found: Any
    names: tuple[str, ...]  # literals in text that link to this page

    @property
    def summary(self) -> str:
        """Return the first sentence of the docstring."""
        if not inspect.isclass(self.found) and not inspect.isroutine(self.found):
            return "Constant."
        return (inspect.getdoc(self.found) or "").split("\n\n")[0].replace("\n", " ")

    def text(self) -> str:
        """Return the page in MyST."""
        if inspect.isclass(self.found):
            inherited = [":inherited-members:"] if self.found.__name__ in INHERITING else []
            body = directive("autoclass", self.path, ":members:", *inherited)
        elif inspect.isroutine(self.found):  # type aliases are callable
            body = directive("autofunction", self.path)
        else:
            values = self.found if isinstance(self.found, Collection) else [self.found]
            body = directive(
                "py:data", self.path, "", f"Values: {', '.join(f'``{one}``' for one in values)}."
            )
        return f"# {self.title}\n\n{body}"


def directive(kind: str, name: str, *lines: str) -> str:
    """Return a directive of reStructuredText in MyST."""
    body = "\n   ".join([f".. {kind}:: {name}", *lines])
    return f"```{{eval-rst}}\n{body}\n```\n"


def public(subpackage: str) -> Iterator[Entry]:
    """Yield the public objects of a subpackage."""
    import nasmeta
    from nasmeta.searchers import SEARCHERS

    module = importlib.import_module(f"nasmeta.{subpackage}")
    order = sorted(module.__all__, key=lambda one: (not one[0].isupper(), one.lower()))
    for name in order:
        found = getattr(module, name)
        # listed there
        if inspect.ismodule(found) or (subpackage == "tables" and name in nasmeta.tasks.__all__):
            continue
        short = name if getattr(nasmeta, name, None) is found else f"{subpackage}.{name}"
        names = [
            name,
            f"nm.{short}",
            f"nasmeta.{short}",
            f"nasmeta.{subpackage}.{name}",
            f"nm.{subpackage}.{name}",
        ]
        names += [registered for registered, kind in SEARCHERS.items() if kind is found]
        yield Entry(short, f"nm.{short}", f"nasmeta.{short}", found, tuple(names))


def registered(subpackage: str) -> Iterator[Entry]:
    """Yield the private classes of a subpackage that users reach by a registered name."""
    from nasmeta.evaluators import MultiObjectiveEvaluator, TableEvaluator, TrainingEvaluator
    from nasmeta.meta import META_PREDICTORS
    from nasmeta.predictors import ENCODERS, PREDICTORS
    from nasmeta.searchers import SEARCHERS

    module = importlib.import_module(f"nasmeta.{subpackage}")
    evaluators = {
        "training": TrainingEvaluator,
        "table": TableEvaluator,
        "several objectives": MultiObjectiveEvaluator,
    }
    kinds = {
        "searcher": SEARCHERS,
        "predictor": PREDICTORS,
        "meta-predictor": META_PREDICTORS,
        "encoder": ENCODERS,
        "evaluator": evaluators,
    }
    for kind, registry in kinds.items():
        names: dict[Any, list[str]] = {}
        for name, found in registry.items():
            names.setdefault(found, []).append(name)
        for found, known in sorted(names.items(), key=lambda one: one[1]):
            if (
                found.__module__.split(".")[1] == subpackage
                and found.__name__ not in module.__all__
            ):
                path = f"{found.__module__}.{found.__qualname__}"
                page = f"{kind}.{known[0]}".replace(" ", "-")
                yield Entry(
                    page, f"{', '.join(known)} ({kind})", path, found, (*known, found.__name__)
                )


def reference(write: Callable[[str, str], None]) -> dict[str, list[Entry]]:
    """Write all pages of the reference and return the entries of each subpackage."""
    entries: dict[str, list[Entry]] = {}
    described: set[str] = set()
    for subpackage in SUBPACKAGES:
        module = importlib.import_module(f"nasmeta.{subpackage}")
        objects = [one for one in public(subpackage) if one.path not in described]
        named: dict[str, Entry] = {}
        for one in registered(subpackage):
            if one.path not in described | set(named):
                named[one.path] = one
        described |= {one.path for one in objects} | set(named)
        text = f"# nasmeta.{subpackage}\n\n{(inspect.getdoc(module) or '').splitlines()[0]}\n\n"
        text += listing("", objects) + listing("Registered names", list(named.values()))
        write(f"api/{subpackage}.md", text)
        for one in [*objects, *named.values()]:
            write(f"api/{one.page}.md", one.text())
        entries[subpackage] = [*objects, *named.values()]
    return entries


def listing(heading: str, entries: list[Entry]) -> str:
    """Return a table of entries with their summaries."""
    if not entries:
        return ""
    rows = "\n".join(
        f"| [{one.title}]({one.page}.md) | {one.summary.replace('|', '/')} |" for one in entries
    )
    pages = "\n".join(one.page for one in entries)
    toctree = f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n\n"
    return (
        f"## {heading}\n\n" if heading else ""
    ) + f"| name | summary |\n|---|---|\n{rows}\n\n{toctree}"


def commands(write: Callable[[str, str], None]) -> list[str]:
    """Write one page per command from the parser and return the names of the commands."""
    import typer

    from nasmeta.cli._app import app, built_command

    group: Any = typer.main.get_command(app)
    rows = []
    for name, command in group.commands.items():
        context = command.context_class(command, info_name=f"nasmeta {name}")
        parts = [f"# nasmeta {name}\n"]
        children = getattr(command, "commands", {})
        parts.append(f"{command.help}\n" if children else usage(built_command(name), context, "##"))
        for child in children:
            below = built_command(f"{name} {child}")
            inner = below.context_class(below, info_name=f"nasmeta {name} {child}")
            parts.append(f"## nasmeta {name} {child}\n\n{usage(below, inner, '###')}")
        write(f"cli/{name}.md", "\n".join(parts))
        rows.append(f"| [nasmeta {name}]({name}.md) | {(command.help or '').splitlines()[0]} |")
    pages = "\n".join(group.commands)
    table = "| command | purpose |\n|---|---|\n" + "\n".join(rows)
    extra = "`nasmeta --install-completion` adds tab completion to Bash, Zsh, Fish or PowerShell."
    write(
        "cli/index.md",
        f"# Command line\n\n{table}\n\n{extra}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n",
    )
    return list(group.commands)


def usage(command: Any, context: Any, level: str) -> str:
    """Return help, usage, options and examples of a command."""
    pieces = " ".join(command.collect_usage_pieces(context))
    text = f"{command.help}\n\n```text\n{context.command_path} {pieces}\n```\n\n"
    panels: dict[str, list[Any]] = {}
    for one in command.params:
        default = "Arguments" if one.param_type_name == "argument" else "Options"
        panel = getattr(one, "rich_help_panel", None)
        panels.setdefault(panel if isinstance(panel, str) else default, []).append(one)
    for panel, options in panels.items():
        records = [one.get_help_record(context) for one in options]
        rows = [f"| `{cell(record[0])}` | {cell(record[1])} |" for record in records if record]
        if rows:
            text += (
                f"{level} {panel}\n\n| name | description |\n|---|---|\n" + "\n".join(rows) + "\n\n"
            )
    examples = [
        line.strip()
        for line in (command.epilog or "").splitlines()
        if line.strip().startswith("nasmeta ")
    ]
    return text + (
        f"{level} Examples\n\n```text\n" + "\n".join(examples) + "\n```\n" if examples else ""
    )


def cell(text: str) -> str:
    """Return a text that fits into a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;" if "`" in text else "<")
