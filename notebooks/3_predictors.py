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
# # 3 · Predictors, surrogates, few labels
#
# A predictor estimates the performance of architectures that nobody has trained. This notebook asks how well that
# works from few labels, why a careless test makes it look better than it is, what labels of other tasks add, and what
# a surrogate is.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS
from nasmeta.predictors import isomorph_split, make_encoder, make_predictor, normal_scores

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})

# %% [markdown]
# ## A predictor
#
# A predictor is a scikit-learn regressor behind an encoder, which turns an architecture into numbers.

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
# Kendall's tau is the share of pairs of cells that are ordered correctly minus the share of those that are not. 0 is
# chance, 1 is perfect. A search needs the order, not the accuracy in percent, so this is the figure to look at.
#
# ## Twins
#
# The 15,625 cells are 6,466 different networks. A random split puts twins of training cells into the test set. A
# model that memorises is paid for it. The benchmark reports three scopes: all cells, those that gave no label, and
# those of which no twin gave a label.

# %%
found = nm.predict(["ridge", "gp", "xgboost", "nwot"], task, sizes=[10, 30, 100, 300], target="valid", draws=4)
summary = found.summary
summary[summary["n_train"] == 300].pivot_table(index="predictor", columns="scope", values="kendall_tau").round(3)

# %%
nm.analysis.plot_predictions(found.frame)

# %% [markdown]
# `nwot` is a zero-cost proxy: it looks at the untrained network and needs no label at all. With 10 labels it beats
# every fitted model here. The distance between the panels is what memorising twins is worth; it grows with the number
# of labels.
#
# Does a predictor know how sure it is? The next picture compares the stated probability of an interval with how often
# it holds the value.

# %%
nm.analysis.plot_calibration(found.frame[found.frame["predictor"].isin(["ridge", "gp"])])

# %% [markdown]
# Above the diagonal a predictor is too cautious: the intervals of `gp` hold more values than they claim. That is
# harmless for the order, and makes a search explore more than it would have to.

# %% [markdown]
# ## Few labels, and other tasks
#
# Suppose that CIFAR-10 and ImageNet16-120 have been measured, and CIFAR-100 is new. A **meta-predictor** learns on
# the two and adapts to a few labels of the third. The row that papers tend to leave out is the first one: **zero
# labels, the prior alone**. A gain from 20 labels is the difference to that row, not to a model that starts from
# nothing.
#
# Two situations: the sources are known completely, or only 100 cells of each are.

# %%
sources, _ = nm.task_distribution("nb201").leave_out("cifar100")
few_sources = sources.as_sources(100, np.random.default_rng(0))


def source_order(sources):
    """Return the mean normal score of each cell on the sources; cells without a label get 0, the middle."""
    total, count = np.zeros(15625), np.zeros(15625)
    for source in sources:
        total[source.cells] += normal_scores(source.utilities)
        count[source.cells] += 1
    return total / np.maximum(count, 1)


orders = {
    "source order, all labels": source_order(sources.as_sources()),
    "source order, 100 labels": source_order(few_sources),
}
learners = {
    "meta-linear, all labels": META_PREDICTORS["meta-linear"]("nb201").meta_fit(sources),
    "meta-linear, 100 labels": META_PREDICTORS["meta-linear"]("nb201").meta_fit(few_sources),
    "meta-dkl, 100 labels": META_PREDICTORS["meta-dkl"]("nb201").meta_fit(few_sources),
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
ax.set(xlabel="labels of CIFAR-100 (0: prior alone)", ylabel="Kendall's tau, no twin labelled", xticks=range(len(line)))
ax.set_xticklabels(line.index)
figure.legend(loc="outside right center", frameon=False)
plt.show()

# %% [markdown]
# With fully known sources the prior alone is at .877, the plain mean of the sources is as good, and 100 labels of the
# target add .008. (The lines of the two source orders move a little because the cells that are scored change: twins
# of labelled cells are left out.) With 100 labels of each source the prior is at .754. It takes a model without
# sources between 50 and 100 labels of the target to get there, and here adapting adds .05: about as much as it has to
# offer on sister tasks.
#
# A claim such as "tau .805 from 100 labels" is true, and says little without the .754 beside it.
#
# ## A surrogate
#
# A surrogate is a predictor that is kept as a benchmark of its own. It answers for every cell from a small file, also
# where a table has holes. The shipped one for CIFAR-100 was fitted to at most 80 % of the cells, and knows which.

# %%
surrogate = nm.surrogates.Surrogate.load("nb201/cifar100")
held_out = ~surrogate.trained
print(
    {name: round(value, 3) for name, value in surrogate.card["scores"]["held out"].items() if isinstance(value, float)}
)

figure, ax = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
shown = ax.hexbin(task.values[held_out], surrogate.values[held_out], gridsize=45, bins="log", cmap="Blues", mincnt=1)
ax.axline((10, 10), slope=1, color="black", linewidth=0.6)
ax.set(xlabel="table (%)", ylabel="surrogate (%)", title=f"{held_out.sum():,} cells that it has not seen")
figure.colorbar(shown, label="cells")
plt.show()

# %% [markdown]
# A searcher can run on it by changing one word. Its regret is then that of the surrogate, so look its pick up in the
# table.

# %%
run = nm.search("gp", task, evaluator="surrogate", evaluations=40)
pick = run.best.cell
print(f"the surrogate says {run.best.value:.2f} %, the table {task.values[pick]:.2f} %")
print(f"the best cell of the table has {task.optimum:.2f} %")

# %% [markdown]
# How many labels does a surrogate need? This fits two, to 2 % and to 10 % of the cells. `tau` is on cells of which no
# twin was trained on.

# %%
for fraction in (0.02, 0.1):
    small = nm.surrogates.fit_surrogate(task, train_fraction=fraction, steps=20)
    scores = small.card["scores"]["held out"]
    print(f"{small.trained.sum():5,} labels: tau {scores['tau']:.3f}")

# %% [markdown]
# A surrogate smooths the noise of single trainings away. A searcher that looks good on a surrogate should be tried on
# a table before anybody believes it.
#
# **Next:** [4 · The table of the NAS-Bench-201 paper](4_published_table.ipynb).
