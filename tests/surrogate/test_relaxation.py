"""The search's cube: points and values go back and forth exactly, and a snapped point is the nearest with values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurofit.problem.space import Parameter, Space
from neurofit.surrogate.relaxation import Relaxation

REALS = st.sampled_from(
    [
        Parameter("g", "S/cm2", 1e-5, 1e-2, "log"),
        Parameter("e", "mV", -90.0, -60.0),
        Parameter("p", "um/s", 0.0, 1.0, "log0"),
    ]
)
WHOLE = st.sampled_from(
    [
        Parameter("n", "", 1, 6, kind="integer"),
        Parameter("m", "", 1, 1000, "log", kind="integer"),
        Parameter("k", "", -2, 1, kind="integer"),
    ]
)
CHOICES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=5, unique=True).map(
    lambda c: Parameter.one_of("c", "mV", [v + 0.0 for v in c])
) | st.just(Parameter.one_of("where", "", ["basal", "apical", "soma"]))
SPACES = st.lists(REALS | WHOLE | CHOICES, min_size=1, max_size=6).map(lambda ps: Space(tuple(ps)))


def cube(columns: int):
    return arrays(float, (7, columns), elements=st.floats(0, 1))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_values_return_exactly_where_they_are_whole_or_chosen(data) -> None:
    space = data.draw(SPACES)
    relaxation = Relaxation(space)
    x = space.from_unit(data.draw(cube(len(space))))
    r = relaxation.relax(x)
    back = relaxation.values(r)
    for j, p in enumerate(space.parameters):
        if p.kind == "real":  # exp(log(.)) rounds in the last digits; a log0 axis does not tell 0 from its floor
            floor = p.high * 1e-4 if p.scale == "log0" else p.low
            assert np.allclose(np.maximum(back[:, j], floor), np.maximum(x[:, j], floor), rtol=1e-12)
        else:
            assert np.array_equal(back[:, j], x[:, j])
    assert r.shape == (7, relaxation.columns) and r.min() >= 0 and r.max() <= 1


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_design_stands_for_the_same_values_in_both_cubes(data) -> None:
    space = data.draw(SPACES)
    u = data.draw(cube(len(space)))
    relaxation = Relaxation(space)
    assert np.array_equal(relaxation.values(relaxation.start(u)), space.from_unit(u))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_snapping_twice_is_snapping_once_and_changes_no_value(data) -> None:
    space = data.draw(SPACES)
    relaxation = Relaxation(space)
    r = data.draw(arrays(float, (7, relaxation.columns), elements=st.floats(-0.5, 1.5)))
    kept = r.copy()
    snapped = relaxation.snap(r)
    assert np.array_equal(r, kept)
    assert np.array_equal(relaxation.snap(snapped), snapped)
    assert np.array_equal(relaxation.values(snapped), relaxation.values(r))
    for j, p in enumerate(space.parameters):
        if p.kind != "real":
            again = relaxation.relax(relaxation.values(r))
            assert np.array_equal(again[:, relaxation.blocks[j]], snapped[:, relaxation.blocks[j]])


def test_a_snapped_point_is_the_nearest_of_all() -> None:
    # linear axes: on a logarithmic one rounding is nearest in the parameter's unit, not in the cube
    space = Space((Parameter("n", "", 0, 4, kind="integer"), Parameter.one_of("c", "", [5.0, -1.0, 2.0])))
    relaxation = Relaxation(space)
    every = relaxation.relax(np.array(list(itertools.product(range(5), [5.0, -1.0, 2.0]))))
    assert every.shape == (15, 4) == np.unique(every, axis=0).shape
    r = np.random.default_rng(0).random((500, 4))
    nearest = every[np.linalg.norm(r[:, None] - every, axis=-1).argmin(axis=1)]
    assert np.array_equal(relaxation.snap(r), nearest)


@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_leading_axes_are_kept(shape: tuple[int, ...]) -> None:
    space = Space((Parameter("e", "mV", -90, -60), Parameter.one_of("c", "", [1.0, 2.0, 5.0])))
    relaxation = Relaxation(space)
    assert relaxation.columns == 4 and relaxation.blocks == (slice(0, 1), slice(1, 4))
    r = np.random.default_rng(1).random((*shape, 4))
    assert relaxation.snap(r).shape == r.shape
    x = relaxation.values(r)
    assert x.shape == (*shape, 2) and relaxation.relax(x).shape == r.shape
    assert relaxation.start(np.full((*shape, 2), 1.0)).shape == r.shape


def test_a_space_of_reals_is_its_own_cube() -> None:
    space = Space((Parameter("e", "mV", -90, -60), Parameter("g", "", 1e-5, 1e-2, "log")))
    u = np.random.default_rng(2).random((9, 2))
    relaxation = Relaxation(space)
    assert np.array_equal(relaxation.start(u), u) and np.array_equal(relaxation.snap(u), u)
    assert np.array_equal(relaxation.relax(space.from_unit(u)), space.to_unit(space.from_unit(u)))
