"""Code blocks of the pages as cells that MyST-NB runs when the site is built."""

from __future__ import annotations

import re

BLOCK = re.compile(r"^```(python|bash|toml)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
STORED = re.compile(
    r"(^```bash\n(?:(?!```).*\n)*```\n)\n```json\n(?:(?!```).*\n)*```\n", re.MULTILINE
)
HEAD = """---
file_format: mystnb
kernelspec:
  name: python3
language_info:
  name: python
  pygments_lexer: ipython3
---
"""
SETUP = """%config InlineBackend.figure_formats = ["retina"]
import pandas
pandas.set_option("display.max_columns", 8)
pandas.set_option("display.precision", 3)"""


def runnable(text: str) -> str:
    """Return a page whose Python and shell blocks are cells, and whose TOML blocks are files and read."""
    if not re.search(r"^```(python|bash)", text, re.MULTILINE):
        return text
    text = STORED.sub(r"\1", text)  # readers of the repository see an output that the site inserts
    title, rest = re.match(r"(#[^\n]*\n)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    return (
        HEAD
        + title
        + "\n"
        + cell(SETUP, "remove-cell")
        + BLOCK.sub(lambda one: block(one[1], one[2]), rest)
    )


def block(language: str, code: str) -> str:
    """Return one block as cells."""
    if language == "python":
        return cell(code)
    shown = f"```{language}\n{code}```\n\n"
    if language == "bash":
        script = f"set -e; unset CLICOLOR_FORCE FORCE_COLOR\n{code}"  # the kernel sets both
        run = f"subprocess.run({script!r}, shell=True, check=True, text=True, stdout=-1)"
        return shown + cell(f"import subprocess\nprint({run}.stdout, end='')", "remove-input")
    named = re.match(r"# (\S+\.toml)\n", code)
    file = named[1] if named else "specification.toml"
    check = f"from nasmeta.experiments import read_specification\nread_specification({file!r});"
    return shown + cell(f"%%writefile {file}\n{code}", "remove-cell") + cell(check, "remove-cell")


def cell(code: str, *tags: str) -> str:
    """Return a cell in MyST."""
    options = f":tags: [{', '.join(tags)}]\n" if tags else ""
    return f"```{{code-cell}} ipython3\n{options}\n{code.rstrip()}\n```\n\n"
