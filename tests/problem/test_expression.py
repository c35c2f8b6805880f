"""The expression language: its arithmetic against Python's, Kleene's tables, margins by hand, and errors that are ours
alone.
"""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofit.errors import ConfigError
from neurofit.problem.expression import FeatureCall, parse

# Columns: f(fi) is 0 to 2, g(p) is 3, undefined is 4; the plain names a, b are 3 and 0.
FEATURES = np.array([1.0, 2.0, 4.0, 10.0, math.nan])
COLUMNS = {"fi": (0, 1, 2), "p": (3,), "undefined": (4,)}


def resolved(text: str):
    return parse(text).resolve(lambda call: COLUMNS[str(call.protocol)], {"a": 3, "b": 0})


@pytest.mark.parametrize(
    ("text", "truth", "margin"),
    [
        ("g(p) > 3", True, 7.0),
        ("g(p) < 3", False, -7.0),
        ("g(p) == 10", True, 0.0),
        ("g(p) == 12", False, -2.0),
        ("0 < g(p) < 30", True, 10.0),
        ("f(fi) > 0", True, 1.0),
        ("f(fi) > 1.5", False, -0.5),
        ("increasing(f(fi))", True, 1.0),
        ("decreasing(f(fi))", False, -2.0),
        ("a > 3 and b > 3", False, -2.0),
        ("a > 3 or b > 3", True, 7.0),
        ("not a > 3", False, -7.0),
        ("abs(g(p) - 12 mV) < 3", True, 1.0),
        ("f(fi)[-1] / f(fi)[0] >= 4", True, 0.0),
        ("max(f(fi)) - min(f(fi)) == 3", True, 0.0),
        ("mean(f(fi)) > 2 and last(f(fi)) == 4", True, 0.0),
        ("a > 3 and g(undefined) > 3", None, math.nan),
        ("defined(g(undefined))", False, math.nan),
        ("not defined(g(undefined))", True, math.nan),
        ("count(f(fi)) == 3", True, 0.0),
        # f(fi) is 1, 2, 4: any() asks for one sweep, all() for each, and a function of the vector is the same for each
        ("any(f(fi) > 3)", True, 1.0),
        ("all(f(fi) > 3)", False, -2.0),
        ("any(f(fi) > 5)", False, -1.0),
        ("not any(f(fi) > 3)", False, -1.0),
        ("any(not f(fi) > 3)", True, 2.0),
        ("any(1.5 < f(fi) and f(fi) < 3)", True, 0.5),
        ("any(f(fi) > mean(f(fi)))", True, 4 - 7 / 3),
        ("any(f(fi) > a)", False, -6.0),
        ("any(a > 3)", True, 7.0),
        ("any(abs(f(fi) - 2) < 1)", True, 1.0),
        ("any(g(undefined) > 3)", None, math.nan),
    ],
)
def test_truth_and_margin(text, truth, margin):
    expression = resolved(text)
    assert expression.truth(FEATURES) is truth
    assert expression.margin(FEATURES) == pytest.approx(margin, nan_ok=True)


KLEENE = {True: "a > 0", False: "a < 0", None: "g(undefined) > 0"}


@pytest.mark.parametrize(("left", "right"), list(itertools.product(KLEENE, KLEENE)))
def test_kleene_tables(left, right):
    both = resolved(f"{KLEENE[left]} and {KLEENE[right]}").truth(FEATURES)
    either = resolved(f"{KLEENE[left]} or {KLEENE[right]}").truth(FEATURES)
    # Kleene (1952), strong tables: with False < None < True, `and` is the minimum and `or` the maximum.
    rank = {False: 0, None: 1, True: 2}
    assert rank[both] == min(rank[left], rank[right])
    assert rank[either] == max(rank[left], rank[right])
    assert resolved(f"not {KLEENE[left]}").truth(FEATURES) is (None if left is None else not left)


NUMBERS = st.integers(1, 9).map(str) | st.floats(0.1, 9.0).map(lambda x: f"{x:.3f}")


@given(
    st.recursive(
        NUMBERS | st.sampled_from(["value", "soma.g"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
            inner.map(lambda t: f"({t})"),
            inner.map(lambda t: f"-({t})"),
            st.tuples(NUMBERS, st.sampled_from(["2", "0.5"])).map(lambda t: f"{t[0]} ** {t[1]}"),
        ),
        max_leaves=12,
    )
)
def test_arithmetic_is_pythons(text):
    code = text.replace("soma.g", "soma")
    try:
        expected = eval(code, {"value": 2.5, "soma": 0.7})  # the reference twin: Python itself
    except ZeroDivisionError:
        return
    assert parse(text).value({"value": 2.5, "soma.g": 0.7}) == pytest.approx(expected, rel=1e-9)


@given(st.text(st.sampled_from("abf(){}[]<>=!+-*/,.%0123456789 \n\t@#andornotmV"), max_size=30) | st.text(max_size=20))
def test_any_text_parses_or_is_a_config_error(text):
    try:
        parse(text)
    except ConfigError as error:
        assert error.expected


def test_distributions_take_arrays_of_distances():
    distance = np.array([0.0, 100.0, 500.0])
    for text in (
        "(-0.8696 + 2.087*math.exp(({distance})*0.0031))*{value}",
        "(-0.8696 + 2.087*exp(distance*0.0031))*value",
    ):
        expected = (-0.8696 + 2.087 * np.exp(distance * 0.0031)) * 2e-5
        assert parse(text).value({"distance": distance, "value": 2e-5}) == pytest.approx(expected, rel=1e-12)


def test_units_and_shares():
    assert parse("1.5 * rheo + 50 pA").value({"rheo": 0.2}) == pytest.approx(0.35)
    assert parse("150 % rheo").value({"rheo": 0.2}) == pytest.approx(0.3)
    assert parse("2 mS/cm2").value({}) == pytest.approx(2e-3)
    assert parse("1 s").value({}) == 1000.0


def test_feature_calls_keep_what_was_written():
    (call,) = parse("peak(bap[2], before, recording=dend.v, reduce=first) > 1").calls
    options = (("window", "before"), ("recording", "dend.v"), ("reduce", "first"))
    assert call == FeatureCall("peak", "bap", 2, options)
    (windowed,) = parse("n(fi, window=[0.5 s, 700]) > 1").calls
    assert windowed.options == (("window", (500.0, 700.0)),)


def test_expressions_pickle_hash_and_compare():
    one = parse("increasing(f(fi)) and g(p) > 3")
    assert pickle.loads(pickle.dumps(one)) == one and hash(one) == hash(parse("increasing(f(fi)) and g(p) > 3"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a >", "column 4"),
        ("a > 3 b", "column 7"),
        ("a and 3", "comparison"),
        ("mean(f(fi), 3)", "one argument"),
        ("f(3)", "protocol"),
        (
            "increasin(f(fi))",
            r"close the '\(' of column 10 \(or did you mean the function increasing\?\), at column 12",
        ),
        ("meen(rate - 3)", "function mean.*column 11, where '-' stands"),
        ("mean_frequency(fi(2))", r"a '\)' to close the '\(' of column 15, at column 18"),
        ("f(fi, 3)", "before"),
        ("(" * 100 + "1", "nested"),
        ("a > 3 > ", "the end"),
        ("f(fi)[x] > 1", "whole number"),
        ("(a > 3) + 1", "not a comparison"),
    ],
)
def test_errors_say_where_and_what(text, words):
    with pytest.raises(ConfigError, match=words):
        parse(text)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("rin", "MOhm"),
        ("2 * rin + 3", "MOhm"),
        ("20 % rin", "MOhm"),
        ("-abs(rin - 1 GOhm)", "MOhm"),
        ("rin / max(rin, 5 MOhm)", ""),
        ("rin * rin", None),
        ("sqrt(rin)", None),
        ("rin[0] / 2", "MOhm"),
        ("count(rin)", ""),
        ("1 kHz", "Hz"),
        ("3", None),
        ("rin > 5 MOhm and not 3 > rin", None),
    ],
)
def test_the_unit_of_an_expression(text: str, unit: str | None) -> None:
    assert parse(text).resolve(lambda _: (), {"rin": 0}).unit("$", lambda _: "MOhm") == unit


def test_what_is_in_a_unit_of_its_own_may_be_compared_with_its_like() -> None:
    assert resolved("f(fi) > g(p)").unit("$", lambda _: "0-1") is None
    with pytest.raises(ConfigError, match="not 0-1 and mV"):
        resolved("f(fi) > 3 mV").unit("$", lambda _: "0-1")
