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
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/)
#
# In Colab choose *Upload* and this file.

# %%
# In Colab, or where nasmeta is not installed: take the first # away from the three lines below.
# # !git clone -q ADDRESS-OF-THE-REPOSITORY nasmeta
# # %pip install -q "./nasmeta[torch]"
# # %cd nasmeta/notebooks

# %% [markdown]
# # 5 · Your own table and space
#
# You have trained architectures on data of your own, or you are about to. This notebook makes a small table from real
# trainings, turns it into tasks, compares searchers on it, and uses it as a source for meta-learning. The networks
# are multilayer perceptrons of scikit-learn, so that all of it runs in a minute; nothing below asks what was trained.

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
warnings.filterwarnings("ignore", category=ConvergenceWarning)  # few epochs are meant

# %% [markdown]
# ## Train
#
# 48 architectures (width, depth, activation, learning rate) on three data sets, each with two seeds. Half of the
# images or patients train, half validate.

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
# The columns of choices become a search space. Choices that are all numbers are ordered, which kernels make use of.

# %%
space = nm.SearchSpace.from_frame(grid, columns=list(CHOICES), name="small-mlp")
print(space)
space.draw(17)

# %%
table = nm.Table.from_frame(trained, space=space, name="perceptrons", split="valid", epochs=12)
table

# %% [markdown]
# The rest follows from the names of the columns: `train_seconds` is what an evaluation costs, the mean over seeds is
# added, and `accuracy` is to be maximised. A metric that is not well known needs `direction=`.

# %%
tasks = table.tasks("accuracy")
for task in tasks:
    best = space.to_string(int(task.optimal_cells[0]))
    print(f"{task.name:26} best {task.optimum:5.1f} %  {best}  trained for {task.cost_seconds.sum():.1f} s")
pd.DataFrame({task.dataset: task.values for task in tasks}).corr("spearman").round(2)

# %% [markdown]
# ## Search
#
# A task of your own is a task like any other.

# %%
run = nm.search("gp", table.task("accuracy", "digits"), evaluations=15)
print(run)
print(space.to_string(run.best.cell))

# %%
frame = nm.compare(["random", "evolution", "gp"], tasks, repeats=10, evaluations=12)
nm.analysis.plot_regret(frame, unit="percentage points of validation accuracy")

# %% [markdown]
# How much of this is noise? Two data sets have 89 and 285 validation rows, so one row is 1.1 and 0.35 points. And two
# seeds of the same architecture differ, bad architectures most of all:

# %%
seeds = trained.pivot_table(index=[*CHOICES, "dataset"], columns="seed", values="accuracy")
(seeds.diff(axis=1)[1] / np.sqrt(2)).groupby("dataset").std().round(2).rename("standard deviation of a training")

# %% [markdown]
# ## As sources of meta-learning
#
# Each data set is the target once, and the other two are the sources. Give them by `sources`: a table of your own
# belongs to no family that the package knows, and a source that shares the target's data set is refused.

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
# What makes a perceptron good on one of these data sets makes it good on the others: wide layers and the higher rate.
# So the searchers that know the other two start within two points of the best, where those without sources start 20
# to 40 points below. As in [notebook 2](2_meta_learning.ipynb), a mean order without any model does as well as the
# models do. Try it on tasks of your own that agree less.
#
# ## A table with holes
#
# Nobody trains everything. Where only some architectures were measured, a search keeps to these, and the results say
# so. Regret then counts from the best *measured* one.

# %%
some = trained.merge(grid.sample(30, random_state=1))
partial = nm.Table.from_frame(some, space=space, name="partial", split="valid", epochs=12)
task = partial.task("accuracy", "digits")
run = nm.search("gp", task, evaluations=15)
print(len(task.measured), "of", space.size, "measured ·", run.frame()["space"].iloc[0])

# %% [markdown]
# A surrogate, `nm.surrogates.fit_surrogate`, fills holes with predictions where at least 50 different architectures
# were measured.
#
# ## Keep it
#
# `table.add()` puts the table into the store of the package. From then on `nasmeta search gp perceptrons/digits`
# works in every process on this machine. On the command line it is `nasmeta data add trained.csv --name perceptrons
# …` ([how to](../docs/how-to/own-table.md)).
#
# **Next:** [6 · From the table to real training](6_real_training.ipynb).
