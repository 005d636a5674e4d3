"""All reports on meta-learning, and the page that joins them.

``python reports/meta/run.py`` runs ``gp.py``, ``rl.py``, ``nas.py``, ``few_shot.py``, ``prior.py`` and ``spaces.py``
beside this file, each of which goes on where it was, and writes README.md from the README.md in their folders.
``--parts gp,rl`` runs only these, ``--parts none`` only writes the page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
from folding import folded  # beside this file
from gp_page import NB201, speed_ups

HERE = Path(__file__).parent
PARTS = {
    "gp": "Gaussian processes across tasks",
    "rl": "Reinforcement learning across tasks",
    "nas": "A search and a prediction network, meta-trained together",
    "few_shot": "Few-shot prediction",
    "prior": "Prior alone: no value of the target read",
    "spaces": "Learned search spaces and warm starts",
}

HEAD = """# Learning across tasks

{summary}
* Not shown: that any of this holds for new tasks. The searchers' settings were chosen on NAS-Bench-201, and `meta` here
  is the former rule. `reports/transfer` measures its successor.

The target's data set (on TransNAS-Bench-101 its task, for hardware its device) is never among the sources, in no
metric, epoch or seed. `python reports/meta/run.py` runs all parts and writes this page. One transformer for all
families, trained without the target's, has [a page of its own](in_context/README.md).
"""


def evaluations(mean: pd.Series) -> str:
    """Return the numbers of evaluations on the three data sets of NAS-Bench-201."""
    return " / ".join(f"{mean[name]:.1f}".removesuffix(".0") for name in NB201)


def findings() -> str:
    """Return what the parts found, from their results."""
    if not all((HERE / part / "README.md").exists() for part in ("gp", "rl", "nas", "few_shot")):
        return "* Not all parts have been measured yet."
    runs = pd.read_csv(HERE / "gp" / "runs.csv").drop_duplicates(["part", "task", "searcher", "labels", "run"])
    plain = pd.read_csv(HERE.parent / "queries" / "queries.csv").query("searcher == 'gp'").set_index("task")["mean"]
    gp = runs.groupby(["part", "labels", "searcher", "task"]).evaluations.mean()
    ratios, overall = speed_ups(runs, "transnas", runs[(runs.part == "transnas") & (runs.searcher == "gp")])
    harmed = [
        f"`{one.searcher}` on {one.task.split('/')[-1]} (×{one.ratio:.2f} [{one.low:.2f}, {one.high:.2f}])"
        for one in ratios[ratios.ratio < 1].itertuples()
    ]
    rl = pd.read_csv(HERE / "rl" / "evaluations.csv").assign(task=lambda rows: "nb201/" + rows.target)
    rl = rl[rl.searcher.isin(["meta-rl", "untrained"])].set_index(["searcher", "task"])["mean"].astype(float)
    nas = pd.read_csv(HERE / "nas" / "full.csv").query("searcher == 'meta-nas'")
    nas = nas.groupby(["task", "training"]).evaluations.mean().groupby("task").mean()
    draws = pd.read_csv(HERE / "few_shot" / "draws.csv").query("part == 'nb201' and labels == 20")
    tau = draws.groupby(["method", "target"]).tau.mean()
    order, adapted = (" / ".join(f"{tau[name, task]:.3f}" for task in NB201) for name in ("source-order", "meta-dkl"))
    found = [
        "Evaluations to the optimum of NAS-Bench-201 (CIFAR-10 / CIFAR-100 / ImageNet16-120): `gp` without sources "
        f"{evaluations(plain)}; with 100 labels of each source, `multi-task-gp` "
        f"{evaluations(gp['labels', 100, 'multi-task-gp'])}; with all labels, `meta-gp` "
        f"{evaluations(gp['full', -1, 'meta-gp'])}, `meta-nas` {evaluations(nas)}, `meta-rl` "
        f"{evaluations(rl['meta-rl'])} (before training, with some weights set by hand, "
        f"{evaluations(rl['untrained'])}), the plain order of the sources "
        f"{evaluations(gp['full', -1, 'source-order'])}.",
        "On TransNAS-Bench-101, whose seven tasks disagree, `gp` needs "
        f"×{overall['multi-task-gp']} the evaluations of `multi-task-gp` and ×{overall['rgpe']} those of `rgpe` "
        f"(geometric means). Its mean is below that of {' and of '.join(harmed) or 'none of them on any task'}.",
        f"Kendall's τ-b: plain order of the sources {order}, `meta-dkl` with 20 labels {adapted}.",
    ]
    return "\n".join(textwrap.fill(f"* {text}", 120, subsequent_indent="  ", break_on_hyphens=False) for text in found)


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
    """Return the page: the findings, and the parts that are there."""
    pages = [HEAD.format(summary=findings()).rstrip()]
    for part, title in PARTS.items():
        page = HERE / part / "README.md"
        if page.exists():
            body = linked(without_title(page.read_text(encoding="utf-8")), part)
        else:
            body = f"Not measured yet: `python reports/meta/{part}.py`."
        pages.append(f"## {title}\n\n{body}")
    return folded("\n\n".join(pages)).rstrip() + "\n"


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
