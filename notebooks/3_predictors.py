# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3 · Predictors, surrogates, few labels
#
# **Goals.** Compare predictors from few labels, avoid leakage through isomorphic cells, measure the benefit of other
# tasks, and search a surrogate. **Run time:** about one minute on two cores. **Needs:** `torch`.
#
# A predictor estimates the performance of untrained architectures.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS
from nasmeta.predictors import isomorph_split, make_encoder, make_predictor
from nasmeta.tasks import normal_scores

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})

# %% [markdown]
# ## A predictor
#
# A predictor is a scikit-learn pipeline of an encoder, which maps an architecture to numbers, and a regressor.

# %%
task = nm.get_task("nb201/cifar100")
train, rest = isomorph_split("nb201", rng=np.random.default_rng(0), n_train=100)
predictor = make_predictor("gp").fit(train, task.values[train])
mean, deviation = predictor.predict(rest, return_std=True)
print("Kendall's tau:", round(kendalltau(mean, task.values[rest]).statistic, 3))
print(predictor)

# %%
for name in ("one-hot", "adjacency", "paths", "live-paths", "operation-counts"):
    print(f"{name:18}", make_encoder(name).fit_transform([6111]).shape[1], "columns")

# %% [markdown]
# Kendall's tau is the share of correctly ordered pairs of cells minus the share of incorrectly ordered pairs. 0 is
# chance and 1 is perfect. A search needs the order rather than the accuracy in percent, so we use this measure.
#
# ## Isomorphic cells
#
# The 15,625 cells are 6,466 different networks. A random split puts cells that are isomorphic to training cells into
# the test set, which rewards memorisation. The benchmark reports three scopes: all cells, unlabelled cells, and cells
# without a labelled isomorphic cell.

# %%
found = nm.predict(["ridge", "gp", "xgboost", "nwot"], task, sizes=[10, 30, 100, 300], target="valid", draws=4)
summary = found.summary
summary[summary["n_train"] == 300].pivot_table(index="predictor", columns="scope", values="kendall_tau").round(3)

# %%
nm.prediction.plot_predictions(found.frame)

# %% [markdown]
# `nwot` is a zero-cost proxy: it reads the untrained network and needs no labels. With 10 labels it ranks better than
# every fitted model here. The difference between the panels is the benefit of memorisation; it grows with the number
# of labels.
#
# Are the uncertainties reliable? The next figure compares the nominal probability of an interval with the share of
# values that it contains.

# %%
nm.prediction.plot_calibration(found.frame[found.frame["predictor"].isin(["ridge", "gp"])])

# %% [markdown]
# Above the diagonal, a predictor is underconfident: the intervals of `gp` contain more values than their nominal
# probability. This does not change the ranking, but a search explores more than necessary.

# %% [markdown]
# ## Few labels, and other tasks
#
# Suppose that CIFAR-10 and ImageNet16-120 are measured, and CIFAR-100 is new. A **meta-predictor** learns on the first
# two and adapts to a few labels of the third. Papers often omit the most important row: **zero labels, the prior
# alone**. The benefit of 20 labels is the difference to that row, not to a model without sources.
#
# We compare fully labelled sources with sources of 100 labels each.

# %%
sources, _ = nm.task_distribution("nb201").leave_out("cifar100")
few_sources = sources.as_sources(100, np.random.default_rng(0))


def source_order(sources):
    """Return the mean normal score of each cell on the sources; cells without a label get 0, the middle."""
    total, count = np.zeros(15625), np.zeros(15625)
    for source in sources:
        total[source.architectures] += normal_scores(source.utilities)
        count[source.architectures] += 1
    return total / np.maximum(count, 1)


orders = {
    "source order, all labels": source_order(sources.as_sources()),
    "source order, 100 labels": source_order(few_sources),
}
learners = {
    "experts, all labels": META_PREDICTORS["experts"]("nb201").meta_fit(sources),
    "experts, 100 labels": META_PREDICTORS["experts"]("nb201").meta_fit(few_sources),
}

rows = []
for n in (0, 5, 20, 50, 100):
    for draw in range(4):
        train, rest = isomorph_split("nb201", rng=np.random.default_rng(draw), n_train=max(n, 1))
        predicted = dict(orders)
        for name, learner in learners.items():
            predicted[name] = (
                learner.fit(train, task.values[train]).predict(np.arange(15625)) if n else learner.prior()[0]
            )
        if n:
            predicted["gp, no sources"] = make_predictor("gp").fit(train, task.values[train]).predict(np.arange(15625))
        for name, values in predicted.items():
            rows.append((name, n, kendalltau(values[rest], task.values[rest]).statistic))
few = pd.DataFrame(rows, columns=["order", "labels of CIFAR-100", "tau"])
table = few.pivot_table(index="order", columns="labels of CIFAR-100", values="tau", sort=False)
table.rename(columns={0: "0: prior alone"}).round(3)

# %%
figure, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for number, (name, line) in enumerate(table.iterrows()):
    ax.plot(range(len(line)), line, marker="osD^vP"[number], label=name, linestyle="--" if "order" in name else "-")
ax.set(
    xlabel="labels of CIFAR-100 (0: prior alone)", ylabel="Kendall's tau on unlabelled classes", xticks=range(len(line))
)
ax.set_xticklabels(line.index)
figure.legend(loc="outside right center", frameon=False)
plt.show()

# %% [markdown]
# With fully labelled sources, the prior alone reaches .877, the mean of the sources is as good, and 100 target labels
# add .006. (The lines of the two source orders change slightly because cells isomorphic to labelled cells are
# excluded.) With 100 labels per source, the prior reaches .754. A model without sources needs 50 to 100 target labels
# for this value, and adaptation adds .05.
#
# A result such as "tau .803 from 100 labels" means little without the prior's .754.
#
# ## A surrogate
#
# A surrogate is a predictor that replaces a table. A small file provides a value for every cell, including cells
# that a table lacks. The included surrogate for CIFAR-100 was fitted to at most 80 % of the cells and records them.

# %%
surrogate = nm.surrogates.Surrogate.load("nb201/cifar100")
held_out = ~surrogate.trained
print(
    {name: round(value, 3) for name, value in surrogate.card["scores"]["held out"].items() if isinstance(value, float)}
)

figure, ax = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
shown = ax.hexbin(task.values[held_out], surrogate.values[held_out], gridsize=45, bins="log", cmap="Blues", mincnt=1)
ax.axline((10, 10), slope=1, color="black", linewidth=0.6)
ax.set(xlabel="table (%)", ylabel="surrogate (%)", title=f"{held_out.sum():,} held-out cells")
figure.colorbar(shown, label="cells")
plt.show()

# %% [markdown]
# One argument runs a search on it. The regret then refers to the surrogate, so look the selected cell up in the table.

# %%
run = nm.search("gp", task, evaluator="surrogate", evaluations=40)
pick = run.best.architecture
print(f"the surrogate predicts {run.best.value:.2f} %, the table contains {task.values[pick]:.2f} %")
print(f"the best cell of the table has {task.optimum:.2f} %")

# %% [markdown]
# How many labels does a surrogate need? The next cell fits two, to 2 % and 10 % of the cells. `tau` excludes cells that
# are isomorphic to a training cell.

# %%
for fraction in (0.02, 0.1):
    small = nm.surrogates.fit_surrogate(task, train_fraction=fraction, steps=20)
    scores = small.card["scores"]["held out"]
    print(f"{small.trained.sum():5,} labels: tau {scores['tau']:.3f}")

# %% [markdown]
# A surrogate removes the noise of single trainings. Confirm results on a surrogate with a table.

# %% [markdown]
# ## Exercises
#
# 1. Which encoder suits `ridge` best with 100 labels? Compare `one-hot`, `paths` and `operation-counts`.
# 2. Use a scikit-learn regressor of your choice as a searcher with expected improvement, and run 20 evaluations.
# 3. Predict a second objective: how well does `gp` predict the training time from 50 labels?
#
# The solutions follow.

# %% [markdown]
# ## Solutions
#
# **1.** A pipeline combines any encoder with any regressor.

# %%
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

train, rest = isomorph_split("nb201", rng=np.random.default_rng(1), n_train=100)
for name in ("one-hot", "paths", "operation-counts"):
    model = make_pipeline(make_encoder(name), Ridge()).fit(train, task.values[train])
    print(f"{name:18} {kendalltau(model.predict(rest), task.values[rest]).statistic:.3f}")

# %% [markdown]
# **2.** `PredictorSearch.of` turns a predictor into a searcher.

# %%
from sklearn.ensemble import RandomForestRegressor

from nasmeta.searchers import PredictorSearch

forest = make_pipeline(make_encoder("live-paths"), RandomForestRegressor(50, random_state=0))
nm.search(PredictorSearch.of(forest, "greedy", name="forest"), task, evaluations=20).best

# %% [markdown]
# **3.** Every column of the table is a task.

# %%
seconds = nm.load_table("nb201").task("train_seconds", "cifar100")
train, rest = isomorph_split("nb201", rng=np.random.default_rng(2), n_train=50)
fitted = make_predictor("gp").fit(train, seconds.values[train])
print(round(kendalltau(fitted.predict(rest), seconds.values[rest]).statistic, 3))

# %% [markdown]
# **Next:** [4 · The table of the NAS-Bench-201 paper](4_published_table.ipynb).
