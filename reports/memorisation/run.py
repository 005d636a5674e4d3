"""Test whether searchers recognise a published table by the names in its space.

Run ``python reports/memorisation/run.py``. It writes README.md and results.csv; ``--page`` rewrites
README.md from results.csv; ``--searcher-command "python my.py"`` only probes a program, and prints
its rows. Download the data with ``nasmeta data fetch hpobench-mlp``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.errors import ArchitectureError
from nasmeta.searchers import RandomSearch
from nasmeta.tasks import Task, disguise
from reports.common import page_parser

HERE = Path(__file__).parent
TASKS = ("nb201/cifar10", "hpobench-mlp/australian")
ARMS = ("plain", "renamed", "permuted", "shuffled")
CLASSICAL = ("random", "evolution", "local-search", "tpe", "gp", "reinforce")
LEVEL = 0.01
RUNS = 100
DISGUISES, RUNS_OF_RENAMED = 20, 400  # of the first proposal
# first proposals as good, of a flagged run
MOST = int(LEVEL / len(TASKS) * (1 + RUNS_OF_RENAMED)) - 1
OPTIMA = {name: int(nm.get_task(name).optimal_architectures[0]) for name in TASKS}


class _First(RandomSearch):
    """Random search after one chosen architecture."""

    def first(self) -> int | None:
        """Return the first proposal; None for a random one."""
        raise NotImplementedError

    def ask(self, n: int = 1) -> Any:
        """Propose the chosen architecture, then a random order of the others."""
        if not self._asked and (first := self.first()) is not None:
            self._order = np.r_[first, self._order[self._order != first]].astype(np.int32)
        return super().ask(n)


class KnowsOptimum(_First):
    """It knows the names of the best architectures."""

    def first(self) -> int | None:
        """Return an optimum whose names the space has."""
        for task, optimum in OPTIMA.items():
            try:
                return int(self.space.index_of(nm.get_task(task).space.to_string(optimum)))
            except ArchitectureError:
                continue
        return None


class FirstChoices(_First):
    """Its default is the first choice of every position."""

    def first(self) -> int:
        """Return the architecture with the smallest codes."""
        return int(np.argmin(self.space.codes @ self.space.place_values))


class GoodDefault(_First):
    """Its default has the codes of an optimum, whatever the names are."""

    def first(self) -> int | None:
        """Return the architecture with the codes of an optimum of a space with as many choices."""
        for task, optimum in OPTIMA.items():
            space = nm.get_task(task).space
            if space.n_choices == self.space.n_choices:
                return int(self.space.from_codes(space.codes_of(optimum)))
        return None


CONTROLS = {
    "knows the optimum": KnowsOptimum,
    "first choices": FirstChoices,
    "good default": GoodDefault,
}


def arms_of(task: Task) -> dict[str, list[Task]]:
    """Return the task, and its disguises of each kind."""
    return {
        arm: [task] if arm == "plain" else [disguise(task, i, arm) for i in range(DISGUISES)]
        for arm in ARMS
    }  # type: ignore[arg-type]


def shares(searchers: Any, tasks: list[Task], runs: int) -> pd.Series:
    """Return the share of architectures that are at least as good as the first proposal of each run, by searcher.

    `runs` is the number of runs on all tasks together.
    """
    frame = nm.compare(searchers, tasks, repeats=runs // len(tasks), evaluations=1)
    rows = []
    for (name, searcher, _), run in frame.groupby(["task", "searcher", "seed"], observed=True):
        task = next(task for task in tasks if task.name == name)
        utilities = task.sign * task.values
        rows.append((searcher, np.mean(utilities[task.measured] >= utilities[run["cell"]].max())))
    return pd.DataFrame(rows, columns=["searcher", "share"]).set_index("searcher")["share"]


def p_values(plain: Any, renamed: Any) -> np.ndarray:
    """Return for each first proposal the p-value of its rank among those with other names.

    If names carry no information, the first proposals of both are exchangeable, and p <= alpha has
    at most the probability alpha. A fixed default has p = 1, because it is the same architecture
    under other names.
    """
    plain, renamed = np.asarray(plain), np.asarray(renamed)
    return np.asarray((1 + (renamed <= plain[:, None]).sum(axis=1)) / (1 + len(renamed)))


def probe(searchers: Any, tasks: Iterable[str] = TASKS) -> pd.DataFrame:
    """Return one row per task, searcher and arm: first proposals, and flagged runs.

    A run is flagged if the smallest p-value of its tasks, times their number (Bonferroni), is at
    most the level.

    Parameters
    ----------
    searchers : as in `nasmeta.compare`
    tasks : iterable of str
    """
    rows, smallest = [], {}
    for name in tasks:
        task = nm.get_task(name)
        first = {
            arm: shares(searchers, of_arm, RUNS_OF_RENAMED if arm == "renamed" else RUNS)
            for arm, of_arm in arms_of(task).items()
        }
        for searcher in first["plain"].index.unique():
            p = p_values(first["plain"][searcher], first["renamed"][searcher])
            smallest[searcher] = np.minimum(smallest.get(searcher, 1.0), p)
            for arm in ARMS:
                row: dict[str, Any] = {"task": name, "searcher": searcher, "arm": arm}
                row["first proposal"] = 100 * first[arm][searcher].median()
                rows.append(row)
    table, n_tasks = pd.DataFrame(rows), len({row["task"] for row in rows})
    flagged = {searcher: int((p * n_tasks <= LEVEL).sum()) for searcher, p in smallest.items()}
    return table.assign(flagged=table["searcher"].map(flagged), runs=RUNS)


def _shown(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure on the first task: one row per searcher, one column per arm."""
    own = table[table["task"] == TASKS[0]]
    wide = own.pivot(index="searcher", columns="arm", values=measure)[list(ARMS)].loc[
        own["searcher"].unique()
    ]
    return wide.map(lambda share: f"{share:.3g}")


def page() -> str:
    """Return the text of README.md."""
    table = pd.read_csv(HERE / "results.csv")
    flagged: Mapping[str, int] = table.groupby("searcher")["flagged"].first().to_dict()
    classical = [flagged[name] for name in CLASSICAL]
    first = _shown(table, "first proposal")
    first.insert(0, f"flagged of {RUNS}", [flagged[name] for name in first.index])
    return f"""# Does a searcher recognise the table?

The probe flags {flagged["knows the optimum"]} of {RUNS} runs of a searcher that knows the names of the optimum,
and {min(classical)} to {max(classical)} of {RUNS} runs of classical searchers.

{to_markdown(first.reset_index())}
Columns *plain* to *shuffled* contain the share (%) of architectures of `{TASKS[0]}` that are at least as good as the
first proposal (median).

## The test

* A run is flagged if at most {MOST} of {RUNS_OF_RENAMED} first proposals under other names ({DISGUISES} disguises) are
  as good as its own, on `{TASKS[0]}` or `{TASKS[1]}`. If names carry no information, the probability is at
  most {LEVEL:.0%} (permutation test, Bonferroni over both tasks).
* *First choices* and *good default* always start with the same codes (numbers of choices): zeros, or those of an
  optimum. New names (*renamed*) do not change their rank, so they are not flagged.
* *Permuted* also changes codes; *shuffled* keeps names and moves values.

## Limits

* A flag cannot separate memory of a table from knowledge of good operations.
* The test ignores memory of codes, which column *permuted* shows.
* All runs of a searcher share the {RUNS_OF_RENAMED} runs under other names.
* No language model has been probed.

## How it was run

`python reports/memorisation/run.py` on 2026-12-02 with nasmeta {nm.__version__}. For a language model, add
`--searcher-command "python examples/chat_model.py …"`.
"""


def main() -> None:
    """Probe a program, or write the report."""
    parser = page_parser(__doc__)
    parser.add_argument(
        "--searcher-command", help="a program to probe instead, such as 'julia my.jl'"
    )
    options = parser.parse_args()
    if options.searcher_command:
        print(probe({"command": ("command", {"command": options.searcher_command})}).to_string())
        return
    if not options.page:
        searchers = {**CONTROLS, **{name: name for name in CLASSICAL}}
        probe(searchers).to_csv(HERE / "results.csv", index=False, float_format="%.4g")
    (HERE / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
