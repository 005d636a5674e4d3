"""Options of commands and parameters of the Python functions have the same names."""

from __future__ import annotations

import inspect

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import COMMANDS, app, built_command
from nasmeta.experiments import Workers
from nasmeta.surrogates import Surrogate, fit_surrogate
from nasmeta.tables import add_frame
from nasmeta.training import ImageDataset
from nasmeta.training.proxies import measure_proxies

# parameters of TrainingEvaluator, which an option `evaluator` selects
REAL_TRAINING = {
    "data",
    "recipe",
    "device",
}
FUNCTIONS = {
    # command: its functions, and options that only the command has
    "search": (
        [nm.search, ImageDataset.load],
        {*REAL_TRAINING, "plot", "searcher_command", "space"},
    ),
    "compare": (
        [nm.compare, Workers, ImageDataset.load],
        {*REAL_TRAINING, "searcher_command", "specification"},
    ),
    "plan": ([nm.plan, nm.compare, ImageDataset.load], {*REAL_TRAINING, "plot"}),
    # it lists the tables and asks for missing data
    "reproduce": (
        [nm.reproduce],
        {"listed", "fetch"},
    ),
    "report": ([nm.report], set()),
    "publish": ([nm.publish], set()),
    "audit": ([nm.audit], set()),
    "train": ([nm.train, ImageDataset.load], set()),
    "verify": ([nm.verify, ImageDataset.load], {"demo"}),
    "predict": ([nm.predict], set()),
    "meta-train": ([nm.meta_train], set()),
    "query": ([nm.query], set()),
    "explore": ([nm.explore], set()),
    # the function takes the frame of the file
    "data add": (
        [add_frame, nm.Table.from_frame],
        {"file"},
    ),
    "surrogate fit": ([fit_surrogate], {"output", "replace"}),  # the function returns the surrogate
    "surrogate score": ([Surrogate.score], {"surrogate"}),
    # of its batch
    "proxies compute": ([measure_proxies], {"data", "n_images", "size"}),
}
# a setting per flag; words of Python
FLAGS = {
    "settings": "--set",
    "listed": "--list",
    "as_json": "--json",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_options_have_the_names_of_parameters(name: str) -> None:
    functions, own = FUNCTIONS[name]
    known = {
        parameter for function in functions for parameter in inspect.signature(function).parameters
    }
    for option in built_command(name).params:
        assert option.name in known | own | {"as_json"}
        if option.param_type_name == "option":
            assert option.opts == [FLAGS.get(option.name, "--" + option.name.replace("_", "-"))]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_describes_each_option_has_an_example_and_fits_80_columns(name: str) -> None:
    command = built_command(name)
    assert f"nasmeta {name}" in command.epilog
    assert [option.name for option in command.params if not option.help] == []
    shown = (
        CliRunner()
        .invoke(app, [*name.split(), "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
        .stdout
    )
    assert max(map(len, shown.splitlines())) <= 80
