"""What may well be a slip is a warning that names it; settings that contradict each other are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import ball

from neurofit.config import load
from neurofit.errors import ConfigError

FUNCTION = """\
neurofit: 1
model: {kind: function, function: toy.py:features}
parameters: {a: [0, 1]}
objectives: {near: {feature: near, target: [0, 1]}}
fit: {engine: coreneuron}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.1, 1.5", "50, 1.5", "protocol fi: a current of 50 nA"),
        ("holding: hold}", "holding: -70}", "protocol fi: a current of -70 nA"),
        ("[50 pA, 0.1, 1.5 * rheo]", "[50 pA, 0.05, 1.5 * rheo]", "protocol fi: two of its sweeps are the same"),
        ("budget: 50", "budget: 50, patience: 50", "fit.patience: 50 has no effect"),
        ("budget: 50", "budget: 50, initial: 60", "fit.initial: a design of 60 points is cut off by the budget, 50"),
        ("budget: 50", "budget: 50, ranks_per_evaluation: 2", "fit.ranks_per_evaluation has no effect"),
    ],
)
def test_a_likely_slip_is_a_warning(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert ball(tmp_path / "a").warnings == ()
    warnings = ball(tmp_path / "b", (old, new)).warnings
    assert [w for w in warnings if w.startswith(said)], warnings


def test_a_strong_current_that_is_usual_is_no_slip(tmp_path: Path) -> None:
    assert ball(tmp_path, ("0.1, 1.5", "9.9 nA, 1.5")).warnings == ()


def test_a_function_has_no_engine(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("def features(p): return {}")
    (tmp_path / "toy.yaml").write_text(FUNCTION)
    with pytest.raises(ConfigError, match=r"line 5, \$.fit.engine: found 'coreneuron'; expected no engine"):
        load(tmp_path / "toy.yaml")
    assert load(tmp_path / "toy.yaml", {"fit.engine": "auto"}).warnings == ()
    (warning,) = load(tmp_path / "toy.yaml", {"fit.engine": "auto", "fit.share": "true"}).warnings
    assert warning.startswith("fit.share has no effect")
