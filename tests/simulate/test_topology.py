"""Who connects to whom: each rule against its law, and against what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from neurofit.problem.network import Connection, Rule, SynapseModel
from neurofit.simulate.topology import Sources, number_of, position, stream


def sources(rule: Rule, count: int, selves: bool = False, source: str = "A", **values: float) -> Sources:
    connection = Connection("wire", source, "A", rule, SynapseModel("ExpSyn"), selves)
    return Sources(connection, count, values, seed=3)


def test_streams_belong_to_seed_purpose_and_cell():
    first = stream(1, "a", 0).random(4)
    assert np.array_equal(first, stream(1, "a", 0).random(4))
    for other in (stream(2, "a", 0), stream(1, "b", 0), stream(1, "a", 1)):
        assert not np.any(first == other.random(4))
    assert 0 <= number_of("noise") < 2**32


def test_simple_rules():
    assert sources("one_to_one", 5).of(3).tolist() == [3]
    assert sources("one_to_one", 3).of(3).tolist() == []
    assert sources("all_to_all", 4).of(2).tolist() == [0, 1, 3]
    assert sources("all_to_all", 4, selves=True).of(2).tolist() == [0, 1, 2, 3]
    assert sources("all_to_all", 4, source="B").of(2).tolist() == [0, 1, 2, 3]


def test_probability():
    made = [sources("probability", 1000, probability=0.2).of(cell) for cell in range(200)]
    degrees = np.array([len(m) for m in made])
    # Binomial: a mean of 199.8 known to 0.9, a standard deviation of 12.6.
    assert degrees.mean() == pytest.approx(0.2 * 999, abs=3.0)
    assert degrees.std() == pytest.approx(np.sqrt(999 * 0.2 * 0.8), rel=0.2)
    assert not any(cell in m for cell, m in enumerate(made))
    hit = np.bincount(np.concatenate(made), minlength=1000)
    assert hit.std() == pytest.approx(np.sqrt(200 * 0.2 * 0.8), rel=0.2)


def test_more_keeps_what_less_had():
    for cell in range(20):
        few, many = (set(sources("probability", 300, probability=p).of(cell).tolist()) for p in (0.1, 0.3))
        assert few < many
        less, more = (set(sources("in_degree", 300, in_degree=k).of(cell).tolist()) for k in (10, 11))
        assert less < more and len(less) == 10


def test_in_degree_is_all_there_are_at_most():
    assert sources("in_degree", 5, in_degree=9).of(1).tolist() == [0, 2, 3, 4]
    assert len(sources("in_degree", 5, selves=True, in_degree=9).of(1)) == 5


def test_distance():
    """The share of connected pairs falls by e over the length."""
    places = np.array([position(3, "A", i, (1000.0, 0.0, 0.0)) for i in range(2000)])
    assert places[:, 0].min() < 10 and places[:, 0].max() > 990 and not places[:, 1:].any()
    connection = Connection("wire", "A", "B", "distance", SynapseModel("ExpSyn"))
    wire = Sources(connection, 2000, {"probability": 0.8, "length": 200.0}, 3, places)
    apart, connected = [], []
    for cell in range(200):
        distance = wire.distances(np.arange(2000), places[cell])
        apart.append(distance)
        connected.append(np.isin(np.arange(2000), wire.of(cell, places[cell])))
    distance, hit = np.concatenate(apart), np.concatenate(connected)
    for low in (0, 100, 300, 500):
        inside = (distance >= low) & (distance < low + 20)
        assert hit[inside].mean() == pytest.approx(0.8 * np.exp(-(low + 10) / 200), abs=0.03)
