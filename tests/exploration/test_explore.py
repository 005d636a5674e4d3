"""The data of the page are those of the tables."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.tables import remove_added


def tables_of(page: Path) -> list[dict]:
    packed = re.findall(
        r'<script type="text/plain" id="table-\d+">([^<]+)</script>', page.read_text("utf-8")
    )
    return [json.loads(gzip.decompress(b64decode(content))) for content in packed]


@pytest.fixture(scope="module")
def shown(written: Path) -> dict:
    return tables_of(written)[0]


def test_values_histogram_and_best(shown: dict, measured: pd.DataFrame) -> None:
    pets, birds = shown["tasks"]
    assert (pets["name"], birds["name"]) == ("clinic/pets", "clinic/birds")
    mean = measured[measured["dataset"] == "pets"].groupby("cell")["accuracy"].mean()
    assert sum(pets["histogram"]["counts"]) == pets["measured"] == 400
    assert pets["best"] == max(shown["columns"][0]["values"]) == pytest.approx(mean.max(), rel=1e-5)
    assert pets["median"] == pytest.approx(mean.median(), rel=1e-6)
    best = [shown["cells"][position] for position in pets["top"]]
    assert best == mean.sort_values(ascending=False).index[: len(best)].tolist()
    values = dict(zip(shown["cells"], shown["columns"][0]["values"], strict=True))
    np.testing.assert_allclose(
        [values[architecture] for architecture in mean.index], mean, rtol=1e-5
    )


def test_correlation_and_noise(shown: dict, measured: pd.DataFrame) -> None:
    wide = measured.pivot_table(index="cell", columns=["dataset", "seed"], values="accuracy")
    rho = spearmanr(wide["birds"].mean(axis=1), wide["pets"].mean(axis=1)).statistic
    assert rho < -0.5
    assert shown["correlations"][0][1] == pytest.approx(rho, abs=2e-3)
    noise = shown["tasks"][0]["noise"]
    deviation = wide["pets"].std(axis=1)
    assert noise["seeds"] == [0, 1]
    assert noise["median"] == pytest.approx(deviation.median(), rel=1e-4)


def test_tables_to_fetch(written: Path) -> None:
    rows = re.findall(
        r'<th scope="row">([\w-]+)</th><td>language models</td>', written.read_text("utf-8")
    )
    assert {"step-law", "hw-gpt-s", "scan-llm"} <= set(rows)


def test_replayed_run(shown: dict, clinic: nm.Table) -> None:
    run = nm.search("random", clinic.task("accuracy", "pets"), evaluations=30)
    replayed = shown["tasks"][0]["run"]
    assert [
        shown["cells"][position] for position in replayed["cells"]
    ] == run.architectures.tolist()
    np.testing.assert_allclose(replayed["values"], run.values, rtol=1e-5)


def test_sample_of_a_large_table_has_all_fronts(tmp_path: Path) -> None:
    table = nm.load_table("nb201")
    page = nm.explore([table], tmp_path / "explore.html", searcher="random", evaluations=2)
    (shown,) = tables_of(page)
    assert len(shown["cells"]) < table.space.size / 2
    task, seconds = nm.get_task("nb201/cifar100"), table.column("cifar100", "train_seconds")
    front = nm.tasks.pareto_front(np.column_stack([task.values, seconds]), ["max", "min"])
    assert len(front) > 10
    assert set(front.tolist()) <= set(shown["cells"])


def test_command(tmp_path: Path, clinic: nm.Table) -> None:
    clinic.add("explored")
    try:
        done = CliRunner().invoke(
            app,
            [
                "explore",
                "explored",
                "--output",
                str(tmp_path / "new" / "page.html"),
                "--evaluations",
                "5",
            ],
        )
    finally:
        remove_added("explored")
    assert done.exit_code == 0, done.output
    (shown,) = tables_of(tmp_path / "new" / "page.html")
    assert [task["name"] for task in shown["tasks"]] == ["explored/pets", "explored/birds"]
    assert len(shown["tasks"][0]["run"]["cells"]) == 5
