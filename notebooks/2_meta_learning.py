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
# # 2 · Meta-learning in three modules
#
# Two data sets have been searched before. Can a search on a third one profit from them? This notebook builds the
# answer from three modules, in plain PyTorch, so that every line can be changed:
#
# 1. **Task sampling** draws tasks, and of each task labels to adapt on (*support*) and labels to be judged by
#    (*query*).
# 2. **Meta-training** learns a search network, which proposes cells, and a prediction network, which screens them.
# 3. **Adaptation** fits both to the values that a search on a new task has seen so far.
#
# The networks are small on purpose. They are a place to start, not the best method of the package, and the last
# section shows where they stand.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau
from torch import nn

import nasmeta as nm
from nasmeta.predictors import normal_scores
from nasmeta.searchers import MetaSearcher
from nasmeta.tasks import Augmentation, EpisodeSampler

plt.rcParams.update({"figure.dpi": 100, "font.size": 9})
torch.set_num_threads(1)

# %% [markdown]
# ## Module 1: task sampling
#
# A task is a data set of NAS-Bench-201 here. `leave_out` holds one data set out, with everything that was measured on
# it. The target is CIFAR-100 in what follows, and each of the three in turn at the end.

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
# The three tasks order the cells almost alike. That is a property of this benchmark, and it decides what can be
# learnt here: mostly *which cells are good everywhere*. On tasks that disagree, such as those of TransNAS-Bench-101,
# the same methods gain less and can do harm.
#
# Two source tasks are few. The sampler makes more of them by mixing sources with random weights. Labels are normal
# scores of ranks, so that tasks with different units can be mixed: 0 is the median cell, 2 is better than 97.7 % of
# all.

# %%
sampler = EpisodeSampler(sources, support=(1, 50), query=100, augment=Augmentation(mixture=0.5, noise=0.1))
episode = sampler.sample(np.random.default_rng(0))
print(episode.sources, "·", len(episode.support_cells), "support cells,", len(episode.query_cells), "query cells")

# %% [markdown]
# ## Module 2: meta-training
#
# ### The bilevel problem
#
# Let $\theta$ be what all tasks share, and $w$ what belongs to one task. Meta-training solves
#
# $$\min_\theta\; \sum_{T} L_{\text{query}}\big(\theta, w_T(\theta)\big) \quad\text{where}\quad w_T(\theta) =
# \arg\min_w\; L_{\text{support}}(\theta, w) + \lambda \lVert w \rVert^2 .$$
#
# The inner problem is what happens on a new task: adapt to a few labels. The outer problem asks for a $\theta$ from
# which adapting works well. In general the inner problem is solved by some steps of gradient descent, and the outer
# gradient goes through these steps (MAML). Here the inner problem is a ridge regression. It has a closed solution,
# which PyTorch differentiates exactly, so there is no inner loop at all.
#
# ### The prediction network
#
# $\theta$ is a network that turns a cell into 32 features, a head $w_0$ that predicts *before any label is seen*, and
# $\lambda$. The adapted head is $w_0 + w_T$. Read as a Bayesian linear regression, the same algebra gives an
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
# A policy. It sees the best cell so far and how many cells have been evaluated, and gives a probability to each
# operation on each of the six edges. It is trained with REINFORCE: propose 64 cells, and make those more likely whose
# score on the sampled task is above the mean. A bonus for entropy keeps it from proposing a single cell.


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
# Forty tasks are sampled, and each step takes one of them. The prediction network adapts to four support sets of it,
# of 1 to 50 cells, and is judged on other cells. The search network proposes cells at 32 moments of a search: after 0
# to 53 random evaluations. Where a source has no label for a proposal, the prediction network's guess stands in.


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
# Left, the mean squared error on query cells; normal scores have variance 1, so 1 is what a constant achieves. Right,
# a score of 2 means that the average proposal is better than 98 % of all cells. Both are figures *on source tasks*.

# %% [markdown]
# ## Module 3: adaptation
#
# Now the target. How well does the adapted prediction network order its cells, from how many labels? The first row is
# the prior alone: no label of the target was read. The other column needs no network: cells sorted by their mean
# score on the two sources. Twins of labelled cells are left out of the scoring.

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
# Two things to take from this table. Almost all of the order is there without a single label, so a figure "from 20
# labels" that leaves out the first row would credit the adaptation with what the prior knew. (Both columns fall a
# little, because twins of labelled cells leave the scoring. Measured against the other column, 100 labels bring
# .005.) And on these tasks a plain mean over fully known sources is a better order than this network: it has seen
# every cell, while the network generalises from samples of them.
#
# (For brevity the labels were put on the target's own scale of ranks here. A search does not know that scale. Below
# it is estimated.)
#
# ## As a searcher
#
# A meta-searcher of the package inherits from `MetaSearcher` and has `_learn(sources)`. `ask` lets the search network
# propose 200 cells and takes the one with the highest optimistic prediction. Two settings switch a part off, so that
# we can see what each part does.

# %%
TRAINED = {}  # so that the three variants below share one meta-training for each target


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
        if len(proposals) < n:  # all proposals are known: look elsewhere
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

    def tell(self, cells, values):
        self.cells += cells.tolist()
        self.values += values.tolist()


run = nm.search(TwoNetworks, "nb201/cifar100", evaluations=30)
print(run.sources)
run

# %% [markdown]
# The package chose the sources: the family of the target without its data set. A source that has seen the target is
# refused, under whatever name it comes.

# %%
try:
    nm.search(TwoNetworks, "nb201/cifar100", sources=["nb201/cifar10", "nb201/cifar100"])
except nm.errors.LeakageError as error:
    print(error)

# %% [markdown]
# ## Leave one out
#
# Each data set is the target once, and the networks are trained anew on the other two. Beside the three variants
# stand two searchers without sources, and `source-order`, which tries cells in their mean order on the sources and
# uses no model.

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
# Three things are seen here. The two networks need far fewer evaluations than searchers without sources. The mean
# order of the sources, which has no model at all, is faster still on two of the three tasks. And the line of "not
# adapted" lies on that of "two networks": what was learnt on the sources does the work, and the values of the target
# add nothing. This is what sister tasks look like. The search network does help: with random proposals the same
# prediction network is slower.
#
# ## Few labels of the sources
#
# Fully known sources are a luxury: somebody trained 15,625 networks on each. The same comparison, where only 100
# random cells of each source are known:

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
# Now the mean order is poor, since it knows 200 cells at most, and the networks generalise from these to all cells.
# That is where meta-learning earns its place on this benchmark. Adapting still does not help: the difference between
# the first two variants is within the noise of five runs.
#
# What this is not: a result to quote. The settings of these networks were chosen while looking at these three tasks,
# one draw of the 100 labels was used, and five runs are few. The methods of the package are measured with more care
# in [Transfer: benefits and limits](../docs/science/transfer.md), on tasks that disagree as well.
#
# ## Change it
#
# * Replace `PredictionNetwork.features`, for example by a network on the cell's graph. Nothing else has to change.
# * Let the inner problem be gradient descent on the whole network: then this is MAML, and
#   `nasmeta.meta.META_PREDICTORS["maml"]` is there to compare with.
# * Give the search network more to see than the best cell, such as the last ten cells with their values.
# * Set `Augmentation(mixture=0.0)` and see how the networks do on two tasks alone.
# * Use other tasks: `nm.task_distribution("graph")` has nine that disagree. Their space has other choices, so
#   `ONE_HOT` and the policy have to be built from its `codes`.
#
# **Next:** [3 · Predictors, surrogates, few labels](3_predictors.ipynb).
