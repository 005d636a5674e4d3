"""The leaderboard's mean ranks, and its commands."""

import re
import runpy
import shlex
from pathlib import Path

import pandas as pd

RUN = Path(__file__).parents[2] / "reports" / "leaderboard" / "run.py"


def test_searchers_with_all_runs_are_ranked() -> None:
    ranks = runpy.run_path(str(RUN))["ranks"]
    ranks.__globals__["REPEATS"] = 2
    runs = {
        "task": "t",
        "seed": [0, 1, 0, 1, 0],
        "searcher": list("aabbc"),
        "regret": [0, 2, 1, 1, 3],
    }
    assert ranks(pd.DataFrame(runs), "t").to_dict("list") == {"a": [1, 2], "b": [2, 1]}


def test_commands_of_a_submission_name_the_tasks() -> None:
    text = RUN.with_name("README.md").read_text("utf-8")
    commands = [shlex.split(line) for line in re.findall("^nasmeta compare .*", text, re.MULTILINE)]
    printed = [words[words.index("--tasks") + 1].split(",") for words in commands]
    assert printed == [names.split() for names in runpy.run_path(str(RUN))["SETS"].values()]
