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
# # 5 · Your own table and space
#
# **Goals.** Make a table from your own trainings, search it for one and two objectives, compare searchers, use it as
# a source for meta-learning, and search a partial table. **Run time:** about one minute on two cores. **Needs:** the
# core package.
#
# The example networks are multilayer perceptrons of scikit-learn. The same steps work for any architecture.

# %%
# %matplotlib inline
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import nasmeta as nm

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})
warnings.filterwarnings("ignore", category=ConvergenceWarning)  # the trainings are short on purpose

# %% [markdown]
# ## Train
#
# We train 48 architectures (width, depth, activation, learning rate) on three datasets with two seeds each. One half
# of the rows is for training, and the other half for validation.

# %%
CHOICES = {"width": [2, 4, 8, 16], "depth": [1, 2, 3], "activation": ["relu", "tanh"], "rate": [0.001, 0.01]}
grid = pd.MultiIndex.from_product(CHOICES.values(), names=CHOICES).to_frame(index=False)
rows = []
for load in (load_digits, load_wine, load_breast_cancer):
    x, y = load(return_X_y=True)
    x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.5, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x)
    for one in grid.to_dict("records"):
        for seed in (0, 1):
            start = time.perf_counter()
            layers = (one["width"],) * one["depth"]
            network = MLPClassifier(
                layers, activation=one["activation"], learning_rate_init=one["rate"], max_iter=12, random_state=seed
            )
            network.fit(scaler.transform(x), y)
            accuracy = 100 * network.score(scaler.transform(x_valid), y_valid)
            seconds = time.perf_counter() - start
            dataset = load.__name__.removeprefix("load_")
            rows.append({**one, "dataset": dataset, "seed": seed, "accuracy": accuracy, "train_seconds": seconds})
trained = pd.DataFrame(rows)
print(len(trained), "trainings,", round(trained["train_seconds"].sum()), "seconds")
trained.sample(3, random_state=0)

# %% [markdown]
# ## A space and a table
#
# The columns of choices become a search space. Numeric choices are ordered, and kernels use their order.

# %%
space = nm.SearchSpace.from_frame(grid, columns=list(CHOICES), name="small-mlp")
print(space)
space.draw(17)

# %%
table = nm.Table.from_frame(trained, space=space, name="perceptrons", split="valid", epochs=12)
table

# %% [markdown]
# The names of the columns determine the rest: `train_seconds` is the cost of an evaluation, `accuracy` is maximised,
# and nasmeta adds the mean over seeds. Other metrics need `direction=`.

# %%
tasks = table.tasks("accuracy")
for task in tasks:
    best = space.to_string(int(task.optimal_architectures[0]))
    print(f"{task.name:26} best {task.optimum:5.1f} %  {best}  trained for {task.cost_seconds.sum():.1f} s")
pd.DataFrame({task.dataset: task.values for task in tasks}).corr("spearman").round(2)

# %% [markdown]
# ## Search
#
# Your own task works like any other task.

# %%
run = nm.search("gp", table.task("accuracy", "digits"), evaluations=15)
print(run)
print(space.to_string(run.best.architecture))

# %%
frame = nm.compare(["random", "evolution", "gp"], tasks, repeats=10, evaluations=12)
nm.analysis.plot_regret(frame, unit="percentage points of validation accuracy")

# %% [markdown]
# How much of this is noise? Two datasets have 89 and 285 validation rows, so one row is 1.1 and 0.35 points. Two seeds
# of one architecture also differ, and poor architectures differ most:

# %%
seeds = trained.pivot_table(index=[*CHOICES, "dataset"], columns="seed", values="accuracy")
(seeds.diff(axis=1)[1] / np.sqrt(2)).groupby("dataset").std().round(2).rename("standard deviation of a training")

# %% [markdown]
# ## As sources of meta-learning
#
# Each dataset is the target once, and the other two are the sources. A source on the target's dataset raises an error.

# %%
parts = []
for _, sources, target in tasks.splits():
    parts.append(
        nm.compare(["source-order", "rgpe", "multi-task-gp"], target, sources=sources, repeats=10, evaluations=12)
    )
both = pd.concat([frame[frame["searcher"] != "random"], *parts])
nm.analysis.plot_regret(both, unit="percentage points of validation accuracy")

# %%
summary = nm.analysis.summarise(both)
summary.pivot_table(index="searcher", columns="task", values="final_regret", sort=False).round(2)

# %% [markdown]
# Wide layers and the higher rate are good on all three datasets. Searchers with sources therefore start within two
# points of the best architecture, and searchers without sources 20 to 40 points below it. As in
# [notebook 2](2_meta_learning.ipynb), the mean order without a model works as well as the models. Tasks that agree
# less are harder.
#
# ## Two objectives
#
# The best trade-offs between accuracy and training time form the Pareto front:

# %%
both = nm.multi_objective_task(["accuracy", "train_seconds"], table=table, dataset="digits")
nm.search("nsga2", both, evaluations=30).plot()

# %% [markdown]
# ## A partial table
#
# If only some architectures are measured, a search proposes only these, and the results state it. Regret then refers
# to the best *measured* architecture.

# %%
some = trained.merge(grid.sample(30, random_state=1))
partial = nm.Table.from_frame(some, space=space, name="partial", split="valid", epochs=12)
task = partial.task("accuracy", "digits")
run = nm.search("gp", task, evaluations=15)
print(len(task.measured), "of", space.size, "measured ·", run.frame()["space"].iloc[0])

# %% [markdown]
# If at least 50 architectures are measured, a surrogate (`nm.surrogates.fit_surrogate`) predicts the missing values.
#
# ## Keep it
#
# `table.add()` stores the table in the cache folder. Afterwards, `nasmeta search gp perceptrons/digits` works in every
# process on this machine. On the command line, write `nasmeta data add trained.csv --name perceptrons …`
# ([how to](../docs/how-to/own-table.md)).

# %% [markdown]
# ## Exercises
#
# 1. Which single choice changes the mean accuracy on `digits` most?
# 2. Search `digits` for the best trade-off: the accuracy minus twice the logarithm of the training seconds.
# 3. Use the columns of one seed only. Does the best architecture of `wine` change between seed 0 and seed 1?
#
# The solutions follow.

# %% [markdown]
# ## Solutions
#
# **1.** Compare the range of the group means of each choice.

# %%
one = trained[trained["dataset"] == "digits"]
pd.Series({name: np.ptp(one.groupby(name)["accuracy"].mean()) for name in CHOICES}).round(1).sort_values()

# %% [markdown]
# **2.** `tradeoff-2` combines two metrics into one objective.

# %%
traded = table.task("accuracy", "digits").with_objective("tradeoff-2/train_seconds")
best = nm.search("evolution", traded, evaluations=30).best
print(space.to_string(best.architecture), round(best.value, 1))

# %% [markdown]
# **3.** Pass the seed to `table.task`.

# %%
for seed in (0, 1):
    single = table.task("accuracy", "wine", seed=seed)
    print(seed, space.to_string(int(single.optimal_architectures[0])), single.optimum)

# %% [markdown]
# **Next:** [6 · From the table to real training](6_real_training.ipynb).
