"""Your own predictor as a scikit-learn pipeline: fitted, tuned by grid search, and used as a searcher.

Run it from the root of the repository::

    python examples/own_predictor.py
    nasmeta search examples.own_predictor:Neighbours nb201/cifar10 --evaluations 40
"""

import numpy as np
from scipy.stats import kendalltau
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVR

import nasmeta as nm
from nasmeta.predictors import isomorph_split, make_encoder, make_predictor
from nasmeta.searchers import PredictorSearch

# As a searcher: a pipeline that begins with an encoder; `greedy` takes the best prediction.
neighbours = make_pipeline(make_encoder("counts"), KNeighborsRegressor(3, weights="distance"))
Neighbours = PredictorSearch.of(neighbours, "greedy", name="neighbours")


def tau(predictor, architectures, labels) -> float:
    """Score a predictor by Kendall's tau, since a search needs the order."""
    return kendalltau(predictor.predict(architectures), labels).statistic


def main() -> None:
    """Fit on 100 labels, choose the settings on these alone, and score cells without an isomorphic labelled cell."""
    task = nm.get_task("nb201/cifar10")
    train, rest = isomorph_split(task.space, n_train=100, rng=np.random.default_rng(0))

    mine = make_pipeline(make_encoder("live-paths"), SVR())
    settings = {"svr__C": [1, 10, 100, 1000], "svr__gamma": [0.003, 0.01, 0.03]}
    search = GridSearchCV(mine, settings, scoring=tau, cv=5)
    search.fit(train, task.values[train])
    print("chosen:", search.best_params_)

    for name, predictor in {
        "not tuned": mine.fit(train, task.values[train]),
        "tuned": search.best_estimator_,
        "gp": make_predictor("gp").fit(train, task.values[train]),
    }.items():
        print(f"{name:10} Kendall's tau {tau(predictor, rest, task.values[rest]):.3f}")

    print(nm.search(Neighbours, task, evaluations=40))


if __name__ == "__main__":
    main()
