"""Several predictors as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, clone
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted, column_or_1d

from nasmeta.arrays import Floats
from nasmeta.predictors._labels import LabelScale, checked_labels
from nasmeta.predictors._make_predictor import knows_deviation


class EnsembleRegressor(RegressorMixin, _BaseComposition):  # type: ignore[misc]
    """Average of predictors: of their normal scores among the training labels, so no member's scale dominates.

    Parameters
    ----------
    members : sequence of (str, regressor)
        Named predictors that read the same X: pipelines on architectures, or regressors on
        features.

    Notes
    -----
    The variance is the variance between the members plus the mean of the members' known variances.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.arange(40.0)[:, None]
    >>> members = [("ridge", PREDICTORS["ridge"]()), ("forest", PREDICTORS["random-forest"](20))]
    >>> model = PREDICTORS["ensemble"](members).fit(X, X[:, 0])
    >>> mean, deviation = model.predict([[3.0], [30.0]], return_std=True)
    >>> bool(mean[0] < mean[1]), bool((deviation > 0).all())
    (True, True)
    """

    default_encoder: ClassVar[str | None] = None

    def __init__(self, members: Sequence[tuple[str, Any]]) -> None:
        self.members = members

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with `deep`, also the members' as ``NAME__PARAMETER``."""
        params: dict[str, Any] = self._get_params("members", deep=deep)
        return params

    def set_params(self, **params: Any) -> EnsembleRegressor:
        """Set parameters, as `get_params` names them."""
        self._set_params("members", **params)
        return self

    def fit(self, X: Any, y: Any) -> EnsembleRegressor:
        """Fit a clone of each member; see `ScaledRegressor.fit`."""
        self._validate_names([name for name, _ in self.members])
        self.members_ = [(name, clone(member).fit(X, y)) for name, member in self.members]
        labels = checked_labels(column_or_1d(y))
        self.label_scale_ = LabelScale.fit(labels, "rank")
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict labels.

        Parameters
        ----------
        X : as in `fit`, shape (n, ...)
        return_std : bool, default False

        Returns
        -------
        mean : ndarray of float64, shape (n,)
        std : ndarray of float64, shape (n,)
            Only with `return_std`.
        """
        check_is_fitted(self)
        scale = self.label_scale_
        scores, deviations = [], []  # of each member, shape (n,)
        for _, member in self.members_:
            if return_std and knows_deviation(member):
                labels, label_deviation = member.predict(X, return_std=True)
                scores.append(scale.to_scores(np.asarray(labels, np.float64)))
                deviations.append(scale.deviation_of_scores(scores[-1], label_deviation))
            else:
                scores.append(scale.to_scores(np.asarray(member.predict(X), np.float64)))
        mean = np.mean(scores, axis=0)
        if not return_std:
            return scale.to_labels(mean)
        # The law of total variance over the members.
        variance: Floats = np.var(scores, axis=0)
        if deviations:
            variance = variance + np.mean(np.square(deviations), axis=0)
        return scale.to_labels(mean), scale.deviation_of_labels(mean, np.sqrt(variance))

    @property
    def n_features_in_(self) -> int:
        """Number of features of the first member."""
        check_is_fitted(self)
        return int(self.members_[0][1].n_features_in_)
