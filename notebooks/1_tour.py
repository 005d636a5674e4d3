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
# # 1 · A tour
#
# **Goals.** Read a table of trained networks, draw cells, run a search, compare three searchers with statistical
# tests, and search two objectives. **Run time:** about one minute on two cores. **Needs:** the core package.
#
# A tabular benchmark contains the results of networks that are already trained. An evaluation is a look-up of
# microseconds, so a search that took GPU days takes seconds. The table here is NAS-Bench-201: 15,625 cells, each
# trained on three datasets.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

import nasmeta as nm

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})

# %% [markdown]
# ## The table
#
# Each row is a cell. The first columns list the operation on each of the six edges; the others are measurements. The
# name of a measurement is its address: *dataset / metric / split / epochs / seed*. Accuracy is in percent, time in
# seconds.

# %%
table = nm.load_table("nb201")
table

# %%
frame = table.to_frame(dataset="cifar10")
accuracy = "accuracy/valid/200/mean"
frame.nlargest(3, accuracy).T

# %% [markdown]
# `mean` is the mean over the measured training seeds. Missing seeds are never imputed. The next cell counts the cells
# that have each seed.

# %%
seeds = [f"accuracy/valid/200/{seed}" for seed in (777, 888, 999)]
print(frame[seeds].notna().sum().to_string())
good = frame.nlargest(1000, accuracy)
deviation = (good[seeds[0]] - good[seeds[1]]).std() / np.sqrt(2)
print("standard deviation of a training, best 1,000 cells:", round(deviation, 2))

# %% [markdown]
# Two trainings of one cell differ as much as the best cells differ from each other. The *best cell of the table* is
# therefore one of many cells of nearly equal quality.

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
# Left: most cells are good, and a few hundred are at chance level (10 % on CIFAR-10). Right: larger networks are
# usually better, but networks of the same size differ by several points.

# %% [markdown]
# ## Cells
#
# An architecture is an integer: its index in the benchmark's official order. `to_string` and `draw` show it.

# %%
space = nm.get_space("nb201")
print(space.to_string(6111))
space.draw(6111)

# %% [markdown]
# The next figure shows the best cell, the median cell, and a cell without a path to the output. Grey, dashed edges do
# not reach the output; edges with the operation `none` are not drawn.

# %%
ranked = np.argsort(-frame[accuracy].to_numpy(), kind="stable")
shown = [int(ranked[0]), int(ranked[len(ranked) // 2]), int(ranked[-1])]
nm.spaces.plot_cells(shown, [f"cell {cell}: {frame[accuracy][cell]:.1f} %" for cell in shown])

# %% [markdown]
# Some cells compute the same function: an edge behind `none` has no effect, and two branches can be swapped. These
# *isomorphic* cells were trained separately, so their values differ slightly. `canonical` returns one representative
# per class. Testing a predictor on a cell that is isomorphic to a training cell leaks information.

# %%
representatives = space.canonical(np.arange(space.size))
print(f"{space.size:,} cells, {len(np.unique(representatives)):,} different networks")

# %% [markdown]
# ## A search
#
# A **task** names the values that a searcher observes: here the CIFAR-10 validation accuracy. Searchers never observe
# test values. `gp` is Bayesian optimisation with a Gaussian process over all cells of the space.

# %%
task = nm.get_task("nb201/cifar10")
run = nm.search("gp", task, evaluations=50, seed=0)
run

# %%
history = run.frame()
history.loc[history["incumbent_value"].diff() != 0, ["evaluation", "cell", "value", "regret"]]

# %% [markdown]
# Each row is an improvement. `regret` is the distance to the best cell of the table in percentage points. It is known
# because the table contains every cell.

# %% [markdown]
# ## A comparison
#
# Searchers are random, so one run shows little. Repeat $r$ of each searcher has seed $r$; `nm.search(..., seed=r)`
# repeats it alone.

# %%
frame = nm.compare(["random", "evolution", "gp"], "nb201", repeats=8, evaluations=60)
nm.analysis.plot_regret(frame)

# %% [markdown]
# Lines are means over eight runs, and bands are 95 % bootstrap intervals of the mean. Both axes are logarithmic. A
# curve at the bottom line found the best cell in every run.
#
# Trainings differ in length, so the order of searchers may change on the axis of simulated training time:

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
# Read this comparison with care. The kernel of `gp` was chosen on these three tasks, so its curve is not evidence for
# a new search space. Eight runs give wide intervals; a paper needs thirty or more. Regret also includes differences
# that are smaller than the noise between two trainings.

# %% [markdown]
# ## Two objectives
#
# A task may have several objectives. The goal is then the Pareto front: all cells that no other cell beats in every
# objective. The next search trades accuracy against the training time of a cell.

# %%
both = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
front_run = nm.search("ehvi", both, evaluations=60, seed=0)
front_run.plot()

# %% [markdown]
# `hypervolumes` measures progress, in percent of the true front's hypervolume. `ehvi` models both objectives, and
# random search is the baseline.

# %%
frames = {name: nm.search(name, both, evaluations=60, seed=0).hypervolumes for name in ("random", "nsga2", "ehvi")}
{name: round(float(values[-1]), 1) for name, values in frames.items()}

# %% [markdown]
# ## Exercises
#
# 1. Which operation is most frequent in the best 100 cells of CIFAR-10?
# 2. How many evaluations does `local-search` need until its regret is below 0.5 points, with seed 0?
# 3. Which rank does the cell that `gp` selected on CIFAR-10 have on CIFAR-100?
#
# The solutions follow.

# %% [markdown]
# ## Solutions
#
# **1.** Count the choices in the columns of operations.

# %%
edges = table.to_frame(dataset="cifar10").nlargest(100, accuracy).iloc[:, :6]
edges.stack().value_counts()

# %% [markdown]
# **2.** The column `regret` of the run's frame decreases; take its first value below 0.5.

# %%
local = nm.search("local-search", task, evaluations=200, seed=0).frame()
int(local.loc[local["regret"] < 0.5, "evaluation"].min())

# %% [markdown]
# **3.** Look the cell up on the other dataset and compute its rank.

# %%
other = nm.get_task("nb201/cifar100").values
print("rank on CIFAR-100:", int((other > other[run.best.architecture]).sum()) + 1)

# %% [markdown]
# **Next:** [2 · Meta-learning in three modules](2_meta_learning.ipynb).
