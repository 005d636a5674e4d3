"""Forged results of each kind are found at the stated level."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import DamagedFileError
from nasmeta.experiments import read_published
from nasmeta.experiments._folder import write_results
from nasmeta.publishing import Audit, RecomputedPair, label_of
from nasmeta.publishing._publish import checksums, config_of, summary_of
from nasmeta.runs import Clock, Journal, evaluator_for, require_journal, results_frame

Forge = Callable[[dict], None]
CASES = [pytest.param(case, marks=[pytest.mark.slow] if case > 1 else []) for case in range(20)]


def written(content: dict, path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


def summarised(content: dict) -> dict:
    """Return the content with the summary of its proposals, as a careful forger would."""
    pairs = [RecomputedPair(entry, content["seeds"], Audit("", 0)) for entry in content["pairs"]]
    return content | {
        "summary": summary_of(results_frame([run for pair in pairs for run in pair.histories]))
    }


@pytest.mark.parametrize("column", [1, 2], ids=["value", "cost"])
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_number_in_a_journal_with_a_new_checksum(
    column: int, case: int, folder: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(case)
    home = tmp_path / "runs"
    shutil.copytree(folder, home)
    journals = sorted(home.glob("runs/*/*/*.jsonl"))
    path = journals[rng.integers(len(journals))]
    header, trace = require_journal(path)
    rows = [list(row[:3]) for row in trace.rows]
    rows[rng.integers(len(rows))][column] += 0.01
    path.unlink()
    with Journal(
        path, {key: fact for key, fact in header.items() if key != Journal.mark}
    ) as journal:
        for row in rows:
            journal.append(*row)
    assert nm.audit(home, level=0).verdict == "not reproduced"


def replace_proposal(proposal: Any, seed: int = 3) -> Forge:
    def forge(content: dict) -> None:
        content["pairs"][1]["runs"][seed]["architectures"][7] = proposal

    return forge


def remove_run(content: dict) -> None:
    del content["pairs"][0]["runs"][3]


def shorten_run(content: dict) -> None:
    del content["pairs"][0]["runs"][3]["architectures"][10:]


def repeat_proposal(content: dict) -> None:
    proposals = content["pairs"][0]["runs"][3]["architectures"]
    proposals[7] = proposals[2]


def append_proposal(content: dict) -> None:
    proposals = content["pairs"][0]["runs"][3]["architectures"]
    proposals.append(next(each for each in range(100) if each not in proposals))


def end_early(pair: int, stopped: str) -> Forge:
    def forge(content: dict) -> None:
        run = content["pairs"][pair]["runs"][3]
        run["stopped"], run["architectures"] = stopped, run["architectures"][:10]

    return forge


def reduce_rivals_budget(content: dict) -> None:
    rival = content["pairs"][0]
    rival["budget"][0] = 50
    for run in rival["runs"]:
        del run["architectures"][50:]


def remove_pair(content: dict) -> None:
    del content["pairs"][2]


def repeat_best_seed(content: dict) -> None:
    content["seeds"] = [2] * 5
    for pair in content["pairs"]:
        pair["runs"] = [pair["runs"][2]] * 5


def repeat_pair(content: dict) -> None:
    content["pairs"].append(content["pairs"][1])


def choose_settings_per_task(content: dict) -> None:
    content["pairs"][1]["identity"]["settings"] = {"population": 5}


def charge_rivals_repeats(content: dict) -> None:
    content["pairs"][0]["identity"]["clock"] = Clock(repeats="charged").settings


def use_surrogate(content: dict) -> None:
    pair = content["pairs"][1]
    pair["identity"]["evaluator"] = evaluator_for(
        nm.get_task("nb201/cifar10"), "surrogate"
    ).identity
    pair["columns"] = checksums(config_of(pair))


def claim_optimum(content: dict) -> None:
    content["pairs"][1]["runs"][0]["stopped"] = "optimum"


def alter_summary(number: float | None) -> Forge:
    def forge(content: dict) -> None:
        content["summary"]["random on nb201/cifar10"]["final_regret"] = number

    return forge


def invent_summary(content: dict) -> None:
    row = content["summary"]["evolution on nb201/cifar10"]
    content["summary"]["mine on nb201/cifar10"] = row | {"searcher": "mine", "final_regret": 0.0}


def copy_other_task(content: dict) -> None:
    for run, other in zip(content["pairs"][3]["runs"], content["pairs"][1]["runs"], strict=True):
        run["architectures"] = other["architectures"]


def exchange_runs(content: dict) -> None:
    first, second = content["pairs"][1]["runs"][:2]
    first["architectures"], second["architectures"] = (
        second["architectures"],
        first["architectures"],
    )


def sort_proposals(content: dict) -> None:
    values = nm.get_task("nb201/cifar10").values
    content["pairs"][1]["runs"][0]["architectures"].sort(
        key=lambda architecture: -values[architecture]
    )


def rename_seeds(content: dict) -> None:
    content["seeds"] = [5, 6, 7, 8, 9]
    for pair in content["pairs"]:
        for run in pair["runs"]:
            run["seed"] += 5


def claim_other_searcher(content: dict) -> None:
    for pair in content["pairs"][1::2]:
        pair["identity"]["searcher"] = "reinforce"


def claim_other_settings(content: dict) -> None:
    for pair in content["pairs"][1::2]:
        pair["identity"]["settings"] = {"population": 5}


def write_seed(seed: Any) -> Forge:
    def forge(content: dict) -> None:
        content["pairs"][0]["runs"][1]["seed"] = seed

    return forge


def claim_values(content: dict) -> None:
    content["pairs"][0]["runs"][0]["values"] = [99.0]


def claim_regret(content: dict) -> None:
    content["pairs"][0]["regret"] = 0.0


def state_other_source(content: dict) -> None:
    sort_proposals(content)
    content["pairs"][1]["source"] = "other"


@pytest.mark.parametrize(
    ("forge", "level", "reason"),
    [
        (
            reduce_rivals_budget,
            0,
            "evolution on nb201/cifar10: the budget differs from that of random",
        ),
        *(
            (replace_proposal(each), 0, f"seed 3: proposal 8 is {each!r}")
            for each in (-1, True, 1.0, "7", None, 15625)
        ),
        (repeat_proposal, 0, "seed 3: proposal 8 repeats"),
        (append_proposal, 0, "random on nb201/cifar10, seed 3: proposal 61 exceeds the budget"),
        *(
            (end_early(0, each), 0, f"seed 3: the run is {each} after proposal 10")
            for each in ("exhausted", "stalled")
        ),
        *((end_early(1, each), 0, "seed 3, of nasmeta") for each in ("exhausted", "stalled")),
        (remove_run, 0, "random on nb201/cifar10: the seeds are not those of the comparison"),
        *((write_seed(seed), 0, "the seeds are not those") for seed in (True, 1.0)),
        (claim_values, 0, "seed 0: unknown fields values"),
        (claim_regret, 0, "random on nb201/cifar10: unknown fields regret"),
        (shorten_run, 0, "random on nb201/cifar10, seed 3"),
        (remove_pair, 0, "random on nb201/cifar100: the file contains this pair 0 times"),
        (state_other_source, 1, "evolution on nb201/cifar10, seed 0"),
        (repeat_best_seed, 0, "The seeds are not different integers"),
        (repeat_pair, 0, "evolution on nb201/cifar10: the file contains this pair 2 times"),
        (choose_settings_per_task, 0, "evolution on nb201/cifar100: the searcher differs"),
        (charge_rivals_repeats, 0, "the clock differs"),
        (use_surrogate, 0, "the evaluator differs"),
        (claim_optimum, 0, "stopped by budget here, but by optimum in the file"),
        (copy_other_task, 1, "evolution on nb201/cifar100, seed 0"),
        (exchange_runs, 1, "evolution on nb201/cifar10, seed 1"),
        (sort_proposals, 1, "evolution on nb201/cifar10, seed 0"),
        (rename_seeds, 1, "random on nb201/cifar10, seed 5"),
        (claim_other_searcher, 1, "evolution on nb201/cifar10, seed 0"),
        (claim_other_settings, 1, "evolution on nb201/cifar10, seed 0"),
    ],
)
def test_forgeries(forge: Forge, level: int, reason: str, file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    forge(content)
    with suppress(Exception):  # a summary of impossible proposals
        content = summarised(content)
    forged = written(content, tmp_path / "forged.json.gz")
    if level:
        assert nm.audit(forged, level=0).verdict == "verified"
    audit = nm.audit(forged, level=level)
    assert audit.verdict == "not reproduced"
    assert reason in "; ".join(audit.reasons)


@pytest.mark.parametrize("forge", [alter_summary(0.01), alter_summary(None), invent_summary])
def test_forged_summaries(forge: Forge, file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    forge(content)
    audit = nm.audit(written(content, tmp_path / "forged.json.gz"), level=0)
    assert (audit.verdict, audit.reasons[0].startswith("summary: ")) == ("not reproduced", True)


def test_invented_epochs(file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    content["pairs"][0]["runs"][0] |= {"architectures": [6111] * 60, "epochs": [*range(60)]}
    audit = nm.audit(written(content, tmp_path / "forged.json.gz"), level=0)
    assert "seed 0: proposal 2 repeats 6111" in "; ".join(audit.reasons)


def test_selected_sources_are_named(tmp_path: Path) -> None:
    contents = []
    for task, source in (("cifar10", "cifar100"), ("cifar100", "imagenet16-120")):
        home = tmp_path / task
        nm.compare(
            ["source-order"],
            f"nb201/{task}",
            repeats=2,
            evaluations=10,
            sources=[f"nb201/{source}"],
            folder=home,
        )
        contents.append(read_published(nm.publish(home, tmp_path / f"{task}.json.gz")))
    content = contents[0] | {"pairs": [pair for each in contents for pair in each["pairs"]]}
    reasons = nm.audit(written(summarised(content), tmp_path / "forged.json.gz"), level=0).reasons
    assert ["the sources are nb201/" in reason for reason in reasons] == [True, True]


@pytest.mark.parametrize(
    ("label", "verdict"), [("gp", "cannot be checked"), ("mine", "not reproduced")]
)
def test_rows_without_runs_are_named(
    label: str, verdict: str, folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "runs"
    shutil.copytree(folder, home)
    frame = pd.read_parquet(home / "results.parquet").astype({"searcher": str})
    added = frame[frame["searcher"] == "random"].assign(searcher=label)
    write_results(home / "results.parquet", pd.concat([frame, added], ignore_index=True))
    audit = nm.audit(home, level=0)
    assert audit.verdict == verdict
    assert f"rows of {label}" in "; ".join(audit.reasons)


def test_hidden_sources_are_not_reproduced(tmp_path: Path) -> None:
    nm.compare(
        {"warm": ("random", {"warm_start": 3})},
        "nb201/cifar10",
        repeats=2,
        evaluations=10,
        folder=tmp_path,
    )
    content = read_published(nm.publish(tmp_path, tmp_path / "honest.json.gz"))
    content["pairs"][0]["identity"] |= {"sources": [], "settings": {}}
    assert nm.audit(written(content, tmp_path / "forged.json.gz")).verdict == "not reproduced"


def test_a_false_label_is_shown_next_to_the_searcher(file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    content["pairs"] = content["pairs"][::2]
    for pair in content["pairs"]:
        pair["label"] = "tpe"
    audit = nm.audit(written(summarised(content), tmp_path / "forged.json.gz"), level=0)
    assert (audit.verdict, audit.searchers) == ("verified", ["tpe = random"])
    content["pairs"][0]["identity"]["settings"] = {"replacement": False}
    assert label_of(content["pairs"][0]) == "tpe = random (replacement=False)"


def test_another_version_cannot_be_checked(file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    content["pairs"][0]["identity"]["written_by"] = "nasmeta 0.0.1, numpy 2.0.0"
    audit = nm.audit(written(content, tmp_path / "old.json.gz"))
    assert (audit.verdict, audit.repeated) == ("cannot be checked", 15)
    assert audit.reasons[0].startswith("random on nb201/cifar10: It is by nasmeta 0.0.1")


def test_the_author_cannot_know_which_runs_are_repeated(file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    sort_proposals(content)
    forged = written(summarised(content), tmp_path / "forged.json.gz")
    assert nm.audit(forged, level=0).seed != nm.audit(forged, level=0).seed
    audits = [nm.audit(forged, runs=6, seed=seed) for seed in range(8)]
    assert {audit.verdict for audit in audits} == {"verified", "not reproduced"}
    assert nm.audit(forged, runs=6, seed=7) == audits[7]


@pytest.mark.parametrize("column", ["regret", "value"])
@pytest.mark.parametrize("case", CASES)
def test_edited_results_with_a_new_checksum(
    column: str, case: int, folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "runs"
    shutil.copytree(folder, home)
    frame = pd.read_parquet(home / "results.parquet")
    frame.loc[frame["seed"] == case % 5, column] = 0.0
    write_results(home / "results.parquet", frame)
    assert nm.audit(home, level=0).verdict == "not reproduced"


@pytest.mark.parametrize("case", CASES)
def test_damaged_bytes(case: int, file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    # after the header of gzip
    content[np.random.default_rng(case).integers(10, len(content))] ^= 1 << case % 8
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(DamagedFileError):
        nm.audit(tmp_path / "damaged")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return the content of 200 honest runs of each of two searchers."""
    folder = tmp_path_factory.mktemp("chosen")
    nm.compare(["random", "evolution"], "nb201/cifar10", repeats=200, evaluations=60, folder=folder)
    return read_published(nm.publish(folder, folder / "all.json.gz"))


@pytest.mark.parametrize("case", CASES)
def test_seeds_that_were_chosen(case: int, chosen: dict, tmp_path: Path) -> None:
    """Each searcher in turn has the best 30 of 200 seeds; the file has all its runs with these seeds."""
    pair = RecomputedPair(chosen["pairs"][case % 2], chosen["seeds"], Audit("", 0))
    rng = np.random.default_rng(case)
    offered = rng.permutation(200)[:190]  # another choice in each case
    last = [pair.histories[seed].frame()["regret"].iloc[-1] for seed in offered]
    seeds = sorted(offered[np.argsort(last, kind="stable")[:30]].tolist())
    pairs = [
        {**entry, "runs": [entry["runs"][seed] for seed in seeds]} for entry in chosen["pairs"]
    ]
    forged = written(
        summarised({**chosen, "seeds": seeds, "pairs": pairs}), tmp_path / "chosen.json.gz"
    )
    assert nm.audit(forged, runs=10).verdict == "verified"
    found = nm.audit(forged, level=2, runs=20, seed=case)
    assert found.verdict == "not reproduced"
    assert any(reason.startswith(f"{pair}: the runs are better") for reason in found.reasons)
