"""What other packages bring, by name; and journals that know the code that wrote them."""

import importlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.code_identity import code_of, identity_of
from nasmeta.errors import JournalError, SettingError, UnknownNameError
from nasmeta.evaluators import FunctionEvaluator
from nasmeta.predictors import make_encoder, make_predictor
from nasmeta.searchers import SEARCHERS, Searcher
from nasmeta.spaces import get_space

SEARCHER = '''
"""A searcher of another package."""

import numpy as np

from nasmeta.searchers import Searcher

class Ascending(Searcher):
    """Propose one cell after another."""

    def __init__(self, space, rng, *, step=1):
        super().__init__(space, rng)
        self.step, self.next = step, 100

    def ask(self, n=1):
        cells = np.int32(self.next) + self.step * np.arange(n, dtype=np.int32)
        self.next = int(cells[-1]) + self.step
        return cells % np.int32(self.space.size)

    def tell(self, cells, values):
        pass
'''
OTHERS = """
from sklearn.linear_model import LinearRegression
from nasmeta.predictors import ENCODERS
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Signal, Task, get_task

def task():
    known = get_task("nb201/cifar10")
    return Task("my-tasks/again", known.table, known.signal)

class Plain(LinearRegression):
    pass

class Codes(ENCODERS["one-hot"]):
    pass

sizes = SearchSpace("my-sizes", {"width": [8, 16, 32], "depth": [1, 2]})
"""
ENTRY_POINTS = """
[nasmeta.searchers]
ascending = my_nas.searcher:Ascending
[nasmeta.spaces]
my-sizes = my_nas.others:sizes
[nasmeta.tasks]
my-tasks/again = my_nas.others:task
[nasmeta.predictors]
plain = my_nas.others:Plain
[nasmeta.encoders]
codes = my_nas.others:Codes
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with an installed package `my_nas`."""
    package, about = tmp_path / "site" / "my_nas", tmp_path / "site" / "my_nas-1.2.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").touch()
    (package / "searcher.py").write_text(SEARCHER)
    (package / "others.py").write_text(OTHERS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-nas\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path / "site"


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the same, on the path of this process, as long as a test runs."""
    for registry in (
        SEARCHERS,
        nm.spaces.SPACES,
        nm.tasks.TASKS,
        nm.predictors.PREDICTORS,
        nm.predictors.ENCODERS,
    ):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "_by_place", {})
    monkeypatch.syspath_prepend(site)
    before = {*sys.modules}
    yield site
    for name in {*sys.modules} - before:
        if name.partition(".")[0] in ("my_nas", "mysearcher", "broken"):
            del sys.modules[name]


def command(
    *arguments: str, at: Path, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ)
    if path is not None:
        env["PYTHONPATH"] = os.pathsep.join([str(path), env.get("PYTHONPATH", "")])
    code = "from nasmeta.cli import main; import sys; sys.path = [p for p in sys.path if p]; main()"
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.run(line, cwd=at, env=env, capture_output=True, text=True, check=False)


def test_a_package_brings_a_searcher_by_its_entry_point(installed: Path) -> None:
    assert "ascending" in SEARCHERS
    assert "ascending" in list(SEARCHERS)
    assert len(SEARCHERS) == len(list(SEARCHERS))
    run = nm.search("ascending", "nb201/cifar10", evaluations=3, settings={"step": 2})
    assert (run.searcher, run.architectures.tolist()) == ("ascending", [100, 102, 104])
    with pytest.raises(UnknownNameError, match="Did you mean 'ascending'"):
        SEARCHERS["ascendin"]
    assert SEARCHERS.name_of(SEARCHERS["ascending"]) == "ascending"


def test_a_place_is_a_name_wherever_one_is_asked_for(installed: Path) -> None:
    run = nm.search("my_nas.searcher:Ascending", "my_nas.others:task", evaluations=3)
    assert (run.searcher, run.architectures.tolist()) == (
        "my_nas.searcher:Ascending",
        [100, 101, 102],
    )
    assert "my_nas.searcher:Ascending" not in SEARCHERS
    space = get_space("my_nas.others:sizes")
    assert space is get_space("my_nas.others:sizes")
    assert space.size == 6
    architectures, values = list(range(40)), [float(i) for i in range(40)]
    assert make_predictor("my_nas.others:Plain").fit(architectures, values).predict([50]).shape == (
        1,
    )
    assert make_encoder("my_nas.others:Codes+one-hot").transform([1]).shape == (1, 60)


def test_entry_points_of_all_kinds(installed: Path) -> None:
    assert get_space("my-sizes").size == 6
    assert nm.get_task("my-tasks/again").name == "my-tasks/again"
    assert "my-tasks" in nm.tasks.task_families()
    assert nm.task_distribution("my-tasks").names == ("my-tasks/again",)
    architectures, values = list(range(40)), [float(i) for i in range(40)]
    assert make_predictor("plain", "codes").fit(architectures, values).predict([50]).shape == (1,)
    assert nm.list_predictors().set_index("predictor")["extra"]["plain"] == ""
    assert nm.list_encoders().set_index("encoder")["columns"]["codes"] == 30


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no_such_package.part:Thing", UnknownNameError),
        ("my_nas.part:Thing", UnknownNameError),
        ("my_nas.searcher:Ascendin", UnknownNameError),
        ("my_nas.others:Plain", SettingError),
        ("my_nas.others:task", SettingError),
    ],
)
def test_names_that_are_no_searchers(installed: Path, name: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        nm.search(name, "nb201/cifar10", evaluations=3)


@pytest.mark.slow
def test_commands_and_workers_know_the_package(site: Path, tmp_path: Path) -> None:
    """By its entry point, by its place, and in a specification, with two processes."""
    specification = tmp_path / "mine.toml"
    specification.write_text(
        'title = "Mine"\ntasks = ["nb201/cifar10"]\nrepeats = 4\n[budget]\nevaluations = 5\n'
        '[searchers.ascending]\nstep = 3\n[searchers.two]\nsearcher = "my_nas.searcher:Ascending"\n'
        '[searchers."my_nas.searcher:Ascending"]\n'
    )
    done = command(
        "compare", "mine.toml", "--folder", "results", "--workers", "2", at=tmp_path, path=site
    )
    assert done.returncode == 0, done.stderr
    journals = sorted(
        str(path.relative_to(tmp_path)) for path in (tmp_path / "results" / "runs").rglob("0.jsonl")
    )
    assert [Path(path).parent.name for path in journals] == [
        "ascending",
        "my_nas.searcher_Ascending",
        "two",
    ]
    headers = [json.loads((tmp_path / path).read_bytes().partition(b"\n")[0]) for path in journals]
    assert [header["searcher"] for header in headers] == [
        "ascending",
        *2 * ["my_nas.searcher:Ascending"],
    ]
    assert len({header["code"] for header in headers}) == 1


@pytest.mark.slow
def test_workers_know_a_module_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "mysearcher.py").write_text(SEARCHER)
    line = [
        "compare",
        "--searchers",
        "random,mysearcher:Ascending",
        "--tasks",
        "nb201/cifar10",
        "--repeats",
        "3",
    ]
    more = [
        "--evaluations",
        "3",
        "--workers",
        "2",
        "--set",
        "mysearcher:Ascending:step=5",
        "--folder",
        "results",
    ]
    done = command(*line, *more, at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mysearcher:Ascending" in done.stdout
    (tmp_path / "mysearcher.py").write_text(SEARCHER.replace("step, 100", "step, 200"))
    done = command(*line, *more, at=tmp_path)
    assert done.returncode == 2
    assert "mysearcher:Ascending.code is" in done.stderr


def test_import_nasmeta_reads_no_entry_points() -> None:
    code = """
import nasmeta as nm
from nasmeta import registry
nm.searchers.SEARCHERS["random"], nm.spaces.get_space("nb201")
print(registry._entry_points.cache_info().misses)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "0"


# -- a journal knows the code that wrote it


def edited(site: Path, old: str, new: str) -> type:
    """Return the searcher's class after an edit of its module."""
    path = site / "my_nas" / "searcher.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    for name in ("my_nas.searcher", "my_nas"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    kind = importlib.import_module("my_nas.searcher").Ascending
    return kind


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    # an edit within a second would not be seen
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def test_an_edited_searcher_does_not_go_on_from_the_journal(
    installed: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "run.jsonl"
    kind = edited(installed, "step, 100", "step, 7")
    first = nm.search(kind, "nb201/cifar10", evaluations=3, journal=journal)
    same = edited(installed, "import numpy as np", "import numpy as np  # of another line")
    again = nm.search(same, "nb201/cifar10", evaluations=5, journal=journal)
    assert again.architectures.tolist() == [*first.architectures.tolist(), 10, 11]
    was = json.loads(journal.read_bytes().partition(b"\n")[0])["code"]
    for old, new in (("step, 7", "step, 8"), ("pass", "self.told = 1")):
        changed = edited(installed, old, new)
        content = journal.read_bytes()
        with pytest.raises(JournalError, match=f"code is '{was}'") as refused:
            nm.search(changed, "nb201/cifar10", evaluations=5, journal=journal)
        assert f'version = "{was}"' in str(refused.value)
        assert journal.read_bytes() == content
        edited(installed, new, old)
    kept = edited(installed, "step, 7", "step, 7  # of the same meaning")
    kept.version = was
    assert (
        nm.search(kept, "nb201/cifar10", evaluations=5, journal=journal).architectures.tolist()
        == again.architectures.tolist()
    )


def test_the_digest_of_code(installed: Path) -> None:
    kind = edited(installed, "step, 100", "step, 7")
    before = code_of(kind)
    assert code_of(kind) == before
    assert code_of(edited(installed, "class Asc", 'NOTE = "unused"\n\n\nclass Asc')) == before
    versioned = type("Mine", (kind,), {"__module__": "my_nas.searcher", "version": 3})
    assert code_of(versioned) == "3"
    assert code_of(type("Mine", (versioned,), {"__module__": "my_nas.searcher"})) != "3"


class Base:
    version = 1


class Derived(Base):
    size = 3


def test_the_digest_holds_the_sources_of_bases_or_their_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = code_of(Derived)
    assert code_of(Base) == "1"
    assert before == code_of(Derived) != "1"  # the version of a base is not that of the class
    monkeypatch.setattr(Base, "version", 2)
    assert code_of(Derived) != before
    monkeypatch.delattr(Base, "version")
    assert code_of(Derived) != before
    assert code_of(np.ndarray) is code_of(json.JSONDecoder) is code_of(Searcher) is None


def test_the_settings_of_a_function_are_part_of_its_identity() -> None:
    def made(scale: float) -> Callable[..., float]:
        return lambda choices, shift=1.0: scale * choices["width"] + shift

    class Scaled:
        def __init__(self, scale: float) -> None:
            self.scale, self._n_calls = scale, 0

        def __call__(self, choices: dict[str, float]) -> float:
            self._n_calls += 1
            return self.scale * choices["width"]

    function = made(1.0)
    others = [
        made(2.0),
        partial(function, shift=2.0),
        partial(function, {"width": 3}),
        Scaled(1.0),
        Scaled(2.0),
    ]
    identities = [json.dumps(identity_of(one)) for one in (function, *others)]
    assert len(set(identities)) == len(identities)
    assert identity_of(function) == identity_of(made(1.0))
    used = Scaled(1.0)
    used({"width": 2.0})
    assert identity_of(used) == identity_of(Scaled(1.0))


def test_code_without_source_is_known_by_its_bytecode() -> None:
    def made(text: str) -> object:
        space = {"__name__": "interactive"}
        exec(textwrap.dedent(text), space)
        return space["thing"]

    one, same, other = (made(f"def thing(x):\n    return x + {n}") for n in (1, 1, 2))
    assert code_of(one) == code_of(same) != code_of(other)
    architecture = "class thing:\n    size = 3\n    def ask(self):\n        return {}"
    assert (
        code_of(made(architecture.format(1)))
        == code_of(made(architecture.format(1)))
        != code_of(made(architecture.format(2)))
    )


MEASURES = """
def ev(choices):
    return 1.0 * choices["width"]
"""


def measured(site: Path, old: str, new: str) -> FunctionEvaluator:
    """Return an evaluator whose function has been edited."""
    (site / "my_nas" / "measures.py").write_text(MEASURES.replace(old, new))
    for name in ("my_nas.measures", "my_nas"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    ev = importlib.import_module("my_nas.measures").ev
    return FunctionEvaluator(ev, nm.SearchSpace("sizes", {"width": [8, 16, 32], "depth": [1, 2]}))


def test_an_edited_function_does_not_go_on_from_the_journal(
    installed: Path, tmp_path: Path
) -> None:
    folder, journal = tmp_path / "results", tmp_path / "run.jsonl"
    first = measured(installed, "", "")
    before = nm.compare("random", first, repeats=1, evaluations=3, folder=folder)
    nm.search("random", first, evaluations=3, journal=journal)
    was = first.identity["code"]
    other = measured(installed, "1.0", "100.0")
    with pytest.raises(SettingError, match=f"code is '{was}'"):
        nm.compare("random", other, repeats=2, evaluations=3, folder=folder)
    with pytest.raises(JournalError, match=f"evaluator.code is '{was}'"):
        nm.search("random", other, evaluations=3, journal=journal)
    other.function.version = was  # type: ignore[attr-defined]
    kept = FunctionEvaluator(other.function, other.space)
    again = nm.compare("random", kept, repeats=1, evaluations=3, folder=folder)
    assert again["value"].tolist() == before["value"].tolist()
