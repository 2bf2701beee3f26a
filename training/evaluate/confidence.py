"""The confidence of a lesion: a logistic regression over its features, fitted on the exam's known lesions."""

import numpy as np
from LungTumorSegLib.lesions.confidence import FEATURES
from LungTumorSegLib.model.card import ConfidenceCoefficients
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def fit(lesions: list[dict]) -> ConfidenceCoefficients | None:
    """Fit the confidence on known lesions.

    Args:
        lesions: Records with the features and ``hits`` (a reference's number, -1 false positive, -2 neither).

    Returns:
        Coefficients by feature name, and the intercept, for what `LungTumorSegLib.lesions.confidence.features` gives;
            None where there are not at least five of each kind.
    """
    kept = [row for row in lesions if row["hits"] != -2]
    x = np.array([[row[name] for name in FEATURES] for row in kept]).reshape(-1, len(FEATURES))
    y = np.array([row["hits"] >= 0 for row in kept], bool)
    if min(np.count_nonzero(y), np.count_nonzero(~y)) < 5:
        return None
    # standardised for the fit, since the features' units differ a thousandfold; handed out in the features' own units
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)).fit(x, y)
    scaler, regression = fitted[0], fitted[1]
    weights = regression.coef_[0] / scaler.scale_
    intercept = float(regression.intercept_[0] - weights @ scaler.mean_)
    return ConfidenceCoefficients(intercept=intercept, **dict(zip(FEATURES, map(float, weights), strict=True)))


def score(lesion: dict, coefficients: ConfidenceCoefficients | None) -> float:
    """The confidence of a record; its mean probability where there are no coefficients."""
    return lesion["mean_p"] if coefficients is None else coefficients.confidence(lesion)
