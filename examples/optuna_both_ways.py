"""Optuna's samplers as searchers, and a task as the objective of an Optuna study.

Needs Optuna (``pip install ".[optuna]"``). Run it from the root of the repository::

    python examples/optuna_both_ways.py
"""

import optuna

import nasmeta as nm


def samplers_as_searchers() -> None:
    """Compare samplers of Optuna with a searcher of the package, under the same budget and the same seeds."""
    frame = nm.compare(
        {
            "TPE of Optuna": "optuna-tpe",
            "NSGA-II of Optuna": "optuna-nsgaii",
            "any other sampler": (
                "optuna",
                {"sampler": "QMCSampler", "options": {"scramble": True}},
            ),
            "tpe of nasmeta": "tpe",
        },
        "nb201/cifar10",
        repeats=3,
        evaluations=60,
    )
    print(
        nm.analysis.summarise(frame)[["searcher", "runs", "final_regret"]]
        .round(3)
        .to_string(index=False)
    )


def task_as_objective() -> None:
    """Let Optuna run a study on a task; everything of Optuna works: callbacks, storages, plots, importances."""
    task = nm.get_task("nb201/cifar10")
    objective = nm.optuna_objective(task)
    study = optuna.create_study(
        direction=objective.direction, sampler=optuna.samplers.TPESampler(seed=0)
    )
    study.optimize(objective, n_trials=100)

    architecture = study.best_trial.user_attrs["cell"]
    seconds = sum(trial.user_attrs["simulated_seconds"] for trial in study.trials)
    print(f"best of 100 trials: {study.best_value:.2f} %, {task.space.to_string(architecture)}")
    print(
        f"regret {task.optimum - study.best_value:.2f}, {seconds / 86_400:.1f} simulated days of training"
    )


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers_as_searchers()
    task_as_objective()
