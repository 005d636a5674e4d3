"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import nasmeta
from nasmeta.cli._data import data_app, query
from nasmeta.cli._first_steps import demo, doctor, list_names
from nasmeta.cli._meta_train import meta_train
from nasmeta.cli._predict import predict, proxies_app, surrogate_app
from nasmeta.cli._report import report
from nasmeta.cli._runs import compare, search
from nasmeta.cli._train import train, verify

app = typer.Typer(
    help="Meta-learned neural architecture search on tabular benchmarks.",
    epilog="Start with: nasmeta demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(nasmeta.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Meta-learned neural architecture search on tabular benchmarks."""


app.command(epilog="Example: nasmeta demo --folder my-demo")(demo)
app.command(
    epilog="Examples:\n\n"
    "nasmeta search evolution nb201/cifar10 --evaluations 300 --set population=10\n\n"
    "nasmeta search meta-gp nb201/cifar100 --sources nb201/cifar10\n\n"
    "nasmeta search gp nb201/cifar10 --evaluator training --data cifar10:PATH --recipe fast --evaluations 20 "
    "--journal run.jsonl"
)(search)
app.command(
    epilog="Examples:\n\nnasmeta train 6111 --folder 6111\n\n"
    "nasmeta train 6111 --data cifar10:PATH --recipe nb201-12 --folder 6111"
)(train)
app.command(
    epilog="Examples:\n\nnasmeta compare --searchers random,evolution --repeats 100 --folder results\n\n"
    "nasmeta compare --list\n\nnasmeta compare nb201-paper --out results"
)(compare)
app.command(epilog="Example:\n\nnasmeta compare --searchers random,gp --folder results && nasmeta report results")(
    report
)
app.command(
    name="list",
    epilog="Examples:\n\nnasmeta list searchers\n\nnasmeta list tasks --family nb201\n\n"
    "nasmeta list encoders --space tnb101",
)(list_names)
app.command(epilog="Examples:\n\nnasmeta doctor\n\nnasmeta doctor pets.csv --space nb201")(doctor)
app.command(
    epilog="Example:\n\nnasmeta query 6111 --dataset cifar10 --split valid --epochs 200 --seed mean"
    "\n\nAdd --release 'NATS-tss v1.0' once fetched sources hold the same column for other releases."
)(query)
app.command(
    epilog="Examples:\n\nnasmeta predict --predictors gp,xgboost:default+proxies --sizes 78,781 --output predictors"
    "\n\nnasmeta predict --predictors meta-linear,maml,gp --sizes 10,20,50"
    "\n\nnasmeta meta-train maml --leave-out cifar10 --out maml.npz && nasmeta predict --predictors maml.npz --sizes 10"
)(predict)
app.command(
    name="meta-train",
    epilog="Examples:\n\n"
    "nasmeta meta-train meta-np --sources nb201 --leave-out cifar100 --out np.npz\n\n"
    "nasmeta search meta-np nb201/cifar100 --sources np.npz",
)(meta_train)
app.command(
    epilog="Examples:\n\n"
    "nasmeta verify run.jsonl --data cifar10:PATH --recipe nb201-12 --top 3 --seeds 2\n\n"
    "nasmeta verify --demo"
)(verify)
app.add_typer(data_app, name="data")
app.add_typer(surrogate_app, name="surrogate")
app.add_typer(proxies_app, name="proxies")
