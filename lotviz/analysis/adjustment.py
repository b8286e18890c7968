"""What is taken out of the samples before they are compared: their patient, their batch's controls, covariates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pair_centring(groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Matrix A (N, N) that takes the mean of its group out of every sample: what is left is the difference within.

    Labels play no part, and groups are never split between training and test, so nothing leaks.

    Examples
    --------
    >>> pair_centring(np.array([0, 0])).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    same = (groups[:, None] == groups[None, :]).astype(np.float64)
    return np.eye(len(groups)) - same / same.sum(axis=1, keepdims=True)


def control_centring(batches: NDArray[np.intp], controls: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Matrix A (N, N) that takes the mean of its batch's controls out of every sample.

    Parameters
    ----------
    batches
        Batch of each sample, shape (N,); every batch has a control.
    controls
        True for the control samples, shape (N,). They must not be among those that are learnt from or tested.
    """
    same = ((batches[:, None] == batches[None, :]) & controls[None, :]).astype(np.float64)
    return np.eye(len(batches)) - same / same.sum(axis=1, keepdims=True)


def covariate_removal(covariates: NDArray[np.float64], training: NDArray[np.intp]) -> NDArray[np.float64]:
    """Matrix A (N, N) that takes out of every sample what covariates say of it, by the least squares of the training.

    Whatever features X (N, p) the samples have, ``A X`` is X minus the fitted linear function of the covariates. A
    covariate known only by its small spread is damped, not blown up.

    Parameters
    ----------
    covariates
        Shape (N, c), standardised on the training samples.
    training
        Samples that the least squares are fitted on.
    """
    design = np.concatenate([np.ones((len(covariates), 1)), covariates], axis=1)
    seen = design[training]
    gram = seen.T @ seen + 1e-6 * len(training) * np.diag([0.0, *np.ones(covariates.shape[1])])
    fitted = design @ np.linalg.lstsq(gram, seen.T, rcond=None)[0]  # (N, n): weight of each training sample
    answer = np.eye(len(covariates))
    answer[:, training] -= fitted
    return np.asarray(answer)
