"""What is no results frame is refused, and how the results of a folder are read is said."""

from __future__ import annotations

from typing import Any

import pytest

from nasmeta import analysis
from nasmeta.errors import SettingError


@pytest.mark.parametrize("frame", ["runs/mine", [1], None])
@pytest.mark.parametrize(
    "function",
    ["summarise", "paired_tests", "plot_ranks", "plot_profiles", "latex_comparison", "front_distances",
     "plot_attainment", "plot_regret"],
)  # fmt: skip
def test_results_are_a_frame(function: str, frame: Any) -> None:
    folder = frame if isinstance(frame, str) else "FOLDER"
    with pytest.raises(SettingError, match=rf'compare returns, .* pandas.read_parquet\("{folder}/results.parquet"\)'):
        getattr(analysis, function)(frame)


@pytest.mark.parametrize("function", ["plot_predictions", "plot_calibration"])
def test_predictions_are_a_frame(function: str) -> None:
    with pytest.raises(SettingError, match=r'predict returns, .* pandas.read_csv\("mine/results.csv"\)'):
        getattr(analysis, function)("mine")


@pytest.mark.parametrize("function", ["to_latex", "to_markdown"])
def test_a_table_is_a_frame(function: str) -> None:
    with pytest.raises(SettingError, match="A table is a DataFrame"):
        getattr(analysis, function)("mine")
