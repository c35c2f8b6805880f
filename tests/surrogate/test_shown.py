"""What a surrogate says shows in a shell as a line: how much of what it is, and its largest entries."""

from __future__ import annotations

import numpy as np
import pytest

from neurofit.errors import ConfigError
from neurofit.surrogate import foretold as of_foretold
from neurofit.surrogate.foretold import Foretold
from neurofit.surrogate.partial import Partial
from neurofit.surrogate.sensitivity import Sensitivity


def sensitivity() -> Sensitivity:
    """Seven features by two parameters, of which one is badly foretold and the last not known, and a rule."""
    slopes = np.array([[1.0, 2.5], [9.0, 3.0], [0.25, 0.5], [4.0, 0.0], [0.75, 0.0], [99.0, 0.0], [np.nan, np.nan]])
    signs = np.where(slopes == 9.0, -1.0, 1.0)
    return Sensitivity(
        where="front",
        points=7,
        at=np.zeros((7, 2)),
        parameters=("g", "h"),
        features=tuple("abcdefg"),
        rules=("held",),
        feature=slopes,
        feature_spread=np.zeros((7, 2)),
        feature_sign=signs,
        rule=np.zeros((1, 2)),
        rule_spread=np.zeros((1, 2)),
        feature_r2=np.array([0.5, 0.9, 0.9, np.nan, 0.9, 0.49, np.nan]),
    )


def foretold(targets: int) -> Foretold:
    """Four evaluations of two batches, half of them feasible; errors of 0.5 std, with an sd of 0.4."""
    simulated = np.zeros((4, targets))
    return Foretold(
        members=8,
        batches=(3, 5),
        index=np.arange(4),
        batch=np.array([3, 3, 5, 5]),
        p=np.full(4, 0.25),
        feasible=np.array([True, True, False, False]),
        targets=(("o", "f"),) * targets,
        predicted=simulated + 0.5,
        sd=simulated + 0.4,
        simulated=simulated,
    )


def test_of_sensitivities_the_largest_that_can_be_trusted_are_shown_with_their_signs() -> None:
    said = repr(sensitivity())
    assert said.startswith("<Sensitivity at 7 points of the front: 7 features and 1 rules by 2 parameters; ")
    assert "strongest [sd / range]: b by g -9, d by g +4, a by h +2.5, e by g +0.75; .table has all>" in said


def test_what_was_foretold_is_shown_with_what_came() -> None:
    for targets, words in ((2, "rms error 0.5 std over 2 targets; 0% within 1 sd (62% expected), 100%"), (0, "")):
        shown = repr(foretold(targets))
        assert shown.startswith("<Foretold 4 evaluations in 2 batches: 50% feasible, 25% foretold")
        assert words in shown and ("rms" in shown) == (targets > 0) and len(shown) < 250


@pytest.mark.parametrize("most", [0, -1, 1.5, "x"])
def test_batches_to_foretell_are_counted(most: object) -> None:
    with pytest.raises(ConfigError, match=r"most: found .* at least 1"):
        of_foretold.foretold(None, (), (), 0, 1, most)  # type: ignore[arg-type]


def test_dependences_are_shown_by_their_size() -> None:
    shown = repr(Partial("all", 32, (0, 1), (0,), (np.zeros(25),), (np.zeros((8, 2, 25)),), np.ones(2)))
    assert shown.startswith("<Partial 2 features along 1 parameters, each by 8 members, the others as at 32 points of")
