"""Who has a partner: in a paired comparison a sample says something only beside one of another class in its group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.controls import are_controls
from lotviz.analysis.folds import constant_groups
from lotviz.analysis.labels import label_texts
from lotviz.data.cohort import Cohort
from lotviz.data.problems import listed


def with_partners(
    cohort: Cohort, label: str, group: str, *, controls: tuple[str, str] | None = None
) -> tuple[Cohort, tuple[str, ...]]:
    """Return the samples whose group has several classes, and a sentence that names those that were left out.

    Taking the mean of its group out of a sample without a partner leaves nothing of it but that it has none. A class
    that lacks partners more often than the other would be named by that alone: right 62 of 100 times where nothing
    differs. A cohort of which nobody has a partner is returned as it is.

    Parameters
    ----------
    cohort
        Its samples all have a label, apart from the `controls`, which need no partner.
    """
    control = are_controls(cohort, controls)
    known = np.flatnonzero(~control)
    names, owners = (label_texts(cohort.column(column))[known] for column in (label, group))
    alone = known[~partnered(pd.factorize(names)[0], pd.factorize(owners)[0])]
    if len(alone) in (0, len(known)):
        return cohort, ()
    kept = cohort.select(samples=[str(name) for name in np.delete(cohort.samples.index.to_numpy(dtype=object), alone)])
    missing = listed(str(cohort.samples.index[row]) for row in alone)
    said = f"{len(alone)} of {len(known)} samples have no partner of another class in their {group} and were left out"
    return kept, (f"{said}: {missing}.",)


def partnered(labels: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which samples have another class beside them in their group, shape (N,), for labels and groups from 0.

    Examples
    --------
    >>> partnered(np.array([0, 1, 0]), np.array([0, 0, 1])).tolist()
    [True, True, False]
    """
    return np.asarray(~constant_groups(labels, groups)[groups])
