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
# # 8 · Language models: learning rate and batch size across scales
#
# **Goals.** See how the loss of a language model depends on learning rate and batch size, and transfer good settings
# from small trainings to the largest one. **Run time:** about one minute on two cores. **Needs:** a network, or
# `NASMETA_MIRROR`.
#
# `step-law` contains 2,819 real pre-trainings. A task is one pair of parameters and tokens, such as `1.07b-100b`.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import nasmeta as nm

plt.rcParams.update({"figure.dpi": 90, "font.size": 9})
nm.tables.fetch("step-law")
tasks = nm.task_distribution("step-law/dense")
print(len(tasks), "densely measured tasks; the largest:", tasks[-1].name)

# %% [markdown]
# ## The landscape
#
# Excess loss over the best setting of the task. White settings were not trained.


# %%
def landscape(task):
    rows = task.space.to_frame().loc[task.measured].assign(excess=task.values[task.measured] - task.optimum)
    return rows.pivot(index="batch_size", columns="learning_rate", values="excess").sort_index(ascending=False)


figure, panels = plt.subplots(1, 2, figsize=(7.3, 3), layout="constrained")
for panel, name in zip(panels, ["step-law/215m-100b", "step-law/1.07b-100b"], strict=True):
    grid = landscape(nm.get_task(name))
    picture = panel.imshow(grid, cmap="viridis_r", vmin=0, vmax=0.1, aspect="auto")
    panel.set_xticks(range(grid.shape[1]), [f"{rate:.1e}" for rate in grid.columns], rotation=90)
    panel.set_yticks(range(grid.shape[0]), grid.index)
    panel.plot(*np.argwhere(grid.to_numpy() == 0)[0][::-1], "r*", markersize=12)
    panel.set(title=name, xlabel="learning rate", ylabel="batch size")
figure.colorbar(picture, ax=panels, label="excess loss (nats), up to 0.1")
plt.show()

# %% [markdown]
# The best setting moves with the scale. Over the tasks, the best learning rate is lower for models with more
# parameters, and the best batch size is larger for trainings with more tokens. Rank correlations:


# %%
def scale_and_best(task):
    return {**task.scale, **task.space.choices(int(task.optimal_architectures[0]))}


best = pd.DataFrame(map(scale_and_best, tasks))
best.corr("spearman").loc[["parameters", "tokens"], ["learning_rate", "batch_size"]].round(2)

# %% [markdown]
# ## Transfer to the largest training
#
# `gp` starts without sources. `meta` learns from the 36 tasks with other numbers of parameters; the target's size is
# held out. Tasks know their scale, so the labels of the sources are first moved to the target's scale along a power law
# (`nasmeta.tasks.at_scale`).

# %%
target = nm.get_task("step-law/1.07b-100b")
sources = nm.tasks.default_sources(target)
print(len(sources), "sources; held out:", target.held_out)

# %%
frame = nm.compare(["random", "gp", "meta"], target, repeats=10, evaluations=30)
nm.analysis.plot_regret(frame)


# %%
def evaluations_until(frame, nats=0.002):
    near = frame[frame["regret"] <= nats].groupby(["searcher", "seed"], observed=True)["evaluation"].min()
    return near.unstack("seed").T.describe().loc[["count", "min", "50%", "max"]]


evaluations_until(frame)

# %% [markdown]
# Evaluations until a loss within 0.002 nats of the best: number of successful runs, minimum, median and maximum.
# [The report](../reports/scales/README.md) has all 17 targets and compares a power law.
#
# On the command line:
#
# ```text
# nasmeta data fetch step-law
# nasmeta compare --searchers random,gp,meta --tasks step-law/1.07b-100b --repeats 10 --evaluations 30
# ```

# %% [markdown]
# ## Exercise
#
# Choose a target whose sources are smaller *and* larger. Does `meta` need fewer evaluations than `gp`?

# %% [markdown]
# ## Solution

# %%
middle = nm.compare(["random", "gp", "meta"], "step-law/429m-22.7b", repeats=10, evaluations=30)
evaluations_until(middle)
