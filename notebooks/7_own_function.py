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
# # 7 · Your own function
#
# **Goals.** Tune a scikit-learn pipeline over ranges and conditions, and compare searchers on it. **Run time:** about
# one minute on two cores. **Needs:** the core package.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

import nasmeta as nm

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})
images, digits = load_digits(return_X_y=True)
images, digits = images[:500], digits[:500]

# %% [markdown]
# ## Search in ten lines
#
# A `Range` is linear or logarithmic. `gamma` is active only for two of the kernels, and `degree` for one.

# %%
SPACE = nm.SearchSpace(
    "svm",
    {
        "scaler": ["standard", "min-max"],
        "C": nm.Range(1e-3, 1e3, log=True),
        "kernel": ["linear", "rbf", "poly"],
        "gamma": nm.Range(1e-6, 10.0, log=True),
        "degree": nm.Range(2, 5),
    },
    conditions={"gamma": {"kernel": ["rbf", "poly"]}, "degree": {"kernel": ["poly"]}},
)


def accuracy(choices):
    settings = dict(choices)
    scaler = StandardScaler() if settings.pop("scaler") == "standard" else MinMaxScaler()
    return 100 * cross_val_score(make_pipeline(scaler, SVC(**settings)), images, digits, cv=3).mean()


run = nm.search("gp", SPACE, evaluator=accuracy, evaluations=30, seed=0)
print(f"{run.best.value:.2f} %", SPACE.choices(run.best.architecture))

# %% [markdown]
# The function receives only the active positions, and passes most of them to `SVC`. A space with more than
# 131,072 combinations, such as this one, is not enumerated:

# %%
SPACE

# %%
run.plot()

# %% [markdown]
# ## Compare searchers
#
# Each searcher runs five times. Five runs are few: the intervals show how much they differ.

# %%
evaluator = nm.evaluators.FunctionEvaluator(accuracy, SPACE, metric="accuracy")
frame = nm.compare(["random", "gp"], evaluator, repeats=5, evaluations=30)
nm.analysis.plot_regret(frame, unit="accuracy (%)")

# %%
best = frame.groupby(["searcher", "seed"], observed=True)["value"].max().unstack("seed")
best.assign(mean=best.mean(axis=1)).round(2)

# %% [markdown]
# On the command line, name the space and the function:
#
# ```text
# nasmeta search gp --space my_package.svm:SPACE --evaluator my_package.svm:accuracy --evaluations 30
# ```

# %% [markdown]
# ## Exercise
#
# Let `accuracy` raise `nasmeta.errors.EvaluationFailed` for `C > 100`. How many evaluations of `gp` fail?

# %% [markdown]
# ## Solution


# %%
def limited(choices):
    if choices["C"] > 100:
        raise nm.errors.EvaluationFailed("too slow")
    return accuracy(choices)


run = nm.search("gp", SPACE, evaluator=limited, evaluations=30, seed=0)
print(len(run.failures), "evaluations failed; best", round(run.best.value, 2))
