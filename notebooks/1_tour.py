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
# # 1 · A tour
#
# A tabular benchmark holds the results of networks that somebody has already trained. With it, evaluating an
# architecture is a look-up of microseconds, and a search that took GPU days takes seconds. This notebook looks at
# such a table, draws some of its cells, runs a first search, and compares three searchers.
#
# The table is NAS-Bench-201: 15,625 cells, each trained on three data sets. It comes with the package.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

import nasmeta as nm

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})

# %% [markdown]
# ## The table
#
# A row is a cell. The first columns say its operation on each of the six edges, the others are measurements. The name
# of a measurement is its address: *data set / metric / split / epochs / seed*. Accuracy is in percent, time in
# seconds.

# %%
table = nm.load_table("nb201")
table

# %%
frame = table.to_frame(dataset="cifar10")
accuracy = "accuracy/valid/200/mean"
frame.nlargest(3, accuracy).T

# %% [markdown]
# `mean` is the mean over the training seeds that were measured. A seed that nobody trained is missing, not guessed:
# the table below counts how many cells have each of them.

# %%
seeds = [f"accuracy/valid/200/{seed}" for seed in (777, 888, 999)]
print(frame[seeds].notna().sum().to_string())
good = frame.nlargest(1000, accuracy)
deviation = (good[seeds[0]] - good[seeds[1]]).std() / np.sqrt(2)
print("standard deviation of a training, best 1,000 cells:", round(deviation, 2))

# %% [markdown]
# The last number matters for everything that follows. Two trainings of the same cell differ as much as the best cells
# do from each other, so the *best cell of the table* is one of many that cannot be told apart.

# %%
best = frame[accuracy].max()
close = int((frame[accuracy] > best - 0.3).sum())
print(f"best cell: {best:.2f} %, cells within 0.3 points of it: {close}")

figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 2.9), layout="constrained")
for task in nm.task_distribution("nb201"):
    left.hist(task.values, bins=np.arange(0, 101, 1.5), histtype="step", label=task.dataset)
left.set(xlabel="validation accuracy (%)", ylabel="cells", yscale="log")
left.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
right.scatter(frame["parameters/-/-/777"] / 1e6, frame[accuracy], s=3, alpha=0.25, linewidths=0)
right.set(xlabel="parameters (millions)", ylabel="CIFAR-10 validation accuracy (%)", ylim=(75, 92.5))
plt.show()

# %% [markdown]
# Left: most cells are good, and a few hundred did not learn at all (10 % is chance on CIFAR-10). Right: larger
# networks are better in general, but networks of the same size differ by several points.

# %% [markdown]
# ## Cells
#
# Inside, an architecture is an integer, its index in the benchmark's own order. At the border it is a string.

# %%
space = nm.get_space("nb201")
print(space.to_string(6111))
space.draw(6111)

# %% [markdown]
# The best cell, the median one, and one in which nothing reaches the output. A grey, dashed edge carries nothing to
# the output; an edge with the operation `none` is not drawn.

# %%
ranked = np.argsort(-frame[accuracy].to_numpy())
shown = [int(ranked[0]), int(ranked[len(ranked) // 2]), int(ranked[-1])]
nm.analysis.plot_cells(shown, [f"cell {cell}: {frame[accuracy][cell]:.1f} %" for cell in shown])

# %% [markdown]
# Several cells are the same network: an edge behind `none` does not matter, and two branches can be exchanged. They
# were trained separately all the same, so the table has a slightly different value for each. `canonical` names one
# representative of each class. A predictor that is tested on a twin of a training cell has seen the answer.

# %%
representatives = space.canonical(np.arange(space.size))
print(f"{space.size:,} cells, {len(np.unique(representatives)):,} different networks")

# %% [markdown]
# ## A search
#
# A **task** says what a searcher sees: here the CIFAR-10 validation accuracy. It never sees a test value. `gp` is
# Bayesian optimisation with a Gaussian process over all cells of the space.

# %%
task = nm.get_task("nb201/cifar10")
run = nm.search("gp", task, evaluations=50, seed=0)
run

# %%
history = run.frame()
history.loc[history["incumbent_value"].diff() != 0, ["evaluation", "cell", "value", "regret"]]

# %% [markdown]
# Each row is an improvement. `regret` is the distance from the best cell of the table in percentage points. It can be
# calculated only because the table knows every cell.

# %% [markdown]
# ## A comparison
#
# One run says little, since searchers are random. Repeat $r$ of each searcher has seed $r$, and any of these runs can
# be repeated alone with `nm.search(..., seed=r)`.

# %%
frame = nm.compare(["random", "evolution", "gp"], "nb201", repeats=8, evaluations=60)
nm.analysis.plot_regret(frame)

# %% [markdown]
# Lines are means over eight runs, bands are 95 % bootstrap intervals of the mean. Both axes are logarithmic. A curve
# that reaches the bottom line has found the best cell in every run.
#
# Trainings do not all take equally long. On the other axis, simulated training time, the order of searchers could
# change:

# %%
nm.analysis.plot_regret(frame, x="simulated_seconds", tasks=["nb201/cifar10"])

# %%
summary = nm.analysis.summarise(frame)
summary[["task", "searcher", "runs", "final_regret", "final_regret_low", "final_regret_high"]].round(3)

# %% [markdown]
# Is the difference larger than chance? `paired_tests` compares the runs of equal seeds, with Holm's correction for
# the number of tests.

# %%
tests = nm.analysis.paired_tests(frame)
tests[["task", "searcher", "other", "difference", "difference_low", "difference_high", "p_holm"]].round(4)

# %% [markdown]
# What this comparison does *not* say: the kernel of `gp` was chosen with these three tasks in sight, so its curve is
# no evidence for a new search space. Eight runs give wide intervals; a paper needs thirty or more. And regret counts
# differences that are smaller than the noise between two trainings.
#
# **Next:** [2 · Meta-learning in three modules](2_meta_learning.ipynb) learns from two data sets how to search the
# third.
