"""RUSH on Syne Tune's asynchronous successive halving, as a meta-searcher of several lengths of training."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.meta._syne_tune_transfer import METRIC, SyneTuneTransfer
from nasmeta.searchers import SEARCHERS, MultiFidelitySearcher, PeerSearch, load_peer
from nasmeta.spaces import SearchSpace

_TIME = "rung"


@SEARCHERS.register("syne-tune-rush")
class SyneTuneRUSH(SyneTuneTransfer, MultiFidelitySearcher):
    """RUSH: successive halving whose hurdle is the sources' best cells (Zappella et al., AutoML workshop, ICML 2021).

    The best cells of each source are trained first, then random ones. Syne Tune's `AsynchronousSuccessiveHalving`,
    which stops a training or lets it go on, says which are among the best share of a length; of these, only what is at
    least as good there as the best of the sources' cells goes on. That rule is written here as in `RUSHScheduler`,
    which release 0.16 names and does not define. Where there is one length of training no rule has anything to decide:
    it is the sources' best cells, then random search. Needs the extra ``syne-tune``.

    Parameters
    ----------
    per_source : int, default 1
        How many of each source's best cells are trained first; the default is Syne Tune's.
    eta : int, default 3
        One of `eta` cells may go on.
    """

    search_settings: ClassVar[tuple[str, ...]] = ("eta",)

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, per_source: int = 1, eta: int = 3) -> None:
        super().__init__(space, rng)
        self.per_source = check_int("per_source", per_source, 1, 1_000_000)
        self.eta = check_int("eta", eta, 2, 1_000)
        self._new_trial = load_peer("syne_tune.backend.trial_status", self._who, "syne-tune").Trial
        self._trials: dict[int, Any] = {}  # of each cell, the one that goes on
        self._n_trials = 0
        self._rung = 0  # of the values that are being told
        self._hurdles: dict[int, float] = {}
        self._going_on: deque[tuple[int, int]] = deque()

    def ask_at(self, n: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Propose the longer trainings of what goes on, else short ones of what Syne Tune proposes."""
        pairs = []
        for _ in range(n):
            pairs.append(self._going_on.popleft() if self._going_on else (int(PeerSearch.ask(self)[0]), 0))
        cells, rungs = np.array(pairs, np.int32).reshape(n, 2).T
        return cells.copy(), np.array(self.fidelities, np.int32)[rungs]

    ask, tell = MultiFidelitySearcher.ask, MultiFidelitySearcher.tell  # not those of a peer: they pass on to ask_at

    def tell_at(self, cells: NDArray[np.int32], epochs: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Tell Syne Tune the values, which says at once what goes on."""
        for i, (cell, length, value) in enumerate(zip(cells.tolist(), epochs.tolist(), values.tolist(), strict=True)):
            self._rung = min(bisect_left(self.fidelities, length), len(self.fidelities) - 1)
            if self._rung and cell in self._trials:
                if math.isfinite(value):
                    with self._generators.used():
                        self._report(cell, self._trials[cell], value)
            else:
                PeerSearch.tell(self, cells[i : i + 1], values[i : i + 1])
        self._rung = 0

    def _begin(self, learnt: Any) -> Any:
        """Return Syne Tune's scheduler, for which the lengths of training are powers of `eta`."""
        return self._load("asha").AsynchronousSuccessiveHalving(
            self._choices,
            METRIC,
            searcher="random_search",
            time_attr=_TIME,
            max_t=self.eta ** (len(self.fidelities) - 1),
            reduction_factor=self.eta,
            random_seed=self._peer_seed,
            searcher_kwargs={"points_to_evaluate": [dict(chosen) for chosen in learnt]},
        )

    def _configuration(self) -> Any:
        suggested = self._run.suggest()
        return None if suggested is None else suggested.config

    def _tell_peer(self, proposal: Any, codes: list[int], value: float) -> None:
        if self._run is None:
            self._run = self._begin(self._require_meta_model())
        chosen = {name: codes[int(name)] for name in self._choices}
        trial = self._new_trial(self._n_trials, chosen, datetime.min)
        self._n_trials += 1
        self._run.on_trial_add(trial)
        cell = int(self.space.find(np.array(codes) @ self.space.place_values))
        if cell >= 0:
            self._trials.setdefault(cell, trial)
        self._report(cell, trial, value)

    def _report(self, cell: int, trial: Any, value: float) -> None:
        """Report a value on its rung; the trial goes on where Syne Tune and the hurdle let it."""
        rung = self._rung
        decision = self._run.on_trial_result(trial, {METRIC: -value, _TIME: self.eta**rung})
        is_first = self._trials.get(cell) is trial
        if decision != "CONTINUE" or rung + 1 == len(self.fidelities) or not is_first:
            return
        hurdle = self._hurdles.get(rung, -math.inf)
        if trial.config in self._require_meta_model():
            self._hurdles[rung] = max(hurdle, value)
        elif value < hurdle:
            return
        self._going_on.append((cell, rung + 1))

    def _learn_evaluations(self, evaluations: dict[str, Any]) -> Any:
        best = [of.top_k_hyperparameter_configurations(self.per_source, METRIC, True) for of in evaluations.values()]
        return [{name: int(code) for name, code in one.items()} for of_source in best for one in of_source]
