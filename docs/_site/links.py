"""Links: of Markdown files to pages of the site, and of names in text to the reference."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
GENERATED = DOCS / "generated"
LINK = re.compile(r"(?P<picture>!?)\[(?P<label>[^\]]*)\]\((?P<target>[^)\s]*)\)")
DOWNLOADS = (".csv", ".json", ".py", ".toml")


def moved(text: str, page: Path, to: Path) -> str:
    """Return a Markdown text of the repository with links to the pages of the site; a missing file is an error."""

    def link(match: re.Match[str]) -> str:
        if match["target"].startswith(("http:", "https:", "#", "mailto:")):
            return match[0]
        path, _, anchor = match["target"].partition("#")
        found = (page.parent / path).resolve()
        if not found.exists():
            raise FileNotFoundError(
                f"{page.relative_to(ROOT)} links to {match['target']}, which does not exist."
            )
        new = place(found)
        if new is None:
            return match["label"]
        there = Path(os.path.relpath(new, to.parent)).as_posix()
        return f"{match['picture']}[{match['label']}]({there}{'#' + anchor if anchor else ''})"

    return LINK.sub(link, text)


def place(found: Path) -> Path | None:
    """Return the file that the site has for a file of the repository."""
    if found == ROOT / "reports":
        return GENERATED / "reports.md"
    found = found / "README.md" if (found / "README.md").is_file() else found
    if found.parent == ROOT / "notebooks" and found.suffix == ".ipynb":
        return GENERATED / "notebooks" / found.name
    if found.parent == ROOT / "examples" and found.suffix == ".py":
        return GENERATED / "examples" / f"{found.stem}.md"
    if found.is_relative_to(ROOT / "reports") and found.suffix == ".md":
        return GENERATED / found.relative_to(ROOT)
    if found == ROOT / "CONTRIBUTING.md":
        return GENERATED / "contributing.md"
    if found == ROOT / "CHANGELOG.md":
        return GENERATED / "changes.md"
    kept = found.is_relative_to(DOCS) or found.suffix in (".png", ".svg", *DOWNLOADS)
    return found if found.is_file() and kept else None


def is_predictor(entry: Any) -> bool:
    """Return whether a page of the reference describes a predictor."""
    return entry.page.startswith(("predictor.", "meta-predictor."))


class Names:
    """Link literals such as ``nm.compare``, ``Table.from_frame`` and ``gp`` to the reference."""

    def __init__(self, entries: dict[str, list[Any]], commands: Iterable[str]) -> None:
        self.pages: dict[str, str] = {f"nasmeta {one}": f"generated/cli/{one}" for one in commands}
        self.predictors: dict[str, str] = {}
        self.roots: dict[str, tuple[str, ...]] = {}
        # A searcher may have the name of a predictor; only pages on predictions mean the predictor.
        searchers_first = sorted(
            (one for found in entries.values() for one in found), key=is_predictor
        )
        for entry in searchers_first:
            page = f"generated/api/{entry.page}"
            self.roots[entry.path] = entry.names
            for name in entry.names:
                self.pages.setdefault(name, page)
                if is_predictor(entry):
                    self.predictors[name] = page
        self.members: dict[str, tuple[str, str]] = {}

    def link(self, app: Any, doctree: nodes.document, docname: str) -> None:
        """Replace literals that are names by links."""
        if not self.members:
            for full, found in app.env.domains["py"].objects.items():
                root, _, member = full.rpartition(".")
                for name in self.roots.get(root, ()):
                    self.members[f"{name}.{member}"] = (found.docname, found.node_id)
        for literal in list(doctree.findall(nodes.literal)):
            parents = (nodes.reference, nodes.title, addnodes.desc_signature, addnodes.pending_xref)
            ancestor = literal.parent
            while ancestor is not None and not isinstance(ancestor, parents):
                ancestor = ancestor.parent
            target = self.target(literal.astext(), docname)
            if ancestor is None and target and target[0] != docname:
                address = app.builder.get_relative_uri(docname, target[0]) + (
                    f"#{target[1]}" if target[1] else ""
                )
                reference = nodes.reference("", "", internal=True, refuri=address)
                literal.replace_self(reference)
                reference += literal

    def target(self, text: str, docname: str) -> tuple[str, str] | None:
        """Return page and anchor of a name."""
        name = re.sub(r"\(.*\)$", "", text)
        if name in self.members:
            return self.members[name]
        if "predict" in docname and name in self.predictors:
            return self.predictors[name], ""
        if name.startswith("nasmeta "):
            name = " ".join(name.split()[:2])
        return (self.pages[name], "") if name in self.pages else None
