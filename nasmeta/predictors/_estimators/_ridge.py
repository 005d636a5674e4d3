"""Ridge regression whose penalty is learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors._estimators._base import ScaledRegressor


@dataclass(eq=False, repr=False)
class RidgeRegressor(ScaledRegressor):
    """Ridge regression; penalty and noise maximise the marginal likelihood.

    scikit-learn's `BayesianRidge` (MacKay, "Bayesian interpolation", 1992) on standardised features.

    Parameters
    ----------
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import RidgeRegressor
    >>> X = np.arange(20.0)[:, None]
    >>> RidgeRegressor(labels="value").fit(X, 3 * X[:, 0] + 1).predict([[30.0]]).round(2)
    array([91.])
    """

    labels: str = "rank"

    def _fit(self, X: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        from sklearn.linear_model import BayesianRidge

        self.centre_ = X.mean(axis=0)
        self.scale_ = np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        model = BayesianRidge().fit((X - self.centre_) / self.scale_, scores)
        self.coefficients_, self.intercept_ = model.coef_, float(model.intercept_)
        self.covariance_, self.noise_ = model.sigma_, float(1 / model.alpha_)

    def _predict(
        self, X: NDArray[np.float64], return_std: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        X = (X - self.centre_) / self.scale_
        mean = X @ self.coefficients_ + self.intercept_
        if not return_std:
            return mean, None
        return mean, np.sqrt(np.einsum("ij,ij->i", X @ self.covariance_, X) + self.noise_)
