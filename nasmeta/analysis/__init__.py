"""Statistics of runs: regret, evaluations to the optimum, intervals, tests, ranks, curves, figures and tables.

All functions read a *results frame*: one row per evaluation, with the columns ``task``, ``searcher``, ``seed``,
``evaluation`` (1, 2, 3, …), ``architecture``, ``value``, ``cost_seconds``, ``simulated_seconds``, ``incumbent``,
``incumbent_value`` and ``regret``. With several objectives the last three refer to the hypervolume, see
`nasmeta.runs.FrontHistory`. A run is one (task, searcher, seed). It is *solved* if its last regret is 0;
otherwise it is *censored*: the number of evaluations until the optimum is beyond its budget.
"""

import nasmeta.searchers  # noqa: F401  (declares the styles of their names)
from nasmeta.analysis._aggregates import aggregate_scores as aggregate_scores
from nasmeta.analysis._attainment import (
    attainment_surfaces as attainment_surfaces,
    front_distances,
    plot_attainment,
)
from nasmeta.analysis._comparison_plots import plot_critical_difference, plot_power, plot_ranks, plot_regret
from nasmeta.analysis._curves import XAxis as XAxis, regret_curves as regret_curves
from nasmeta.analysis._frame import check_frame as check_frame
from nasmeta.analysis._metrics import (
    evaluations_to_optimum as evaluations_to_optimum,
    summarise,
)
from nasmeta.analysis._paired_tests import holm as holm, paired_tests
from nasmeta.analysis._power import RUNS as RUNS, plan_runs as plan_runs, power as power
from nasmeta.analysis._ranks import (
    average_ranks as average_ranks,
    friedman_test as friedman_test,
    rank_curves as rank_curves,
)
from nasmeta.analysis._statistics import bootstrap_interval, interval_columns as interval_columns
from nasmeta.analysis._tables import (
    number_or_dash as number_or_dash,
    range_text as range_text,
    spread as spread,
    texts_of as texts_of,
    to_html as to_html,
    to_latex,
    to_markdown,
)
from nasmeta.analysis.report import (
    summarise_comparison as summarise_comparison,
    title_of as title_of,
    write_summary as write_summary,
)
from nasmeta.plotting import WIDTHS as WIDTHS, save_figure

__all__ = [
    "bootstrap_interval",
    "friedman_test",
    "front_distances",
    "paired_tests",
    "plot_attainment",
    "plot_critical_difference",
    "plot_power",
    "plot_ranks",
    "plot_regret",
    "regret_curves",
    "save_figure",
    "summarise",
    "to_latex",
    "to_markdown",
]
