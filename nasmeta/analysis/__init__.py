"""Statistics of runs: regret, evaluations to the optimum, intervals, tests, ranks, curves, figures and tables.

All functions read a *results frame*: one row per evaluation, with the columns ``task``,
``searcher``, ``seed``, ``evaluation`` (1, 2, 3, …), ``cell``, ``value``, ``cost_seconds``,
``simulated_seconds``, ``incumbent``, ``incumbent_value`` and ``regret``. With several objectives
the last three refer to the hypervolume, see `nasmeta.runs.FrontHistory`. A run is one (task,
searcher, seed). It is *solved* if its last regret is 0; otherwise it is *censored*: the number of
evaluations until the optimum is beyond its budget.
"""

import nasmeta.searchers  # noqa: F401  (declares the styles of their names)
from nasmeta.analysis._aggregates import aggregate_scores
from nasmeta.analysis._attainment import attainment_surfaces, front_distances, plot_attainment
from nasmeta.analysis._comparison_plots import (
    plot_critical_difference,
    plot_power,
    plot_ranks,
    plot_regret,
)
from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._metrics import summarise
from nasmeta.analysis._paired_tests import (
    fewest_runs,
    limit_of,
    paired_tests,
    pairs_of as pairs_of,
    shows as shows,
    wilcoxon_p as wilcoxon_p,
)
from nasmeta.analysis._power import RUNS, plan_runs
from nasmeta.analysis._ranks import average_ranks, friedman_test, rank_curves
from nasmeta.analysis._statistics import bootstrap_interval
from nasmeta.pages import to_latex, to_markdown
from nasmeta.plotting import save_figure

__all__ = [
    "RUNS",
    "XAxis",
    "aggregate_scores",
    "attainment_surfaces",
    "average_ranks",
    "bootstrap_interval",
    "fewest_runs",
    "friedman_test",
    "front_distances",
    "limit_of",
    "paired_tests",
    "plan_runs",
    "plot_attainment",
    "plot_critical_difference",
    "plot_power",
    "plot_ranks",
    "plot_regret",
    "rank_curves",
    "regret_curves",
    "save_figure",
    "summarise",
    "to_latex",
    "to_markdown",
]
