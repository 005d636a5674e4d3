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
# # 6 · From the table to real training
#
# **Goals.** Train the cell that a search selected, search *by* training, and verify selected cells against random
# cells. **Run time:** about one minute on two cores. **Needs:** `torch`.
#
# For your own images, no table exists. The package can train the networks: the benchmark's skeleton in PyTorch, with
# several recipes, on a GPU or a CPU. This notebook uses 1,797 digits of 8 × 8 pixels, networks with 8 channels and one
# cell per stage, and 4 epochs on a CPU. It shows the steps; the results do not transfer to CIFAR-10. The same calls
# with `cifar10:PATH` and the recipe `nb201-200` repeat the benchmark's trainings, which take hours per cell on a GPU.

# %%
# %matplotlib inline
import tempfile
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import nasmeta as nm
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.training import CellNetwork, ImageDataset, Recipe

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})
folder = Path(tempfile.mkdtemp())  # journals and checkpoints; use a permanent folder for your own runs

# %% [markdown]
# ## A search on the table
#
# The journal lets a later call resume the run. The target is CIFAR-10.

# %%
run = nm.search("gp", "nb201/cifar10", evaluations=40, journal=folder / "run.jsonl")
print(run)
nm.get_space("nb201").draw(run.best.architecture)

# %% [markdown]
# ## Data and recipe

# %%
digits = ImageDataset.load("digits")
print({name: len(images) for name, images in digits.splits.items()}, digits.image_size, "pixels")
recipe = Recipe.load("tiny", epochs=4)
print(recipe)

figure, axes = plt.subplots(1, 10, figsize=(6, 0.7))
for ax, image, label in zip(axes, digits.images, digits.labels, strict=False):
    ax.imshow(image[0], cmap="gray_r")
    ax.set_title(label, fontsize=7)
    ax.axis("off")
plt.show()

# %% [markdown]
# The network of a cell is a PyTorch module.

# %%
network = CellNetwork(run.best.architecture, n_classes=10, channels=8, cells_per_stage=1)
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")

# %% [markdown]
# ## One training
#
# `nm.train` records each epoch. The seed determines the initial weights, the order of the images and their
# augmentation.

# %%
result = nm.train(run.best.architecture, digits, recipe, seed=0, device="cpu")
print(f"validation {result.valid_accuracy:.1f} %, test {result.test_accuracy:.1f} %, {result.train_seconds:.0f} s")
epochs = pd.DataFrame([asdict(epoch) for epoch in result.epochs]).assign(cell=result.cell, role="pick", seed=0)
nm.verification.plot_training_curves(epochs)

# %% [markdown]
# ## A search by training
#
# A `TrainingEvaluator` replaces the table: it trains each proposed cell, here for two epochs. Isomorphic cells are
# trained once. A training that fails has the value 0, and the search continues.

# %%
evaluator = TrainingEvaluator("nb201/cifar10", digits, Recipe.load("tiny", epochs=2), device="cpu", isolated=False)
trained = nm.search("evolution", evaluator, evaluations=6, seed=1)
trained.frame()[["evaluation", "cell", "value", "cost_seconds"]].round(1)

# %% [markdown]
# Regret is missing because the best cell is unknown. Six evaluations of two epochs are only a demonstration. A real
# search needs a journal: after an interruption, the search resumes from it, and trainings from their checkpoints.
#
# ## Verify
#
# Is the selected cell better than a random cell when both are trained here? `nm.verify` trains the best cells of
# finished runs, random control cells, and the worst cell of the search. It compares the results with the table.

# %%
found = nm.verify(
    [folder / "run.jsonl"],
    digits,
    recipe,
    folder=folder / "verification",
    top=2,
    controls=2,
    worst=1,
    seeds=1,
    device="cpu",
    isolated=False,
)
columns = ["cell", "role", "lookup", "trained", "trained_test", "parameters", "train_seconds"]
found.architectures[columns].round(1)

# %%
found.plot()

# %%
nm.spaces.plot_cells(
    found.architectures["cell"],
    [f"{one.role} {one.cell}: {one.trained:.0f} %" for one in found.architectures.itertuples()],
)

# %% [markdown]
# Compare the worst cell of the search in both columns: digits hardly need convolutions in the cell, so a table of one
# dataset does not simply transfer to another. The values are rough: one training per cell, and 143 validation images,
# so one image is 0.7 points.
#
# ## For real
#
# ```bash
# nasmeta search gp nb201/cifar10 --evaluations 100 --journal run.jsonl
# nasmeta verify run.jsonl --data cifar10:PATH --recipe nb201-12 --top 3 --seeds 2
# ```
#
# With the benchmark's recipe and data, `verify` also reports whether a trained mean lies within the range of the
# table's seeds. `--data folder:PATH` loads your own images, one folder per class
# ([how to](../docs/how-to/training.md)).

# %% [markdown]
# ## Exercises
#
# 1. How does the number of parameters change from 8 to 16 channels?
# 2. Train the same cell with seed 1. By how many points do the two validation accuracies differ?
# 3. Which trained cells are on the Pareto front of measured accuracy and parameters?
#
# The solutions follow.

# %% [markdown]
# ## Solutions
#
# **1.** Build both networks and count.

# %%
for channels in (8, 16):
    wide = CellNetwork(run.best.architecture, n_classes=10, channels=channels, cells_per_stage=1)
    print(channels, f"{sum(p.numel() for p in wide.parameters()):,}")

# %% [markdown]
# **2.** Only the seed changes.

# %%
again = nm.train(run.best.architecture, digits, recipe, seed=1, device="cpu")
print(f"{abs(again.valid_accuracy - result.valid_accuracy):.1f} points")

# %% [markdown]
# **3.** A cell is on the front if no other cell is at least as good in both and better in one.

# %%
from nasmeta.tasks import pareto_front

front = pareto_front(found.architectures[["trained", "parameters"]], ["max", "min"])
found.architectures.iloc[front][["cell", "role", "trained", "parameters"]].round(1)
