"""The report on predictors: one that is measured anew takes its place among the others."""

import importlib.util
from pathlib import Path

import pandas as pd

SCRIPT = Path(__file__).parents[2] / "reports" / "predictors" / "run.py"


def test_a_new_predictor_takes_its_place_and_the_others_stay(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("predictors_run", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    former = pd.DataFrame(
        {
            "predictor": ["ridge", "gp", "gnn", "ridge"],
            "part": ["few", "few", "few", "half"],
            "kendall_tau": [0.1, 0.2, 0.3, 0.4],
        }
    )
    former.to_csv(tmp_path / "results.csv", index=False)
    new = pd.DataFrame({"predictor": ["xgboost", "gp"], "part": "few", "kendall_tau": [0.5, 0.6]})
    found = script.joined(new, tmp_path / "results.csv")
    assert found["predictor"].tolist() == ["ridge", "xgboost", "gp", "gnn", "ridge"]
    assert found["kendall_tau"].tolist() == [0.1, 0.5, 0.6, 0.3, 0.4]
