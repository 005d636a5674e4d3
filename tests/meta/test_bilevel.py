"""The outer loop: resume equals an uninterrupted training, early stop, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.spaces import get_space
from nasmeta.tasks import Episode

torch = pytest.importorskip("torch")
from nasmeta.meta import Monitor  # noqa: E402
from nasmeta.meta.bilevel import MetaTrainer, TrainingPlan  # noqa: E402

SPACE = get_space("tnb101")
CELLS = np.arange(3, dtype=np.int32)


def sample(rng: np.random.Generator) -> Episode:
    labels = rng.normal(2.0, 0.3, 3)
    return Episode(SPACE, CELLS, labels, CELLS, labels, ("made up",))


def loss(module: torch.nn.Module, episode: Episode) -> torch.Tensor:
    predicted = module(torch.ones(3, 1))[:, 0]
    return (predicted - torch.as_tensor(episode.query_labels).float()).square().mean()


def trained(monitor: Monitor | None = None, steps: int = 60, **settings: object) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Linear(1, 1)
    plan = TrainingPlan(steps=60, batch=2, learning_rate=0.05, validate_every=5, patience=2)
    trainer = MetaTrainer(module, loss, sample, plan, monitor=monitor, **settings)  # type: ignore[arg-type]
    if steps < 60:
        trainer.monitor.progress = lambda done, n, value: _interrupt(done, steps)
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
    else:
        trainer.run()
    return module


def _interrupt(done: int, steps: int) -> None:
    if done == steps:
        raise KeyboardInterrupt


def test_it_learns_and_is_deterministic() -> None:
    first, second = trained(), trained()
    assert first(torch.ones(1, 1)).item() == pytest.approx(2.0, abs=0.3)
    assert first.weight.item() == second.weight.item()


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole_log, log, state = tmp_path / "whole.csv", tmp_path / "log.csv", tmp_path / "state.npz"
    whole = trained(Monitor(log=whole_log))
    trained(Monitor(checkpoint=state, log=log, every=10), steps=37)
    assert state.exists()
    again = trained(Monitor(checkpoint=state, log=log, every=10))
    assert again.weight.item() == whole.weight.item()
    assert again.bias.item() == whole.bias.item()
    assert log.read_text() == whole_log.read_text()
    assert state.exists(), "it is deleted by whoever has written the model"
    assert log.read_text().splitlines()[0] == "step,loss,validation_loss"


def test_it_stops_early_and_keeps_the_best() -> None:
    target = np.zeros(3)  # the validation gets worse while the training goes on
    validation = [Episode(SPACE, CELLS, target, CELLS, target, ("other",))]
    stopped = trained(validation=validation)
    assert abs(stopped(torch.ones(1, 1)).item()) < 1.2


def test_checkpoints_of_another_training_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.npz"
    trained(Monitor(checkpoint=state, every=10), steps=20)
    other = MetaTrainer(torch.nn.Linear(1, 1), loss, sample, TrainingPlan(steps=7), monitor=Monitor(checkpoint=state))
    with pytest.raises(SettingError, match="another meta-training"):
        other.run()
    state.write_bytes(b"nonsense")
    with pytest.raises(DamagedFileError, match="no checkpoint"):
        trained(Monitor(checkpoint=state))


def test_a_training_that_diverges_says_so() -> None:
    def broken(module: torch.nn.Module, episode: Episode) -> torch.Tensor:
        return loss(module, episode) * float("nan")

    with pytest.raises(SettingError, match="diverged at step 0"):
        MetaTrainer(torch.nn.Linear(1, 1), broken, sample, TrainingPlan(steps=3)).run()
    with pytest.raises(SettingError, match="device must be one of cpu, cuda, auto"):
        MetaTrainer(torch.nn.Linear(1, 1), loss, sample, TrainingPlan(), device="moon")
