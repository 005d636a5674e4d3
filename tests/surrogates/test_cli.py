"""``nasmeta surrogate`` and ``--evaluator``."""

from pathlib import Path

from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.surrogates import Surrogate

RUN = CliRunner()


def test_fit_and_score(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    command = [
        "surrogate",
        "fit",
        "nb201/cifar10",
        "--train-fraction",
        "0.03",
        "--seed",
        "1",
        "--output",
        str(file),
    ]
    done = RUN.invoke(app, command)
    assert done.exit_code == 0, done.output
    for text in (
        "Surrogate of nb201/cifar10",
        "held out",
        "new functions",
        "sparse_tau",
        "NATS-tss v1.0",
        "sha256",
    ):
        assert text in done.stdout
    again = RUN.invoke(app, command)
    assert again.exit_code == 2
    assert "--replace" in again.stderr
    surrogate = Surrogate.load(file)
    assert surrogate.card["split"] == {"rule": "upstream", "train_fraction": 0.03, "seed": 1}
    scored = RUN.invoke(app, ["surrogate", "score", str(file)])
    assert scored.exit_code == 0, scored.output
    assert surrogate.sha256 in scored.stdout
    assert f"{surrogate.card['scores']['held out']['r2']:.3f}" in scored.stdout


def test_errors_are_one_line(shipped: Surrogate, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(shipped.save(tmp_path / "whole.npz").read_bytes()[:500])
    for command, text in (
        (["score", str(damaged)], "damaged"),
        (["score", "nb201/cifar11"], "nasmeta surrogate fit"),
        (["score", "nb201/cifar10", "--task", "tnb101/jigsaw"], "tnb101"),
        (["fit", "nb201/cifar10", "--train-fraction", "1"], "train_fraction"),
    ):
        done = RUN.invoke(app, ["surrogate", *command])
        assert done.exit_code == 2, (command, done.output)
        assert done.stderr.startswith("Error: ")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
