"""The speed benchmarks: probes by a clock of our own, equal scores on both sides, and refusals where they are not."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.speed import compare, morphology, probes, results, sides
from benchmarks.speed.cases import CASES, CELLS, Case

ROOT = Path(__file__).resolve().parent.parent
PEER = pytest.mark.skipif(importlib.util.find_spec("bluepyopt") is None, reason="BluePyOpt is not installed")


@pytest.fixture
def tiny(tmp_path) -> Case:
    """Case a with two steps of a tenth of the length."""
    text = (CELLS / "one.yaml").read_text(encoding="utf-8")
    changes = {
        "one.swc": (CELLS / "one.swc").as_posix(),
        "delay: 250 ms, duration: 1 s": "delay: 50 ms, duration: 80 ms",
        "[140 pA, 160 pA, 180 pA, 200 pA, 220 pA, 240 pA, 260 pA]": "[180 pA, 240 pA]",
        "duration: 1500 ms": "duration: 150 ms",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "tiny.yaml").write_text(text, encoding="utf-8")
    return Case("a", "tiny", (tmp_path / "tiny.yaml").as_posix(), batch=4, peers=1, rounds=2)


def test_the_files_are_what_the_generator_writes():
    for name, text in morphology.texts().items():
        assert (CELLS / name).read_text(encoding="utf-8") == text


def test_cells_have_the_sizes_that_they_are_named_after():
    points = morphology.tree_points()
    branches = [p for p in points if p[0] == morphology.BASAL]
    # every branch is 100 um in steps of 20, its first point its own or its parent's last
    steps = [
        np.hypot(p[1] - points[p[4] - 1][1], p[2] - points[p[4] - 1][2]) for p in branches if points[p[4] - 1][0] == 3
    ]
    assert sum(steps) == pytest.approx(28 * 100.0, abs=1e-6)


def test_a_clock_counts_each_share_without_what_runs_inside_another(monkeypatch):
    spent = [7.0]  # CPU seconds of this process, as if
    monkeypatch.setattr(probes, "time", SimpleNamespace(process_time=lambda: spent[0]))

    def busy(seconds: float) -> None:
        spent[0] += seconds

    clock = probes.Clock()
    inner = clock.around(lambda: busy(0.03), "inner")

    def work() -> None:
        busy(0.02)
        inner()
        busy(0.02)

    clock.reset()
    clock.around(work, "outer")()
    busy(0.01)
    found = clock.stopped()
    expected = {"outer": 0.04, "inner": 0.03, "rest": 0.01}
    assert found == pytest.approx(expected, abs=1e-12)


def test_every_probe_of_the_parent_finds_its_function_and_leaves_it_as_it_was():
    from neurofit.archive import Archive

    before = Archive.append
    with probes.installed(probes.Clock(), probes.PARENT) as missing:
        assert missing == []
        assert Archive.append is not before
    assert Archive.append is before


def test_distances_are_those_of_the_objectives():
    problem = CASES["a"].problem()
    features = np.linspace(1.0, 90.0, len(problem.features))
    found = sides.distances(problem, features).reshape(len(problem.objectives), 7)
    scores = [float(o.scores(features)) for o in problem.objectives]
    np.testing.assert_allclose(found.mean(axis=1), scores, rtol=1e-12)
    features[problem.objectives[0].targets[2].column] = np.nan
    assert sides.distances(problem, features)[2] == sides.WORST


def test_unequal_scores_are_told():
    fine = {"median": 0.01, "most": 0.5}
    entry = {"difference": {"same step": 1e-9, "cvode": fine, "fixed": fine}}
    assert compare.wrong(entry) == []
    entry["difference"]["same step"] = 1e-3
    entry["difference"]["fixed"] = {"median": 0.01, "most": 3.0}
    assert len(compare.wrong(entry)) == 2


def test_the_profile_adds_up_and_says_where_cpu_goes(tiny, tmp_path):
    # in a process of its own: that is where its probes and its clock belong
    code = (
        "import json, sys; from benchmarks.speed import profile; from benchmarks.speed.cases import Case\n"
        "if __name__ == '__main__':\n"
        "    print(json.dumps(profile.profile(Case('a', 'tiny', sys.argv[1], 4, 1, 1), 12, 4)))"
    )
    done = subprocess.run([sys.executable, "-c", code, tiny.file], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    entry = json.loads(done.stdout.splitlines()[-1])
    assert entry["worker"]["kernel (psolve)"] > 0 and entry["worker"]["eFEL"] > 0
    assert entry["parent"]["journal"] > 0 and entry["parent"]["messages"] > 0
    inside = entry["worker"]["kernel (psolve)"] / (sum(entry["worker"].values()) + sum(entry["parent"].values()))
    assert entry["outside"] == pytest.approx(1 - inside, abs=1e-3)
    assert entry["without a probe"] == []
    assert "outside the kernel" in results.table({"profile a": entry})


@PEER
def test_both_sides_have_the_same_scores(tiny, tmp_path):
    entry = compare.compare(tiny, rounds=2, batch=3, peers=1)
    assert compare.wrong(entry) == []
    assert entry["difference"]["same step"] < compare.SAME
    # an evaluation of BluePyOpt's reads twenty features, each on its own: it is slower, whatever the machine does
    assert entry["ratios"]["fixed"][0] > 1
    file = tmp_path / "results.json"
    results.keep("a", entry, file)
    assert results.stored(file)["a"]["difference"] == entry["difference"]
    assert "one compartment" not in results.table(results.stored(file))  # its title is another
    assert "tiny" in results.table(results.stored(file))
