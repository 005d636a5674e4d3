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
# # 2 · Meta-learning in three modules
#
# **Goals.** Sample tasks without leakage, meta-train a search network and a prediction network, adapt both on a new
# task, and compare them with baselines. **Run time:** about two minutes on two cores. **Needs:** `torch`.
#
# Can a search on one dataset profit from results on two others? This notebook uses three modules in plain PyTorch, so
# you can change every line:
#
# 1. **Task sampling** draws tasks, and for each task labels for adaptation (*support*) and for evaluation (*query*).
# 2. **Meta-training** learns a search network, which proposes cells, and a prediction network, which screens them.
# 3. **Adaptation** fits both to the values that a search on a new task has observed so far.
#
# The networks are small on purpose. They are a starting point, not the best method of the package.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau
from torch import nn

import nasmeta as nm
from nasmeta.searchers import MetaSearcher
from nasmeta.tasks import Augmentation, EpisodeSampler, normal_scores

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})
torch.set_num_threads(1)

# %% [markdown]
# ## Module 1: task sampling
#
# Here each task is a dataset of NAS-Bench-201. `leave_out` removes one dataset and all its measurements. The target is
# CIFAR-100 first, and each of the three datasets in turn at the end.

# %%
tasks = nm.task_distribution("nb201")
sources, target = tasks.leave_out("cifar100")
target = target[0]
space = target.space
print("sources:", sources.names, "· target:", target.name)

# %%
scores = pd.DataFrame({task.name: task.values for task in tasks})
scores.corr("spearman").round(3)

# %% [markdown]
# The three tasks rank the cells almost equally. Meta-learning on this benchmark therefore mostly learns *which cells
# are good everywhere*. On tasks that disagree, such as those of TransNAS-Bench-101, the same methods gain less and can
# harm.
#
# Two source tasks are few. The sampler creates more tasks by mixing sources with random weights. Labels are normal
# scores of ranks, so tasks with different units can be mixed: 0 is the median cell, and 2 is better than 97.7 % of the
# cells.

# %%
sampler = EpisodeSampler(sources, support=(1, 50), query=100, augment=Augmentation(mixture=0.5, noise=0.1))
episode = sampler.sample(np.random.default_rng(0))
print(
    episode.sources,
    "·",
    len(episode.support_architectures),
    "support cells,",
    len(episode.query_architectures),
    "query cells",
)

# %% [markdown]
# ## Module 2: meta-training
#
# ### The bilevel problem
#
# Let $\theta$ be the parameters that all tasks share, and $w$ the parameters of one task. Meta-training solves
#
# $$\min_\theta\; \sum_{T} L_{\text{query}}\big(\theta, w_T(\theta)\big) \quad\text{where}\quad w_T(\theta) =
# \arg\min_w\; L_{\text{support}}(\theta, w) + \lambda \lVert w \rVert^2 .$$
#
# The inner problem adapts to a few labels of a new task. The outer problem finds a $\theta$ from which adaptation
# works well. MAML solves the inner problem by gradient descent and differentiates through its steps. Here the inner
# problem is a ridge regression. It has a closed solution, which PyTorch differentiates exactly, so an inner loop is
# not needed.
#
# ### The prediction network
#
# $\theta$ consists of a network that maps a cell to 32 features, a head $w_0$ that predicts *without target labels*,
# and $\lambda$. The adapted head is $w_0 + w_T$. As a Bayesian linear regression, the same algebra provides an
# uncertainty.

# %%
ONE_HOT = torch.tensor(np.concatenate([space.codes == c for c in range(5)], axis=1), dtype=torch.float32)  # (15625, 30)


class PredictionNetwork(nn.Module):
    """Features of a cell, shared by all tasks, and a linear head, adapted to each task."""

    def __init__(self, width=64, n_features=32):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(ONE_HOT.shape[1], width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, n_features),
        )
        self.head = nn.Linear(n_features, 1)
        self.log_ridge = nn.Parameter(torch.zeros(()))

    def forward(self, x, support_x=None, support_y=None):
        """Return mean and deviation of the scores; without support, those of the prior."""
        h = self.features(x)
        mean, variance = self.head(h).squeeze(-1), (h**2).sum(-1)
        if support_x is not None:
            s = self.features(support_x)
            ridge = self.log_ridge.exp()
            gram = s @ s.T + ridge * torch.eye(len(s))
            solved = torch.linalg.solve(gram, s @ h.T)  # the inner problem
            mean = mean + solved.T @ (support_y - self.head(s).squeeze(-1))
            variance = variance - (solved * (s @ h.T)).sum(0)
        return mean, variance.clamp_min(1e-6).sqrt()


# %% [markdown]
# ### The search network
#
# The search network is a policy. Its inputs are the best cell so far and the number of evaluated cells; its outputs
# are probabilities of each operation on each of the six edges. REINFORCE trains it: of 64 proposed cells, those with a
# score above the mean become more likely. An entropy bonus preserves diversity.


# %%
class SearchNetwork(nn.Module):
    """Propose cells, given the best cell so far (zeros if there is none) and the logarithm of their number."""

    def __init__(self, width=64):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(ONE_HOT.shape[1] + 1, width), nn.ReLU(), nn.Linear(width, 6 * 5))

    def forward(self, best, evaluated):
        x = torch.zeros(len(best), ONE_HOT.shape[1] + 1)
        x[best >= 0, :-1] = ONE_HOT[best[best >= 0]]
        x[:, -1] = torch.log1p(evaluated) / 4
        return torch.distributions.Categorical(logits=self.layers(x).reshape(-1, 6, 5))


PLACES = torch.tensor(space.place_values)
CELL_OF = torch.tensor(space.find(np.arange(space.size)))  # from the number that the operations spell to the cell


def cells_of(codes):
    """Return the cells with these operations, shape (..., 6)."""
    return CELL_OF[(codes * PLACES).sum(-1)]


# %% [markdown]
# ### The outer loop
#
# Each step uses one of forty sampled tasks. The prediction network adapts to four support sets of 1 to 50 cells and is
# evaluated on other cells. The search network proposes cells at 32 stages of a search, after 0 to 53 random
# evaluations. If a source has no label for a proposal, the prediction network provides one.


# %%
def meta_train(sources, steps=250, seed=0, log=None):
    """Return a search network and a prediction network that were trained on source tasks."""
    rng = np.random.default_rng(seed)
    sampler = EpisodeSampler(sources, support=(1, 50), query=50, augment=Augmentation(mixture=0.5, noise=0.1))
    pool = [sampler.full_task(rng) for _ in range(40)]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        predict, search = PredictionNetwork(), SearchNetwork()
        optimiser = torch.optim.Adam([*predict.parameters(), *search.parameters()], lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
        for _ in range(steps):
            cells, labels = pool[rng.integers(len(pool))]
            x, y = ONE_HOT[cells], torch.tensor(labels, dtype=torch.float32)

            outer = 0.0  # of the prediction network: query loss after adapting to the support
            for _ in range(4):
                shuffled = torch.randperm(len(cells))
                n = int(50 ** rng.random())
                support, query = shuffled[:n], shuffled[n : n + 100]
                mean, _ = predict(x[query], x[support], y[support])
                outer = outer + ((mean - y[query]) ** 2).mean() / 4

            with torch.no_grad():
                value = torch.zeros(space.size) if len(cells) == space.size else predict(ONE_HOT)[0]
                value[cells] = y
            evaluated = torch.exp(4 * torch.rand(32)).floor() - 1
            drawn = torch.randint(space.size, (32, 54))
            seen = torch.where(torch.arange(54) < evaluated[:, None], value[drawn], -torch.inf)
            best = torch.where(evaluated > 0, drawn.gather(1, seen.argmax(1, keepdim=True)).squeeze(1), -1)
            policy = search(best, evaluated)
            codes = policy.sample((64,))
            reward = value[cells_of(codes)]
            gain = (reward - reward.mean(0)) / (reward.std(0) + 0.1)
            policy_loss = -(gain * policy.log_prob(codes).sum(-1)).mean() - 0.4 * policy.entropy().sum(-1).mean()

            optimiser.zero_grad()
            (outer + 0.2 * policy_loss).backward()
            optimiser.step()
            schedule.step()
            if log is not None:
                log.append((outer.item(), reward.mean().item()))
    return search, predict


log = []
search, predict = meta_train(sources, log=log)

figure, axes = plt.subplots(1, 2, figsize=(8.4, 2.6), layout="constrained")
for ax, values, label in zip(
    axes, np.array(log).T, ("query loss after adapting", "mean score of the proposals"), strict=True
):
    ax.plot(pd.Series(values).rolling(20).mean())
    ax.set(xlabel="step of the outer loop", ylabel=label)
plt.show()

# %% [markdown]
# Left: the mean squared error on query cells. Normal scores have variance 1, so a constant prediction has error 1.
# Right: a score of 2 means that the average proposal is better than 98 % of all cells. Both are values *on source
# tasks*.

# %% [markdown]
# ## Module 3: adaptation
#
# How well does the adapted prediction network rank the target's cells from few labels? The first row is the prior
# alone, without target labels. The other column needs no network: it ranks cells by their mean score on the two
# sources. Cells that are isomorphic to labelled cells are not scored.

# %%
truth = target.values
by_sources = np.mean([normal_scores(task.values) for task in sources], axis=0)
rows = []
for n in (0, 5, 10, 20, 50, 100):
    for draw in range(5):
        labelled, scored = nm.predictors.isomorph_split(space, n_train=max(n, 1), rng=np.random.default_rng(draw))
        with torch.no_grad():
            if n:
                y = torch.tensor(normal_scores(truth)[labelled], dtype=torch.float32)
                mean, _ = predict(ONE_HOT, ONE_HOT[labelled], y)
            else:
                mean, _ = predict(ONE_HOT)
        for name, order in {"prediction network": mean.numpy(), "mean order of the sources": by_sources}.items():
            tau = kendalltau(order[scored], truth[scored]).statistic
            rows.append({"order": name, "labels of the target": n, "Kendall's tau": tau})
pd.DataFrame(rows).pivot_table(index="labels of the target", columns="order", values="Kendall's tau").round(3)

# %% [markdown]
# The prior alone already ranks the cells well. A result "from 20 labels" without the first row would attribute the
# prior's quality to the adaptation. (Both columns decrease slightly, because cells that are isomorphic to labelled
# cells are not scored.) On these tasks, the mean over fully labelled sources ranks better than this network: it uses
# every cell, and the network generalises from samples.
#
# (For brevity, the labels use the target's own scale of ranks here. A search does not know this scale and estimates
# it below.)
#
# ## As a searcher
#
# A meta-searcher inherits from `MetaSearcher` and implements `_learn(sources)`. In `ask`, the search network proposes
# 200 cells, and the cell with the highest optimistic prediction is selected. Two settings disable one part each, which
# shows its contribution.

# %%
TRAINED = {}  # the three variants below share one meta-training per target


class TwoNetworks(MetaSearcher):
    """A search network proposes, a prediction network screens."""

    def __init__(self, space, rng, *, adapts=True, proposes=True):
        super().__init__(space, rng)
        self.adapts, self.proposes = adapts, proposes
        self.cells, self.values = [], []
        self.torch_rng = torch.Generator().manual_seed(int(rng.integers(2**31)))

    def _learn(self, sources):
        names = tuple(source.name for source in sources)
        if names not in TRAINED:
            TRAINED[names] = meta_train(sources)
        return TRAINED[names]

    def _proposals(self, search):
        if not self.proposes:
            return self.rng.integers(self.space.size, size=200)
        best = self.cells[int(np.argmax(self.values))] if self.cells else -1
        policy = search(torch.tensor([best]), torch.tensor([float(len(self.cells))]))
        codes = torch.multinomial(policy.probs[0], 200, replacement=True, generator=self.torch_rng).T
        return cells_of(codes).numpy()

    @torch.no_grad()
    def ask(self, n=1):
        search, predict = self._require_meta_model()
        proposals = np.setdiff1d(self._proposals(search), self.cells)
        if len(proposals) < n:  # all proposals are evaluated: draw at random
            proposals = np.setdiff1d(self.rng.integers(self.space.size, size=200), self.cells)
        x = ONE_HOT[proposals]
        mean, deviation = predict(x)
        if self.adapts and len(self.cells) >= 3:
            prior, _ = predict(ONE_HOT[self.cells])
            y = torch.tensor(normal_scores(np.array(self.values)), dtype=torch.float32)
            y = prior.mean() + prior.std() * y  # ranks of the values, on the scale that the prior expects here
            mean, deviation = predict(x, ONE_HOT[self.cells], y)
        order = torch.argsort(mean + 0.5 * deviation * self.adapts, descending=True).numpy()
        return proposals[order[:n]].astype(np.int32)

    def tell(self, architectures, values):
        self.cells += architectures.tolist()
        self.values += values.tolist()


run = nm.search(TwoNetworks, "nb201/cifar100", evaluations=30)
print(run.sources)
run

# %% [markdown]
# The default sources are the tasks of the target's family on other datasets. A source on the target's dataset raises
# an error.

# %%
try:
    nm.search(TwoNetworks, "nb201/cifar100", sources=["nb201/cifar10", "nb201/cifar100"])
except nm.errors.LeakageError as error:
    print(error)

# %% [markdown]
# ## Leave one out
#
# Each dataset is the target once; the networks are then trained on the other two. The baselines are two searchers
# without sources, and `source-order`, which tries cells in their mean order on the sources without a model.

# %%
VARIANTS = {
    "two networks": TwoNetworks,
    "not adapted": (TwoNetworks, {"adapts": False}),
    "random proposals": (TwoNetworks, {"proposes": False}),
    "source-order": "source-order",
}
frame = nm.compare({**VARIANTS, "gp": "gp", "random": "random"}, "nb201", repeats=5, evaluations=40)
nm.analysis.plot_regret(frame)

# %% [markdown]
# The two networks need far fewer evaluations than searchers without sources. The mean order of the sources, which has
# no model, is a strong baseline. "Not adapted" is close to "two networks": the prior from the sources explains the
# result, and the target's values add little. This is typical of closely related tasks. With random proposals, the same
# prediction network is slower, so the search network helps.
#
# ## Few labels of the sources
#
# Fully labelled sources are expensive: 15,625 trained networks each. The next comparison uses only 100 random cells of
# each source:

# %%
TRAINED.clear()
parts = []
for _, sources, target in tasks.splits():
    few = sources.as_sources(100, np.random.default_rng(0))
    parts.append(nm.compare(VARIANTS, target, sources=few, repeats=5, evaluations=40))
few_labels = pd.concat([*parts, frame[frame["searcher"].isin(["gp", "random"])]])
nm.analysis.plot_regret(few_labels)

# %%
tables = {"all labels of the sources": frame, "100 labels of each source": few_labels}
summaries = {
    name: nm.analysis.summarise(one).set_index(["searcher", "task"])["final_regret"] for name, one in tables.items()
}
pd.concat(summaries, axis=1).unstack().round(3)

# %% [markdown]
# The mean order now ranks at most 200 cells, and the networks generalise from these to all cells. Meta-learning helps
# most in this setting. Adaptation still has no clear effect: the difference between the first two variants is within
# the noise of five runs.
#
# Do not quote these results. The settings of the networks were chosen on these three tasks, with one draw of the 100
# labels and five runs. [Transfer: benefits and limits](../docs/science/transfer.md) has careful measurements, also on
# tasks that disagree.
#
# ## Change it
#
# * Replace `PredictionNetwork.features`, for example by a network on the cell's graph.
# * Use gradient descent on the whole network as the inner problem. This is MAML; compare it with
#   `nasmeta.meta.META_PREDICTORS["maml"]`.
# * Add the last ten cells and their values to the inputs of the search network.
# * Use other tasks: `nm.task_distribution("graph")` has nine that disagree. Build `ONE_HOT` and the policy from the
#   `codes` of their space.

# %% [markdown]
# ## Exercises
#
# 1. How strongly do the nine tasks of NAS-Bench-Graph agree? Compute the smallest and the largest rank correlation.
# 2. How many of 50 episodes mix two sources with `mixture=0.0`, and with `mixture=0.5`?
# 3. Is `meta-gp` better than the two networks on CIFAR-100 with 100 labels per source?
#
# The solutions follow.

# %% [markdown]
# ## Solutions
#
# **1.** The values are NaN for architectures that a task lacks; `corr` ignores them.

# %%
graph = nm.task_distribution("graph")
correlation = pd.DataFrame({task.dataset: task.values for task in graph}).corr("spearman").to_numpy()
pairs = correlation[np.triu_indices(len(correlation), 1)]
print(f"{pairs.min():.2f} to {pairs.max():.2f}")

# %% [markdown]
# **2.** Without mixtures, every episode comes from exactly one source.

# %%
plain = EpisodeSampler(sources, support=(1, 50), query=100, augment=Augmentation(mixture=0.0))
rng = np.random.default_rng(0)
for name, one in (("mixture 0.0", plain), ("mixture 0.5", sampler)):
    print(name, sum(len(one.sample(rng).sources) > 1 for _ in range(50)), "of 50")

# %% [markdown]
# **3.** Pass the same sources to both searchers and compare their final regrets.

# %%
few = tasks.leave_out("cifar100")[0].as_sources(100, np.random.default_rng(0))
small = nm.compare(["meta-gp", TwoNetworks], "nb201/cifar100", sources=few, repeats=3, evaluations=30)
nm.analysis.summarise(small)[["searcher", "final_regret"]].round(3)

# %% [markdown]
# **Next:** [3 · Predictors, surrogates, few labels](3_predictors.ipynb).
