"""The documentation site: ``sphinx-build -W docs site``. Pages in ``generated/`` are written from the program."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ["PATH"] = (
    f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # shell blocks run `nasmeta`
)
os.environ["COLUMNS"] = "80"

from _site.code import runnable
from _site.figures import filled
from _site.links import DOCS, GENERATED, ROOT, Names, moved
from _site.reference import commands, reference

import nasmeta

DEVELOPERS = ("project", "architecture", "decisions", "generated/contributing", "generated/changes")

project = "nasmeta"
version = release = nasmeta.__version__
copyright = "the nasmeta developers"
extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["images", "_site", "_static", "_templates", "generated/cache"]
# parts of reports begin at a lower heading
suppress_warnings = [
    "myst.header",
    "mystnb.unknown_mime_type",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(GENERATED / "cache")
nb_execution_excludepatterns = ["generated/notebooks/*"]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove"
nb_merge_streams = True
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div.highlight pre"
default_role = "code"
smartquotes = False  # it joins the dashes of options
add_module_names = False
autodoc_typehints = "none"  # the docstrings state them
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["llms.txt", "../reports/explore/explore.html"]
html_favicon = "_static/logo.svg"
html_theme = "pydata_sphinx_theme"
html_title = f"nasmeta {release}"
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "faq": [], "glossary": [], "limits": []}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
        "text": "nasmeta",
    },
    "navbar_start": ["navbar-logo", "version"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "collapse_navigation": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def write(name: str, text: str) -> None:
    """Write a generated page if it has changed."""
    path = GENERATED / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text("utf-8") != text:
        path.write_text(text, encoding="utf-8")


def copied(source: Path, name: str) -> None:
    """Write a Markdown page of the repository as a page of the site."""
    write(name, moved(source.read_text("utf-8"), source, GENERATED / name))


def generate() -> Names:
    """Write the pages that come from the program and from other folders of the repository."""
    names = Names(reference(write), commands(write))
    copied(ROOT / "CONTRIBUTING.md", "contributing.md")
    copied(ROOT / "CHANGELOG.md", "changes.md")
    pages = sorted(ROOT.glob("reports/**/*.md"))
    for page in pages:
        copied(page, page.relative_to(ROOT).as_posix())
    listed = "\n".join(page.relative_to(ROOT).with_suffix("").as_posix() for page in pages)
    text = "Each report answers one question. A script in the same folder of the repository regenerates it."
    write("reports.md", f"# Reports\n\n{text}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n")
    for notebook in sorted(ROOT.glob("notebooks/*.ipynb")):
        cells = json.loads(notebook.read_text("utf-8"))
        for cell in cells["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = moved(
                    "".join(cell["source"]), notebook, GENERATED / "notebooks" / notebook.name
                )
        write(f"notebooks/{notebook.name}", json.dumps(cells))
    for script in sorted(ROOT.glob("examples/*.py")):
        title = re.split(r"[:.]\s", ast.get_docstring(ast.parse(script.read_text("utf-8"))) or "")[
            0
        ]
        code = f"```{{literalinclude}} ../../../examples/{script.name}\n:language: python\n```\n"
        write(f"examples/{script.stem}.md", f"# {title}\n\n{code}")
    return names


def prepare(app: Any, name: str, source: list[str]) -> None:
    """Make code blocks of a page run, and lead its links to pages of the site."""
    page = DOCS / f"{name}.md"
    if page.is_file() and not page.is_relative_to(GENERATED):
        source[0] = re.sub(
            r"^!\[[^\]]*\]\((images/\w+\.svg)\)$", inline, source[0], flags=re.MULTILINE
        )
        source[0] = runnable(moved(filled(source[0]), page, page))
    if name in DEVELOPERS:
        source[0] = "---\nnosearch: true\n---\n" + source[0]


def inline(match: re.Match[str]) -> str:
    """Return a diagram as part of the page, so that it follows the colours of the theme."""
    return (
        f"```{{raw}} html\n<div class='diagram'>{(DOCS / match[1]).read_text('utf-8')}</div>\n```"
    )


def skip(app: Any, what: str, name: str, found: Any, skipped: bool, options: Any) -> bool | None:
    """Leave out methods that scikit-learn adds to each of its estimators."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Any) -> None:
    """Connect the functions of this file to Sphinx."""
    names = generate()
    app.connect("autodoc-skip-member", skip)
    app.connect("source-read", prepare)
    app.connect("doctree-resolved", names.link)
