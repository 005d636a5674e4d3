"""Meta-training of both networks together, on practised searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.errors import SettingError
from nasmeta.meta._model_file import training_identity
from nasmeta.meta._monitor import Monitor, pack_state, unpack_state, write_log
from nasmeta.meta.meta_nas._model import MetaNASModel, Networks
from nasmeta.meta.meta_nas._tasks import GREED, PracticeTasks
from nasmeta.predictors._neural._training import cpu_or_cuda
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_GROWTH = (1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 8)  # cells that a practised search evaluates after each lesson
_OWN, _GOOD, _ANY = 24, 24, 8  # cells of a lesson: proposed, among the task's best, uniform
_GOOD_BEFORE, _ANY_BEFORE = 128, 512  # cells on which the prior is corrected in each lesson
_RANDOM = 0.2  # share of tasks where what is evaluated next is not the screened best
_BETA = 0.5  # of the screen
_WARM_UP = 50  # steps in which the learning rate rises
_LARGEST_GRADIENT = 5.0
_LOG_EVERY, _SAVE_EVERY = 10, 100  # steps
_LOG_COLUMNS = ("step", "prediction_loss", "search_loss", "proposed_score", "screened_score")


@dataclass(frozen=True)
class Recipe:
    """How the networks are trained; see `MetaNASSearch` for the meaning of each setting."""

    steps: int
    tasks: int
    width: int
    learning_rate: float
    screen: float
    std: float
    noise: float


class Trainer:
    """Trains both networks by practised searches, a lesson a step; `log` is that of `MetaNASModel`.

    A search begins with an empty context on each of several sampled tasks. In every lesson the search network draws
    cells; they are joined by some of the task's best and by uniform ones. The prediction network predicts all of
    them, and learns their true scores. The search network learns to propose those that are good in truth and pass the
    screen: its target is the distribution proportional to exp(score / 0.3) over these cells, where the score is a
    weighted mean of the true one and of the upper confidence bound. Then the drawn cells of highest bound are
    evaluated and join the context.
    """

    def __init__(
        self,
        space: SearchSpace,
        sources: Sequence[SourceTask],
        recipe: Recipe,
        rng: np.random.Generator,
        device: str = "cpu",
    ) -> None:
        self.space, self.recipe, self.rng, self.device = space, recipe, rng, cpu_or_cuda(device)
        settings = {**asdict(recipe), "rng": rng.bit_generator.state}
        self.identity = training_identity("meta-nas", space, settings, sources)
        self.practice = PracticeTasks(space, sources, rng, recipe.std, recipe.noise)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**31)))  # that of the CPU alone
            self.networks = Networks(space, recipe.width)
        self.networks.to(self.device)
        self.optimiser = torch.optim.AdamW(
            self.networks.parameters(), lr=recipe.learning_rate, weight_decay=1e-4, fused=True
        )
        self.step = 0
        self.log: list[tuple[float, ...]] = []
        self.loss = math.nan  # of the last lesson
        self._sums = np.zeros(4)

    def practise_once(self) -> None:
        """Train during one search on each of a batch of tasks."""
        n = self.recipe.tasks
        scores = torch.as_tensor(np.stack([self.practice.sample(self.rng) for _ in range(n)])).to(self.device)
        context = torch.zeros(n, 0, dtype=torch.int64, device=self.device)
        for growth in _GROWTH:
            if self.step >= self.recipe.steps:
                return
            context = torch.cat([context, self._lesson(scores, context, growth)], dim=1)

    def _lesson(self, scores: Tensor, context: Tensor, growth: int) -> Tensor:
        """Take one step of the optimiser; return the cells that are evaluated next, shape (n_tasks, growth)."""
        networks = self.networks
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        values = scores.gather(1, context)
        read = networks.search.read(networks.features[context], values)
        pool = torch.cat([self._drawn(read.detach()), self._good_and_any(scores)], dim=1)
        truth = scores.gather(1, pool)

        embedded, prior = networks.prediction.embed(networks.features[torch.cat([context, pool], dim=1)])
        k = context.shape[1]
        elements = networks.prediction.read(embedded[:, :k], prior[:, :k], values)
        mean, log_deviation = networks.prediction(embedded[:, k:], prior[:, k:], elements)
        surprise = _surprise(mean, log_deviation, truth)

        bound = (mean + _BETA * log_deviation.exp()).detach()
        known = (pool[:, :, None] == context[:, None, :]).any(-1)
        share = self.recipe.screen
        worth = ((1 - share) * truth + share * bound).masked_fill(known, -math.inf)
        wanted = (worth / GREED).softmax(-1)
        lost = self._cross_entropy(read, pool, wanted) if k else self._exact_cross_entropy(read, scores)
        loss = surprise.mean() + self._surprise_before(scores) + lost

        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(networks.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        own, passed = truth[:, :_OWN], bound[:, :_OWN].argmax(1, keepdim=True)
        self._note(surprise.mean(), lost, own.mean(), own.gather(1, passed).mean())
        return self._evaluated_next(pool, bound.masked_fill(known, -math.inf), context, growth)

    def _surprise_before(self, scores: Tensor) -> Tensor:
        """Return how much the scores surprise who knows no context: the prior that labels are matched to."""
        noise = self._tensor(self.rng.gumbel(size=scores.shape[1]).astype(np.float32))
        good = (scores.mean(0) / GREED + noise).topk(_GOOD_BEFORE).indices
        anywhere = self._tensor(self.rng.integers(self.space.size, size=_ANY_BEFORE))
        cells = torch.cat([good, anywhere])
        _, prior = self.networks.prediction.embed(self.networks.features[cells])
        return _surprise(prior[:, 0], prior[:, 1].clamp(-4.0, 1.0), scores[:, cells]).mean()

    def _cross_entropy(self, read: Tensor, pool: Tensor, wanted: Tensor) -> Tensor:
        """Return that of the wanted shares of a pool (n_tasks, n_pool) and the search network's probabilities."""
        networks = self.networks
        path = networks.path[pool].view(len(pool), -1)
        rows, place = torch.unique(path, return_inverse=True)  # cells share beginnings
        begun = networks.search.beginning(networks.beginnings[rows])
        follows = networks.log_probabilities(begun[place], read, path).view(*pool.shape, self.space.n_positions, -1)
        log_p = follows.gather(-1, networks.codes[pool][..., None])[..., 0].sum(-1)
        return -(wanted * log_p).sum(-1).mean()

    def _exact_cross_entropy(self, read: Tensor, scores: Tensor) -> Tensor:
        """Return the same over all cells of the space, where no context is known yet, so that one forward serves all.

        There is nothing to screen by either: the wanted shares follow the true scores alone.
        """
        networks = self.networks
        wanted = (scores / GREED).softmax(-1).mean(0)
        follows = networks.log_probabilities(networks.search.beginning(networks.beginnings)[None], read[:1])[0]
        log_p = follows[networks.path, networks.codes].sum(-1)
        return -(wanted * log_p).sum()

    def _rate(self) -> float:
        """Return the learning rate: a rise, then half a cosine down to a hundredth."""
        done = self.step / self.recipe.steps
        up = min(1.0, (self.step + 1) / _WARM_UP)
        return self.recipe.learning_rate * up * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)

    @torch.no_grad()
    def _drawn(self, read: Tensor) -> Tensor:
        """Return cells drawn from the search network, shape (n_tasks, 24)."""
        networks = self.networks
        at = torch.zeros(len(read), _OWN, dtype=torch.int64, device=self.device)
        for _ in range(self.space.n_positions):
            log_p = networks.log_probabilities(networks.search.beginning(networks.beginnings[at]), read, at)
            upto = log_p.exp().cumsum(-1)
            uniform = self._tensor(self.rng.random((*at.shape, 1), dtype=np.float32))
            code = (uniform > upto).sum(-1).clamp(max=upto.shape[-1] - 1)
            follows = networks.follows[at]
            if networks.allowed is not None:  # a draw at the very end of the sums may meet a choice that leads nowhere
                lost = follows.gather(-1, code[..., None])[..., 0] < 0
                code = torch.where(lost, log_p.argmax(-1), code)
            at = follows.gather(-1, code[..., None])[..., 0]
        return at

    def _good_and_any(self, scores: Tensor) -> Tensor:
        """Return cells drawn by their true scores, and uniform ones, shape (n_tasks, 32)."""
        noise = self._tensor(self.rng.gumbel(size=scores.shape).astype(np.float32))
        good = (scores / GREED + noise).topk(_GOOD, dim=1).indices
        return torch.cat([good, self._tensor(self.rng.integers(self.space.size, size=(len(scores), _ANY)))], dim=1)

    def _evaluated_next(self, pool: Tensor, bound: Tensor, context: Tensor, growth: int) -> Tensor:
        """Return the best of the drawn cells by the screen; on some tasks a random choice, as others may make it."""
        pools, order = pool.cpu().numpy(), bound[:, :_OWN].argsort(dim=1, descending=True, stable=True).cpu().numpy()
        chosen = np.empty((len(pools), growth), dtype=np.int64)
        for row, known in enumerate(context.cpu().numpy()):
            cells = self.rng.permutation(pools[row]) if self.rng.random() < _RANDOM else pools[row, order[row]]
            spare = self.rng.choice(self.space.size, growth + len(known), replace=False)
            fresh = dict.fromkeys(np.r_[cells, spare].tolist())
            chosen[row] = [cell for cell in fresh if cell not in set(known.tolist())][:growth]
        return self._tensor(chosen)

    def _note(self, *quantities: Tensor) -> None:
        self.step += 1
        self.loss = quantities[0].item() + quantities[1].item()
        if not math.isfinite(self.loss):
            raise SettingError(f"loss of step {self.step}", self.loss, "a finite number", "Lower the learning rate.")
        self._sums += [quantity.item() for quantity in quantities]
        if self.step % _LOG_EVERY == 0:
            self.log.append((self.step, *(self._sums / _LOG_EVERY).tolist()))
            self._sums[:] = 0

    def _tensor(self, values: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(values, device=self.device)

    def save(self, monitor: Monitor) -> None:
        """Write a checkpoint."""
        arrays = pack_state(self.networks, self.optimiser)
        arrays |= {"log": np.array(self.log, dtype=np.float64), "sums": self._sums}
        monitor.write_checkpoint(self.identity, arrays, {"step": self.step, "rng": self.rng.bit_generator.state})

    def load(self, monitor: Monitor) -> None:
        """Resume from a checkpoint of the same training, if there is one."""
        with monitor.resuming(self.identity) as found:
            if found is not None:
                arrays, facts = found
                unpack_state(arrays, self.networks, self.optimiser)
                self.log, self._sums = [tuple(row) for row in arrays["log"].tolist()], arrays["sums"].copy()
                self.step, self.rng.bit_generator.state = int(facts["step"]), facts["rng"]


def _surprise(mean: Tensor, log_deviation: Tensor, truth: Tensor) -> Tensor:
    """Return the negative log density of the truth, but for a constant."""
    return log_deviation + 0.5 * ((truth - mean) * (-log_deviation).exp()).square()


def train_networks(
    space: SearchSpace,
    sources: Sequence[SourceTask],
    recipe: Recipe,
    rng: np.random.Generator,
    device: str = "cpu",
    monitor: Monitor | None = None,
) -> MetaNASModel:
    """Train both networks on tasks drawn from the sources; a checkpoint is written every hundred steps or so.

    The log has the columns of `MetaNASModel.log`, and is written anew with every checkpoint and at the end. The loss of
    progress is that of both networks.
    """
    trainer, monitor = Trainer(space, sources, recipe, rng, device), monitor or Monitor()
    trainer.load(monitor)
    saved_at = trainer.step
    while trainer.step < recipe.steps:
        trainer.practise_once()
        monitor.tell(trainer.step, recipe.steps, trainer.loss)
        if trainer.step - saved_at >= _SAVE_EVERY or trainer.step >= recipe.steps:
            trainer.save(monitor)
            saved_at = trainer.step
            if monitor.log is not None:
                write_log(monitor.log, _LOG_COLUMNS, trainer.log)
    return MetaNASModel(
        space,
        recipe.width,
        # Rounded, so that a file of half the size holds the same networks.
        {name: values.half().float().cpu().numpy() for name, values in trainer.networks.state_dict().items()},
        tuple(source.name for source in sources),
        sum(len(source) for source in sources),
        np.array(trainer.log, dtype=np.float64).reshape(-1, 5),
    )
