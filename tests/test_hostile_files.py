"""Data files that name code: reading any of them imports and calls nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.analysis.report import summarise_comparison
from nasmeta.archives import digest_of
from nasmeta.errors import NasmetaError
from nasmeta.experiments import read_specification, run_specification
from nasmeta.files import shipped
from nasmeta.meta import SavedMetaModel
from nasmeta.registry import Registry, names_from_file
from nasmeta.surrogates import Surrogate
from nasmeta.tables._arrow_file import ColumnFile, write_files
from nasmeta.training import read_proxies

CODE = "hostile:run"
DIGESTED = ("kind", "space", "settings", "sources", "facts", "space_content")
SPECIFICATION = """\
tasks = ["nb201/cifar10"]
repeats = 1
{top}
[budget]
evaluations = 2
[searchers.random]
{of_searcher}
"""


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a file that the module `hostile`, which can be imported, writes if it is."""
    trace = tmp_path / "trace"
    (tmp_path / "hostile.py").write_text(
        f"open({str(trace)!r}, 'w').close()\ndef run(*_, **__): raise SystemExit\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return trace


def rewritten(file: Path, **changes: Any) -> Path:
    """Write a file again, with other entries in its card and a checksum that is right."""
    with np.load(file) as content:
        arrays = dict(content)
    card = json.loads(arrays.pop("card").tobytes()) | changes
    if "sha256" in card:
        card["sha256"] = digest_of({key: card[key] for key in DIGESTED if key in card}, arrays)
    with Path("hostile.npz").open("wb") as stream:
        np.savez(stream, card=np.frombuffer(json.dumps(card).encode(), np.uint8), **arrays)
    return Path("hostile.npz")


def meta_model(**changes: Any) -> SavedMetaModel:
    file = nm.meta_train(
        "source-order", leave_out="cifar10", n_labels=20, output="whole.npz", replace=True
    ).path
    return SavedMetaModel.load(rewritten(file, **changes))


def of_source_models() -> None:
    file = nm.meta_train("multi-task-gp", leave_out="cifar10", output="whole.npz").path
    saved = SavedMetaModel.load(file)
    SavedMetaModel.load(rewritten(file, facts={**saved.card["facts"], "joint": CODE})).searcher(
        np.random.default_rng(0)
    )


def surrogate(**changes: Any) -> Surrogate:
    return Surrogate.load(rewritten(shipped("surrogates") / "nb201/cifar10.npz", **changes))


def table() -> None:
    space = nm.SearchSpace("mine", {"width": [1, 2]})
    space.registered_name = CODE
    write_files({Path("mine.arrow"): []}, space, {})
    _ = ColumnFile(Path("mine.arrow")).search_space


def proxies() -> None:
    with Path("proxies.npz").open("wb") as stream:
        facts = json.dumps({"nasmeta_proxies": 1, "space": CODE, "proxies": []})
        np.savez(stream, facts=np.array(facts), architectures=np.zeros(0, np.int32))
    read_proxies("proxies.npz")


def specification(tasks: str = "nb201/cifar10", top: str = "", of_searcher: str = "") -> None:
    text = SPECIFICATION.format(top=top, of_searcher=of_searcher).replace("nb201/cifar10", tasks)
    Path("read.toml").write_text(text)
    read_specification("read.toml")


def journal() -> None:
    run = nm.search("random", "nb201/cifar10", evaluations=3, journal="run.jsonl")
    Path("run.jsonl").write_text(Path("run.jsonl").read_text().replace(run.task.name, CODE))
    nm.verify("run.jsonl", "digits", folder="verified")


def network() -> None:
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    from nasmeta.training import CellNetwork

    settings = CellNetwork(0, cells_per_stage=1).settings | {"space": CODE}
    save_file({}, "network.safetensors", {"nasmeta": json.dumps({"network": settings})})
    CellNetwork.load("network.safetensors")


def results() -> pd.DataFrame:
    frame = nm.compare("random", "nb201/cifar10", repeats=2, evaluations=3)
    frame = frame.assign(task=pd.Categorical([CODE] * len(frame)))
    Path("folder").mkdir()
    frame.to_parquet("folder/results.parquet")
    return frame


def results_with_published_values() -> None:
    results()
    text = f"""tasks = ["nb201/cifar10"]\n[published]\nmeans = {{{'"x"'} = [9.0]}}"""
    Path("folder/provenance.json").write_text(json.dumps({"specification": {"text": text}}))
    nm.report("folder", "page", formats=())


@pytest.mark.parametrize(
    "read",
    [
        lambda: meta_model(space=CODE),
        lambda: meta_model(space_content={"registered": CODE}, space={"registered": CODE}),
        lambda: meta_model(kind=CODE).searcher(np.random.default_rng(0)),
        lambda: meta_model(kind=CODE).predictor(),
        lambda: meta_model(kind="meta-predictor", settings={"predictor": CODE}).searcher(
            np.random.default_rng(0)
        ),
        of_source_models,
        lambda: surrogate(space=CODE),
        lambda: surrogate(task=CODE).score(),
        table,
        proxies,
        lambda: specification(tasks=CODE),
        lambda: specification(of_searcher=f'searcher = "{CODE}"'),
        journal,
        network,
        results_with_published_values,
        lambda: summarise_comparison(results(), 3),
    ],
)
def test_reading_imports_nothing(trace: Path, read: Callable[[], Any]) -> None:
    with pytest.raises(NasmetaError):
        read()
    assert not trace.exists()


@pytest.mark.filterwarnings("ignore")
def test_what_only_mentions_code_is_read(trace: Path) -> None:
    results()
    nm.report("folder", "page", formats=())
    specification(top=f'evaluator = "{CODE}"')
    specification(of_searcher=f'sources = "{CODE}"\nwarm_start = 2')
    card = meta_model().card
    assert meta_model(sources=[{**card["sources"][0], "name": CODE}]).metric_kinds == ("accuracy",)
    assert not trace.exists()


def test_a_specification_that_is_run_imports_its_evaluator(trace: Path) -> None:
    Path("run.toml").write_text(SPECIFICATION.format(top=f'evaluator = "{CODE}"', of_searcher=""))
    with pytest.raises((SystemExit, NasmetaError)):
        run_specification("run.toml")
    assert trace.exists()
    sys.modules.pop("hostile")


def test_a_name_that_a_call_has_resolved_may_stand_in_a_file() -> None:
    registry = Registry[Any]("path", group="my_package.paths")
    with names_from_file(), pytest.raises(NasmetaError, match="imports no code"):
        registry["pathlib:PurePath"]
    found = registry["pathlib:PurePath"]
    with names_from_file():
        assert registry["pathlib:PurePath"] is found
