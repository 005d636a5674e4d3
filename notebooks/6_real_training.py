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
# # 6 · From the table to real training
#
# A table answers in microseconds because somebody trained every cell before. For your own images nobody has. The
# package can train the networks itself: the benchmark's skeleton in PyTorch, with its own recipes, on a GPU or a CPU.
# This notebook goes the whole way on a small scale: search a table, train the pick, search *by* training, and verify
# picks against random cells.
#
# Small scale means: 1,797 digits of 8 × 8 pixels, networks with 8 channels and one cell a stage, 4 epochs, on a CPU.
# This shows how the parts work. It does not show which cell is best for digits, and says nothing about CIFAR-10. The
# same calls with `cifar10:PATH` and the recipe `nb201-200` train what the benchmark trained, which needs a GPU and
# hours for each cell.

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
folder = Path(tempfile.mkdtemp())  # journals and checkpoints; keep yours where it lasts

# %% [markdown]
# ## A search on the table
#
# With a journal, so that the run can be picked up later. The target is CIFAR-10, since that is what the table knows.

# %%
run = nm.search("gp", "nb201/cifar10", evaluations=40, journal=folder / "run.jsonl")
print(run)
nm.get_space("nb201").draw(run.best.cell)

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
# The network of a cell is a PyTorch module like any other.

# %%
network = CellNetwork(run.best.cell, n_classes=10, channels=8, cells_per_stage=1)
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")

# %% [markdown]
# ## One training
#
# `nm.train` keeps a record of each epoch. The seed gives the first weights, the order of the images and their
# augmentation.

# %%
result = nm.train(run.best.cell, digits, recipe, seed=0, device="cpu")
print(f"validation {result.valid_accuracy:.1f} %, test {result.test_accuracy:.1f} %, {result.train_seconds:.0f} s")
epochs = pd.DataFrame([asdict(epoch) for epoch in result.epochs]).assign(cell=result.cell, role="pick", seed=0)
nm.analysis.plot_training_curves(epochs)

# %% [markdown]
# ## A search by training
#
# The searcher does not know what answers. Instead of the table, a `TrainingEvaluator` trains each cell that is
# proposed, here for two epochs. Cells that are the same network are trained once, and a training that fails counts as
# 0 % and ends nothing.

# %%
evaluator = TrainingEvaluator("nb201/cifar10", digits, Recipe.load("tiny", epochs=2), device="cpu", isolated=False)
trained = nm.search("evolution", evaluator, evaluations=6, seed=1)
trained.frame()[["evaluation", "cell", "value", "cost_seconds"]].round(1)

# %% [markdown]
# There is no regret, since nobody knows the best cell. Six evaluations of two epochs are a demonstration, not a
# search. For a real one give the run a journal: a search that is killed goes on from it, and its trainings from their
# checkpoints.
#
# ## Verify
#
# Is the pick of a search better than a cell drawn at random, when both are trained here? `nm.verify` trains the best
# cells of finished runs, random cells as control, and the worst cell that the search met, and sets the results beside
# the table.

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
columns = ["cell", "role", "lookup", "measured", "measured_test", "parameters", "train_seconds"]
found.cells[columns].round(1)

# %%
found.plot()

# %%
nm.analysis.plot_cells(
    found.cells["cell"], [f"{one.role} {one.cell}: {one.measured:.0f} %" for one in found.cells.itertuples()]
)

# %% [markdown]
# The picks are ahead of the others, and a cell in which nothing reaches the output is at chance in both columns. But
# look at the worst cell of the search: 35 % on CIFAR-10, 90 % here. Digits hardly need convolutions in the cell, so a
# table of one data set does not simply carry over to another. And the figures are rough: one training each, and 143
# validation images, so that one image is 0.7 points.
#
# ## For real
#
# ```bash
# nasmeta search gp nb201/cifar10 --evaluations 100 --journal run.jsonl
# nasmeta verify run.jsonl --data cifar10:PATH --recipe nb201-12 --top 3 --repeats 2
# ```
#
# With the benchmark's own recipe and data, `verify` also says whether a trained mean lies within the band that the
# seeds of the table allow. `--data folder:PATH` takes your own images, one folder a class ([how
# to](../docs/how-to/training.md)). Figures of trainings on a GPU are not part of the reports yet.
