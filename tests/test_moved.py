"""Old names of arguments and settings go on to work, and mean the same run."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import SettingError
from nasmeta.experiments import read_specification, run_specification
from nasmeta.meta import load_meta_model, save_meta_model, training_digest
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import LabelNoise
from nasmeta.training import load_dataset

SPACE = nm.get_space("nb201")
DIGESTS = {"meta-rl": "3a5d7d0b5f3b32c0", "meta-nas": "e5cc1b36f0244109"}  # calculated when `std` was `deviation`


@pytest.mark.parametrize("name", ["gp", "tpe", "bananas", "predictor", "xgboost-ei", "rgpe", "multi-task-gp", "meta"])
def test_initial_is_n_initial_now(name: str) -> None:
    kind = SEARCHERS[name]
    with pytest.warns(DeprecationWarning, match=r"The argument initial of [\w-]+ is n_initial now") as told:
        made = kind(SPACE, np.random.default_rng(0), initial=3)
    assert made.n_initial == 3
    assert told[0].filename == __file__


@pytest.mark.parametrize("name", ["predictor", "ridge-ucb", "meta-predictor", "meta-gp", "meta-nas", "meta-np"])
def test_optimism_is_beta_now(name: str) -> None:
    kind = SEARCHERS[name]
    with pytest.warns(DeprecationWarning, match=r"The argument optimism of [\w-]+ is beta now") as told:
        made = kind(SPACE, np.random.default_rng(0), optimism=0.3)
    assert (made.beta, told[0].filename) == (0.3, __file__)


@pytest.mark.parametrize("name", ["meta-rl", "meta-nas"])
def test_the_deviation_of_practised_tasks_is_std_now(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=r"The argument deviation of \w+ is std now") as told:
        made = SEARCHERS[name](SPACE, np.random.default_rng(0), deviation=0.4)
    assert (made.std, told[0].filename) == (0.4, __file__)


def test_a_setting_has_one_name() -> None:
    with pytest.raises(SettingError, match="give it by that name only"):
        nm.search("gp", "nb201/cifar10", evaluations=3, settings={"initial": 3, "n_initial": 3})


def test_settings_of_a_run_have_the_new_name() -> None:
    with pytest.warns(DeprecationWarning, match="n_initial now") as told:
        old = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"initial": 2})
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2})
    assert old.settings == new.settings == {"n_initial": 2}
    assert old.cells.tolist() == new.cells.tolist()


def test_a_journal_with_the_old_name_is_of_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    whole = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2})
    nm.search("gp", "nb201/cifar10", evaluations=4, settings={"n_initial": 2}, journal=path)
    text = path.read_text("utf-8")
    assert '"n_initial": 2' in text
    path.write_text(text.replace('"n_initial": 2', '"initial": 2'), "utf-8")
    resumed = nm.search("gp", "nb201/cifar10", evaluations=8, settings={"n_initial": 2}, journal=path)
    assert resumed.cells.tolist() == whole.cells.tolist()
    assert len(path.read_text("utf-8").splitlines()) == 9


@pytest.mark.parametrize(
    ("searcher", "settings", "old", "new"),
    [
        ("ridge-ucb", {"beta": 0.7}, "optimism", "beta"),
        ("meta-nas", {"beta": 0.7}, "optimism", "beta"),
        ("meta-nas", {"std": 0.5}, "deviation", "std"),
        ("meta-rl", {}, "deviation", "std"),  # that of the model
    ],
)
def test_a_journal_with_an_old_setting_is_of_the_same_run(
    tmp_path: Path, searcher: str, settings: dict[str, float], old: str, new: str
) -> None:
    path, options = tmp_path / "run.jsonl", {"settings": settings}
    if searcher.startswith("meta"):
        options["meta_model"] = "shipped"
    whole = nm.search(searcher, "nb201/cifar10", evaluations=6, **options)
    nm.search(searcher, "nb201/cifar10", evaluations=3, journal=path, **options)
    text = path.read_text("utf-8")
    assert text.count(f'"{new}": ') == 1
    path.write_text(text.replace(f'"{new}": ', f'"{old}": '), "utf-8")
    resumed = nm.search(searcher, "nb201/cifar10", evaluations=6, journal=path, **options)
    assert resumed.cells.tolist() == whole.cells.tolist()
    assert len(path.read_text("utf-8").splitlines()) == 7


def test_the_files_of_meta_models_keep_the_old_name(tmp_path: Path) -> None:
    for name in ("meta-rl-nb201-without-cifar10", "meta-nas-nb201-without-cifar10"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shipped = load_meta_model(name)
            learner = shipped.searcher(np.random.default_rng(0))
            again = load_meta_model(save_meta_model(tmp_path / "again.npz", learner))
        assert shipped.card["settings"]["std"] == learner.std
        assert "deviation" not in shipped.card["settings"]
        assert again.sha256 == shipped.sha256
        with pytest.raises(SettingError, match=r"meta-trained with std=0\.\d, not 0\.9"):
            shipped.searcher(np.random.default_rng(0), std=0.9)


def test_a_meta_training_of_the_release_before_is_the_same_one() -> None:
    """So a file is not trained anew, and a checkpoint goes on."""
    source = nm.get_task("nb201/cifar10").as_source()
    found = {
        name: training_digest(SEARCHERS[name](SPACE, np.random.default_rng(0), std=0.4), [source], 0)[:16]
        for name in ("meta-rl", "meta-nas")
    }
    assert found == DIGESTS


def test_a_specification_tells_of_an_old_setting_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('tasks = "nb201/cifar10"\nbudget.evaluations = 4\n[searchers.ridge-ucb]\noptimism = 0.7\n', "utf-8")
    with pytest.warns(DeprecationWarning, match="optimism of ridge-ucb is beta now") as told:
        frame = run_specification(path, tmp_path / "out", repeats=1)
    assert len([one for one in told if "beta now" in str(one.message)]) == 1
    path.write_text(path.read_text("utf-8").replace("optimism", "beta"), "utf-8")
    assert run_specification(path, tmp_path / "out", repeats=1).equals(frame)


def test_a_folder_with_the_old_name_is_of_the_same_comparison(tmp_path: Path) -> None:
    searchers = {"few": ("gp", {"n_initial": 2})}
    nm.compare(searchers, tasks="nb201/cifar10", repeats=1, evaluations=4, folder=tmp_path)
    path = tmp_path / "specification.json"
    said = json.loads(path.read_text("utf-8"))
    said["searchers"]["few"]["settings"] = {"initial": 2}
    path.write_text(json.dumps(said), "utf-8")
    for journal in tmp_path.rglob("*.jsonl"):
        journal.write_text(journal.read_text("utf-8").replace('"n_initial"', '"initial"'), "utf-8")
    frame = nm.compare(searchers, tasks="nb201/cifar10", repeats=1, evaluations=6, folder=tmp_path)
    assert len(frame) == 6


def test_a_deviation_is_std_now() -> None:
    with pytest.warns(DeprecationWarning, match="The argument deviations of LabelNoise is stds now"):
        noise = LabelNoise(np.zeros(1), deviations=np.ones(1))
    with pytest.warns(DeprecationWarning, match=r"LabelNoise\.deviations is stds now"):
        assert noise.deviations is noise.stds
    digits = load_dataset("digits")
    with pytest.warns(DeprecationWarning, match=r"ImageDataset\.deviation is std now"):
        assert digits.deviation == digits.std


def test_a_number_of_labels_is_n_labels_now(tmp_path: Path) -> None:
    task, rng = nm.get_task("nb201/cifar10"), np.random.default_rng
    with pytest.warns(DeprecationWarning, match=r"The argument labels of Task\.as_source is n_labels now"):
        old = task.as_source(labels=20, rng=rng(0))
    assert old.sha256 == task.as_source(n_labels=20, rng=rng(0)).sha256
    with pytest.warns(DeprecationWarning, match="The argument labels of meta_train is n_labels now"):
        saved = nm.meta_train("source-order", leave_out="cifar100", labels=20, out=tmp_path / "order.npz")
    assert saved.card["sources"][0]["labels"] == 20


def test_a_notation_is_a_codec_now() -> None:
    with pytest.warns(DeprecationWarning, match=r"nasmeta\.spaces\.Notation is nasmeta\.spaces\.CellCodec now"):
        assert nm.spaces.Notation is nm.spaces.CellCodec


# -- space="learned:0.1" is prune_space=0.1 --------------------------------------------------------------------------
def test_a_learned_space_is_prune_space_now(tmp_path: Path) -> None:
    path, options = tmp_path / "run.jsonl", {"evaluations": 4}
    new = nm.search("random", "nb201/cifar10", prune_space=0.1, journal=path, **options)
    with pytest.warns(
        DeprecationWarning, match=r"space of search is prune_space now: 0\.1, not 'learned:0\.1'"
    ) as told:
        old = nm.search("random", "nb201/cifar10", space="learned:0.1", journal=path, **options)
    assert told[0].filename == __file__
    assert old.cells.tolist() == new.cells.tolist()
    assert old.config.prune_space == new.config.prune_space == 0.1
    with pytest.warns(DeprecationWarning, match="prune_space now: None, not 'all'"):
        assert nm.search("random", "nb201/cifar10", space="all", **options).config.prune_space is None
    with pytest.raises(SettingError, match="give it by that name only"):
        nm.search("random", "nb201/cifar10", space="learned:0.1", prune_space=0.1, **options)
    with pytest.raises(SettingError, match="space is prune_space now, a fraction"):
        nm.search("random", "nb201/cifar10", space="learnt:0.1", **options)


def test_what_was_searched_is_written_as_before(tmp_path: Path) -> None:
    """Journals and folders of the release before say ``space`` in this form, and are gone on with."""
    options = {"prune_space": 0.1, "evaluations": 3}
    run = nm.search("random", "nb201/cifar10", journal=tmp_path / "run.jsonl", **options)
    header = json.loads((tmp_path / "run.jsonl").read_text("utf-8").partition("\n")[0])
    assert (run.space, header["space"], "prune_space" in header) == ("learned:0.1", "learned:0.1", False)
    frame = nm.compare(["random"], tasks="nb201/cifar10", repeats=1, folder=tmp_path / "all", **options)
    said = json.loads((tmp_path / "all" / "specification.json").read_text("utf-8"))["searchers"]
    assert said == {"random": {"searcher": "random", "settings": {}, "space": "learned:0.1"}}
    assert set(frame["space"]) == {"learned:0.1"}


def test_a_comparison_with_the_old_spelling_is_the_same_one(tmp_path: Path) -> None:
    plan, options = {"inside": "random", "outside": "random"}, {"tasks": "nb201/cifar10", "repeats": 1}
    new = nm.compare(plan, **options, evaluations=4, prune_space={"inside": 0.2}, folder=tmp_path / "all")
    with pytest.warns(DeprecationWarning, match="space of compare is prune_space now") as told:
        old = nm.compare(plan, **options, evaluations=4, space={"inside": "learned:0.2"}, folder=tmp_path / "all")
    assert told[0].filename == __file__
    assert old.equals(new)


def test_a_specification_with_the_old_spelling_is_the_same_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = 'tasks = "nb201/cifar10"\nrepeats = 1\nbudget.evaluations = 4\n[searchers.random]\nprune_space = 0.1\n'
    path.write_text(text, "utf-8")
    new = run_specification(path, tmp_path / "out")
    path.write_text(text.replace("prune_space = 0.1", 'space = "learned:0.1"'), "utf-8")
    with pytest.warns(DeprecationWarning, match=r"space of \[searchers\.random\] in mine\.toml is prune_space now"):
        old = run_specification(path, tmp_path / "out")
    assert old.equals(new)
    path.write_text(text.replace("prune_space = 0.1", 'space = "learnt:0.1"'), "utf-8")
    with pytest.raises(SettingError, match=r"mine\.toml, line 5: space is prune_space now"):
        read_specification(path)


def test_old_settings_warn_on_the_command_line() -> None:
    arguments = ["search", "ridge-ucb", "nb201/cifar10", "--evaluations", "3", "--set"]
    result = CliRunner().invoke(app, [*arguments, "optimism=0.5"])
    assert result.exit_code == 0
    assert "Warning: The argument optimism of ridge-ucb is beta now." in result.stderr
    assert not CliRunner().invoke(app, [*arguments, "beta=0.5"]).stderr


def test_the_old_option_warns_on_the_command_line() -> None:
    arguments = ["search", "random", "nb201/cifar10", "--evaluations", "3"]
    new = CliRunner().invoke(app, [*arguments, "--prune-space", "0.1"])
    old = CliRunner().invoke(app, [*arguments, "--space", "learned:0.1"])
    assert old.exit_code == new.exit_code == 0
    assert "Warning: The argument space of search is prune_space now: 0.1" in old.stderr
    assert (old.stdout, new.stderr.count("Warning")) == (new.stdout, 0)
    assert "--space" not in CliRunner().invoke(app, ["search", "--help"]).stdout
