"""Whether anything separates the groups: the kind of answer a classification gives and its numbers, no wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lotviz.analysis.classification import NEGLIGIBLE, Classification
from lotviz.analysis.scoring import Interval

Kind = Literal["too_few", "no", "confounded", "moderately", "yes"]
Gain = Literal["established", "not_established", "none"]

FEWEST_GROUPS = 5  # of a class; below, one group is more than a fifth of the figure
LARGEST_P = 0.05
CLEARLY = 0.8  # balanced accuracy of two classes that is called plainly "yes"; scaled for more classes
MOSTLY = 0.5  # of the variance of a continuous outcome that is called plainly "yes"
FEWEST_OF_OUTCOME = 10  # groups with a continuous outcome; as of two classes
BATCH_SHARE = 0.75  # of LOT's gain over chance that the confounds reach alone


@dataclass(frozen=True)
class Verdict:
    """The answer in one word and the numbers that carry it.

    Attributes
    ----------
    kind
        "too_few": a class has fewer than 5 groups, or p cannot be below 0.05 however the labels are exchanged. "no":
        no better than chance (the interval reaches chance, or p is above 0.05). "confounded": batch, adjusted columns
        and cell count alone reach three quarters of the gain over chance, and LOT is not established to be better.
        "moderately" or "yes": better than chance, below or above 0.8 for two classes (for k classes: below or above
        0.6 of the way from chance to 1). Of a continuous outcome the figure is the share of the variance that is
        explained: chance is 0, "yes" begins at a half, and fewer than 10 groups are too few.
    continuous
        Whether the figures are shares of the variance of a continuous outcome instead of balanced accuracies.
    gain
        Over `baseline`: "none" below 0.02; "established" if its interval lies above 0; else "not_established".
    accuracy
        Figure of LOT on samples it had not seen.
    chance
        That of a coin: 1 / number of classes, or 0 of the variance.
    baseline, baseline_accuracy, difference
        The best other model, its figure, and LOT minus it.
    p
        Of the permutation test, or None.
    groups
        Number of groups in each class.
    show_weights
        False where weights would explain noise ("no" and "too_few").
    """

    kind: Kind
    gain: Gain
    continuous: bool
    accuracy: Interval
    chance: float
    baseline: str
    baseline_accuracy: float
    difference: Interval
    p: float | None
    groups: dict[str, int]

    @property
    def show_weights(self) -> bool:
        """Whether the weights are worth looking at."""
        return self.kind not in ("no", "too_few")


def verdict(result: Classification) -> Verdict:
    """Read the answer off a classification; thresholds as documented in `Verdict`."""
    return Verdict(
        kind=_kind(result),
        gain=gain_of(result.difference),
        continuous=result.outcome is not None,
        accuracy=result.scores["lot"].headline,
        chance=result.chance,
        baseline=result.baseline,
        baseline_accuracy=result.scores[result.baseline].headline.mean,
        difference=result.difference,
        p=result.permutation_p,
        groups=dict(result.groups_per_class),
    )


def gain_of(difference: Interval) -> Gain:
    """Judge a difference in balanced accuracy, or in the share of the variance that is explained.

    Examples
    --------
    >>> gain_of(Interval(0.08, -0.01, 0.17))
    'not_established'
    """
    if difference.mean < NEGLIGIBLE:
        return "none"
    return "established" if difference.low > 0.0 else "not_established"


def _kind(result: Classification) -> Kind:
    accuracy, chance = result.scores["lot"].headline, result.chance
    if _too_few(result):
        return "too_few"
    if accuracy.low <= chance or _like_chance(result):
        return "no"
    if _confounded(result, accuracy, chance):
        return "confounded"
    way = MOSTLY if result.outcome is not None else (CLEARLY - 0.5) / 0.5  # from chance to certainty
    return "yes" if accuracy.mean - chance >= way * (1.0 - chance) else "moderately"


def _too_few(result: Classification) -> bool:
    if result.outcome is not None:
        return result.n_groups < FEWEST_OF_OUTCOME
    # where nothing at all can be exchanged, batch and class are one: not a matter of numbers
    some_exchanged = LARGEST_P < result.least_p < 1.0
    return min(result.groups_per_class.values()) < FEWEST_GROUPS or some_exchanged


def _like_chance(result: Classification) -> bool:
    """Whether permuted labels do as well; too few permutations to reach the threshold say nothing."""
    p, permutations = result.permutation_p, int(result.parameters["permutations"])
    reached = max(1.0 / (permutations + 1), result.least_p)
    return p is not None and p > LARGEST_P and reached <= LARGEST_P


def _confounded(result: Classification, accuracy: Interval, chance: float) -> bool:
    if result.over_confounds is None:
        return False
    reached = result.scores["confounds"].headline.mean - chance
    return result.over_confounds.low <= 0.0 and reached >= BATCH_SHARE * (accuracy.mean - chance)
