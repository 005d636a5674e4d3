"""Each peer by its own interface on a table: what adapters are checked against, and what a user writes without them.

Each function returns the cells of ``n`` evaluations; ``space`` gives codes, ``values`` the value of
each cell. They are as short as the peers allow, so that their lines can be counted.
"""

from __future__ import annotations

import numpy as np


def botorch(space, values, n, seed):
    import torch
    from botorch.acquisition import LogExpectedImprovement
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import MixedSingleTaskGP
    from botorch.models.transforms import Standardize
    from botorch.optim import optimize_acqf_discrete
    from gpytorch.mlls import ExactMarginalLogLikelihood

    inputs = torch.tensor(space.codes, dtype=torch.double)
    architectures = np.random.default_rng(seed).choice(space.size, 10, replace=False).tolist()
    while len(architectures) < n:
        y = torch.tensor(values[architectures], dtype=torch.double)[:, None]
        kinds = list(range(space.n_positions))
        model = MixedSingleTaskGP(
            inputs[architectures], y, cat_dims=kinds, outcome_transform=Standardize(m=1)
        )
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        left = np.setdiff1d(np.arange(space.size), architectures)
        acquisition = LogExpectedImprovement(model, best_f=y.max())
        chosen, _ = optimize_acqf_discrete(acquisition, q=1, choices=inputs[left])
        architectures.append(int((inputs == chosen).all(dim=1).nonzero()[0, 0]))
    return architectures


def smac(space, values, n, seed):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace
    from smac import HyperparameterOptimizationFacade, Scenario
    from smac.runhistory import TrialValue

    choices = ConfigurationSpace()
    choices.add([CategoricalHyperparameter(p.name, list(p.choices)) for p in space.positions])
    with TemporaryDirectory() as folder:
        scenario = Scenario(
            choices, deterministic=True, n_trials=n, seed=seed, output_directory=Path(folder)
        )
        facade = HyperparameterOptimizationFacade(scenario, overwrite=True, logging_level=False)
    architectures = []
    while len(architectures) < n:
        trial = facade.ask()
        architectures.append(
            space.index_of({p.name: trial.config[p.name] for p in space.positions})
        )
        facade.tell(trial, TrialValue(cost=-float(values[architectures[-1]])), save=False)
    return architectures


def syne_tune(space, values, n, seed):
    from datetime import datetime

    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import choice
    from syne_tune.optimizer.baselines import BORE

    np.random.seed(seed)  # noqa: NPY002  (it samples from numpy's global generator)
    choices = {str(i): choice(list(range(len(p.choices)))) for i, p in enumerate(space.positions)}
    scheduler = BORE(choices, metric="value", do_minimize=False, random_seed=seed)
    architectures = []
    while len(architectures) < n:
        trial = Trial(len(architectures), scheduler.suggest().config, datetime.now())
        codes = np.array([trial.config[name] for name in choices])
        architectures.append(int(space.find(codes @ space.place_values)))
        scheduler.on_trial_complete(trial, {"value": float(values[architectures[-1]])})
    return architectures


def optuna(space, values, n, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    architectures = []

    def objective(trial):
        architectures.append(
            space.index_of(
                {p.name: trial.suggest_categorical(p.name, p.choices) for p in space.positions}
            )
        )
        return float(values[architectures[-1]])

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=n)
    return architectures


def nasmeta(space, values, n, seed):
    import nasmeta as nm

    def evaluate(**choices):
        return float(values[space.index_of(choices)])

    return nm.search(
        "gp", space, evaluator=evaluate, evaluations=n, seed=seed
    ).architectures.tolist()
