"""The package as a whole: what importing it costs, what it offers, and that README's example runs."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import nasmeta

ROOT = Path(__file__).parents[1]
SUBPACKAGES = sorted(path.parent.name for path in (ROOT / "nasmeta").glob("*/__init__.py"))
# a command, and packages of the ground, as its modules are
NOT_PUBLIC = {
    "cli",
    "journals",
    "pages",
    "plotting",
}
NESTED = ["meta.bilevel", "meta.in_context"]
WITHOUT_EXAMPLE = {
    "fetch": "it downloads",
    "import_official": "it reads official files, which no package brings",
}


def run_python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    code = "import sys; print(*sys.modules); import nasmeta; print(*sys.modules)"
    before, after = run_python("-c", code).splitlines()
    loaded = {
        name for name in set(after.split()) - set(before.split()) if not name.startswith("nasmeta")
    }
    assert not {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names}


HEAVY = {
    "joblib",
    "matplotlib",
    "moocore",
    "pandas",
    "requests",
    "rich",
    "scipy",
    "sklearn",
    "torch",
}


@pytest.mark.parametrize(
    "code",
    [
        "nm.load_table('nb201')",
        *(f"nm.search('{name}', 'nb201/cifar10')" for name in ("random", "evolution")),
    ],
)
def test_first_use_loads_nothing_heavy(code: str) -> None:
    nasmeta.load_table("nb201")  # builds the file if this machine does not have it
    loaded = run_python("-c", f"import sys, nasmeta as nm; {code}; print(*sys.modules)").split()
    assert not HEAVY & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize("name", nasmeta.__all__)
def test_each_public_name_resolves(name: str) -> None:
    assert name in dir(nasmeta)
    assert getattr(nasmeta, name) is getattr(nasmeta, name)


def test_each_subpackage_is_public() -> None:
    assert set(SUBPACKAGES) - NOT_PUBLIC <= set(nasmeta.__all__)


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_each_subpackage_offers_what_it_names(name: str) -> None:
    module = importlib.import_module(f"nasmeta.{name}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("name", [*sorted({*SUBPACKAGES} - NOT_PUBLIC), *NESTED])
def test_each_public_name_has_an_example_that_runs(name: str) -> None:
    module = importlib.import_module(f"nasmeta.{name}")
    public = {name: getattr(module, name) for name in module.__all__ if name not in WITHOUT_EXAMPLE}
    lacking = []
    for name, found in public.items():
        if not isinstance(found, type) and not inspect.isroutine(found):
            continue  # a subpackage, a registry, a constant
        # not that of a base
        text = vars(found).get("__doc__") if isinstance(found, type) else found.__doc__
        examples = doctest.DocTestParser().get_examples(text or "")
        if all(doctest.SKIP in example.options for example in examples):
            lacking.append(name)
    assert lacking == []


@pytest.mark.parametrize("name", [*SUBPACKAGES, *NESTED])
def test_examples_import_what_is_public(name: str) -> None:
    module = importlib.import_module(f"nasmeta.{name}")
    for name in module.__all__:
        thing = getattr(module, name)
        members = (
            [thing, *(getattr(thing, own) for own in vars(thing))]
            if isinstance(thing, type)
            else [thing]
        )
        for text in (inspect.getdoc(member) or "" for member in members):
            for place, names in re.findall(
                r"^(?:>>>|\.\.\.) +from (nasmeta[\w.]*) import (.+)$", text, re.MULTILINE
            ):
                assert {*names.split(", ")} <= {*importlib.import_module(place).__all__}, (
                    name,
                    place,
                    names,
                )


def test_each_name_that_needs_no_example_is_public() -> None:
    subpackages = [importlib.import_module(f"nasmeta.{name}") for name in SUBPACKAGES]
    assert {*WITHOUT_EXAMPLE} <= {name for subpackage in subpackages for name in subpackage.__all__}


def test_help_works_without_extras() -> None:
    extras = (
        "hypothesis",
        "optuna",
        "plotly",
        "pytest",
        "safetensors",
        "torch",
    )
    code = f"import pydoc, sys; sys.modules.update(dict.fromkeys({extras})); import nasmeta; "
    shown = run_python("-c", code + "print(pydoc.render_doc(nasmeta))")
    assert "train(" in shown
    assert "query(" in shown


def test_members_are_what_is_public() -> None:
    assert {name for name in dir(nasmeta) if not name.startswith("__")} == set(nasmeta.__all__) - {
        "__version__"
    }


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nasmeta' has no attribute 'serach'"):
        nasmeta.serach  # noqa: B018


def test_version_is_that_of_the_installed_package() -> None:
    try:
        installed = importlib.metadata.version("nasmeta")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("nasmeta runs from its folder without being installed.")
    assert installed == nasmeta.__version__


def test_types_are_shipped() -> None:
    assert (Path(nasmeta.__file__).parent / "py.typed").is_file()


def test_python_dash_m_is_the_command() -> None:
    assert "demo" in run_python("-m", "nasmeta", "--help")


def test_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "readme"}  # read from top to bottom, as by a reader
    for block in blocks:
        exec(block, names)
