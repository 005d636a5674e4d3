"""All reports on meta-learning, and the page that joins them.

``python reports/meta/run.py`` runs ``gp.py``, ``rl.py``, ``nas.py``, ``few_shot.py`` and ``spaces.py`` beside this
file, each of which goes on where it was, and writes README.md from the README.md in their folders. ``--parts gp,rl``
runs only these, ``--parts none`` only writes the page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = {
    "gp": "Gaussian processes across tasks",
    "rl": "Reinforcement learning across tasks",
    "nas": "A search and a prediction network, meta-trained together",
    "few_shot": "Few-shot prediction",
    "spaces": "Learned search spaces and warm starts",
}

HEAD = """# Learning across tasks

**What to pick.** `nasmeta search --meta TASK` (the searcher `meta`). It looks at the sources, never at the target,
and says what it picked: `meta-gp` where all are known on the same cells and agree, as the data sets of NAS-Bench-201
do, `rgpe` where one is of the other cell space, else `multi-task-gp`. Why: where sources agree, a prior mean that
they share finds the optimum within ten evaluations; where they do not, or little is known of them, it keeps the
search among cells that are good elsewhere, while weights follow what the target's own values say. Without any source
`gp` is the one to take. What each of these needs is in the first tables below.

**What that choice has seen.** In a search the rule looks at the sources alone. But it was made, and changed four times,
by people who had seen searches on the tasks of this page, and the settings of the searchers it picks from were chosen
on NAS-Bench-201's three data sets (decisions 9, 40 and 41). The figures of the first part say how well the rule does on
other draws of these tasks, not on new tasks.

The target's data set (on TransNAS-Bench-101 its task, for hardware its device) is never among the sources, in no
metric, epoch or seed. Each part says what it ran, how often, and where transfer does not help.
"""


def without_title(text: str) -> str:
    """Return a part's page with its headings one level below this page's."""
    lines = text.strip().splitlines()
    if lines and lines[0].startswith("# "):
        lines = lines[1:]
        lines = [f"#{line}" if line.startswith("##") else line for line in lines]
    elif lines and lines[0].startswith("## "):
        lines = lines[1:]
    return "\n".join(lines).strip()


def linked(text: str, part: str) -> str:
    """Return the text with links to files of the part's folder."""
    return text.replace("](", f"]({part}/").replace(f"]({part}/http", "](http").replace(f"]({part}/#", "](#")


def compose() -> str:
    """Return the page: what to pick, and the parts that are there."""
    pages = [HEAD.rstrip()]
    for part, title in PARTS.items():
        page = HERE / part / "README.md"
        if page.exists():
            body = linked(without_title(page.read_text(encoding="utf-8")), part)
        else:
            body = f"Not measured yet: `python reports/meta/{part}.py`."
        pages.append(f"## {title}\n\n{body}")
    pages.append("All of it: `python reports/meta/run.py`.")
    return "\n\n".join(pages) + "\n"


def main() -> None:
    """Run the parts one after the other, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="separated by commas; none to write the page only")
    arguments = parser.parse_args()
    failed = []
    for part in [part for part in arguments.parts.split(",") if part != "none"]:
        if part not in PARTS:
            parser.error(f"unknown part {part!r}; possible: {', '.join(PARTS)}, none")
        script = HERE / f"{part}.py"
        if not script.exists() or subprocess.run([sys.executable, str(script)], check=False).returncode:
            failed.append(part)
    (HERE / "README.md").write_text(compose(), encoding="utf-8")
    if failed:
        raise SystemExit(f"These parts ended with an error: {', '.join(failed)}. The others are in {HERE}/README.md.")


if __name__ == "__main__":
    main()
