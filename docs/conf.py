"""The documentation site: ``sphinx-build -W docs site``. Pages in ``generated/`` are written here, from the program."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from pathlib import Path
from typing import Any

import nasmeta

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
GENERATED = DOCS / "generated"
ROOMS = re.findall(r"^generated/reference/([\w.]+)$", (DOCS / "reference.md").read_text("utf-8"), re.MULTILINE)
INHERITING = ("SearchSpace", "Table")  # part of what they offer stands in a base class that is not public
IN_HAND = {  # what functions return and nobody has to name
    "experiments": ["Report"],
    "prediction": ["PredictorComparison"],
    "runs": ["FrontHistory", "RunConfig"],
    "tasks": ["MultiObjectiveTask"],
    "training": ["EpochRecord", "TrainingResult"],
    "verification": ["Verification"],
}

project = "nasmeta"
version = release = nasmeta.__version__
copyright = "the nasmeta developers"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["images"]
html_extra_path = ["llms.txt", "../reports/explore/explore.html"]
suppress_warnings = ["myst.header"]  # parts of reports begin at a lower heading
myst_heading_anchors = 3
default_role = "code"
autodoc_typehints = "none"  # the docstrings say them
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
html_theme = "pydata_sphinx_theme"
html_title = "nasmeta"
html_show_sourcelink = False
html_sidebars = {"index": [], "first-search": [], "concepts": [], "gallery": [], "peers": [], "searchers": []}
html_theme_options = {
    "header_links_before_dropdown": 9,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}


def write(name: str, text: str) -> None:
    """Write a generated page, if it says something else than before."""
    path = GENERATED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, encoding="utf-8")


def reference(room: str) -> str:
    """Return the page of a room: each public name with its docstring."""
    module = importlib.import_module(f"nasmeta.{room}")
    first = (inspect.getdoc(module) or "").splitlines()[0]
    parts = [f"# nasmeta.{room}\n\n{first}\n"]
    for name in sorted(module.__all__, key=lambda one: (not one[0].isupper(), one.lower())):
        found = getattr(module, name)
        if inspect.isclass(found):
            inherited = [":inherited-members:"] if name in INHERITING else []
            parts.append(directive("autoclass", f"nasmeta.{room}.{name}", ":members:", *inherited))
        elif inspect.isfunction(found):
            parts.append(directive("autofunction", f"nasmeta.{room}.{name}"))
        elif not inspect.ismodule(found):
            parts.append(directive("py:data", f"nasmeta.{room}.{name}", "", described(found)))
    unnamed = [(name, f"nasmeta.{room}.{name}") for name in IN_HAND.get(room, ())] + registered_in(room)
    parts += [f"## {name}\n\n{directive('autoclass', place, ':members:')}" for name, place in unnamed]
    return "\n".join(parts)


def registered_in(room: str) -> list[tuple[str, str]]:
    """Return heading and place of the classes of a room that a user reaches by name, but for those that are public."""
    from nasmeta.evaluators import TRAINED, MultiObjectiveEvaluator, TableEvaluator
    from nasmeta.meta import META_PREDICTORS
    from nasmeta.predictors import ENCODERS, PREDICTORS
    from nasmeta.searchers import SEARCHERS

    evaluators = {**TRAINED, "table": TableEvaluator, "several": MultiObjectiveEvaluator}
    kinds = {"encoder": ENCODERS, "evaluator": evaluators, "meta-predictor": META_PREDICTORS, "searcher": SEARCHERS}
    classes = [(f"{name} ({kind})", found) for kind, registry in kinds.items() for name, found in registry.items()]
    classes += [(f"{name} (predictor)", entry.load()) for name, entry in PREDICTORS.items()]
    rooms = sorted(ROOMS, key=len, reverse=True)  # a sub-room before the room
    names: dict[Any, list[str]] = {}
    for heading, found in sorted(classes, key=lambda one: one[0]):
        names.setdefault(found, []).append(heading)
    return [
        (", ".join(headings), f"{found.__module__}.{found.__qualname__}")
        for found, headings in names.items()
        if next((one for one in rooms if found.__module__.startswith(f"nasmeta.{one}.")), "") == room
        and found.__name__ not in importlib.import_module(f"nasmeta.{room}").__all__
    ]


def directive(kind: str, name: str, *lines: str) -> str:
    """Return a directive of reStructuredText, in MyST."""
    body = "\n   ".join([f".. {kind}:: {name}", *lines])
    return f"```{{eval-rst}}\n{body}\n```\n"


def described(found: Any) -> str:
    """Return what can be said of a constant."""
    if hasattr(found, "__iter__") and not isinstance(found, str):
        return "One of: " + ", ".join(f"``{one}``" for one in found) + "."
    return f"``{found!r:.200}``"


def command_line() -> str:
    """Return the help of all commands."""
    import click
    import typer
    from typer.cli import get_docs_for_click

    from nasmeta.cli._app import app

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=click.Context(command, info_name="nasmeta"), name="nasmeta")
    return str(text).replace("# `nasmeta`", "# Command line", 1)


def moved(text: str, page: Path, to: Path) -> str:
    """Return a page of the repository as one in ``generated``: what the site has is linked, other files named."""

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if target.startswith(("http:", "https:", "#")):
            return match[0]
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve()
        if found == ROOT / "reports":
            found = GENERATED / "reports.md"
        found = found / "README.md" if found.is_dir() else found
        if found.is_relative_to(DOCS) and found.suffix == ".md":
            new = found
        elif found.is_relative_to(ROOT / "reports") and found.is_file() and found.suffix in (".md", ".png"):
            new = found if found.suffix == ".png" else GENERATED / found.relative_to(ROOT)
        elif found.parent in (ROOT / "examples", ROOT / "notebooks") and found.is_file():
            new = found  # to download
        else:
            return match["label"]
        there = relative(new, to.parent)
        return f"{match['picture']}[{match['label']}]({there.as_posix()}{'#' + anchor if anchor else ''})"

    return re.sub(r"(?P<picture>!?)\[(?P<label>[^\]]*)\]\((?P<target>[^)\s]*)\)", link, text)


def relative(path: Path, start: Path) -> Path:
    """Return a path as seen from a folder."""
    return Path(os.path.relpath(path, start))


def generate() -> None:
    """Write all pages that the program knows better than we do."""
    for room in ROOMS:
        write(f"reference/{room}.md", command_line() if room == "cli" else reference(room))
    for name, source in {"contributing": "CONTRIBUTING.md", "changes": "CHANGELOG.md"}.items():
        write(f"{name}.md", moved((ROOT / source).read_text("utf-8"), ROOT / source, GENERATED / f"{name}.md"))
    pages = sorted(ROOT.glob("reports/**/*.md"))
    for page in pages:
        place = page.relative_to(ROOT).as_posix()
        write(place, moved(page.read_text("utf-8"), page, GENERATED / place))
    listed = "\n".join(page.relative_to(ROOT).with_suffix("").as_posix() for page in pages)
    text = "Each report is written by a script beside it in the repository, which regenerates it."
    write("reports.md", f"# Reports\n\n{text}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")


generate()


def link_reports(app: Any, name: str, source: list[str]) -> None:
    """Let links of a page to reports of the repository lead to those of the site."""
    page = DOCS / f"{name}.md"
    if page.is_file() and not page.is_relative_to(GENERATED):
        source[0] = moved(source[0], page, page)


def skip(app: Any, what: str, name: str, found: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out what scikit-learn adds to each of its estimators."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Any) -> None:
    """Tell Sphinx."""
    app.connect("autodoc-skip-member", skip)
    app.connect("source-read", link_reports)
