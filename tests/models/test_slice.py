"""The slice is made of the cells that were fitted, to the last bit, and another cell makes another slice."""

from __future__ import annotations

from plain import MODELS, run

# A small slice, and a process of its own: one network at a time.
HEAD = f"""
import json, sys
sys.path.insert(0, {str(MODELS.parent)!r})
import numpy as np
from neurofit.check import default_point
from neurofit.config import load
from neurofit.config.stages import load_staged
from neurofit.config.taking import Offer
from neurofit.evaluate.network_evaluator import NetworkEvaluator

SLICE = {str(MODELS / "ca1_slice")!r}
SMALL = {{"parameters.PYR.count": "80", "parameters.PV.count": "16", "parameters.OLM.count": "10"}}
# As strong as 400 and 60 cells are
SMALL |= {{"parameters.PYR_OLM.weight": "12 nS", "parameters.PYR_PV.weight": "1.5 nS"}}
RUN = {{"protocols.run": "{{duration: 250 ms, window: [50 ms, 250 ms]}}"}}
PV, PYR = [1.1e-4, 0.067, 0.014], [1.04e-4, 0.111, 3.9e-3, 9.8e-5]

def of_cells(pv, pyr, **more):
    changes = SMALL | RUN | more
    staged = load_staged(SLICE + "/staged.yaml", {{f"stages.slice.{{k}}": v for k, v in changes.items()}})
    pv_stage, pyr_stage, net = staged.stages
    return net.resolved({{
        ("pv", "best"): Offer(pv_stage.problem, np.array([pv])),
        ("pyr", "best"): Offer(pyr_stage.problem, np.array([pyr])),
    }})

def fired(problem, evaluator=None):
    evaluator = evaluator or NetworkEvaluator(problem)
    kept = {{}}
    (evaluation,) = evaluator.evaluate([0], [default_point(problem)], kept)
    assert evaluation.status == "ok", evaluation.reason
    evaluator.simulator.close()
    return kept["run"], evaluation.features

def same(a, b, *populations):
    return all(np.array_equal(x, y) for p in populations for x, y in zip(a.of(p), b.of(p)))

def rates(spikes):
    return {{p: float((spikes.of(p)[0] >= 50).sum() / count / 0.2) for p, count in spikes.counts}}
"""


def test_another_fitted_cell_makes_another_slice():
    """Topology and drive stay: pyramidal cells fire the same until the first basket cell does not, and for good where
    basket cells do not reach them.
    """
    script = """
other = [3 * PV[0], PV[1], PV[2]]
pair = [fired(of_cells(pv, PYR))[0] for pv in (PV, other)]
apart = [fired(of_cells(pv, PYR, **{"parameters.PV_PYR.weight": "0"}))[0] for pv in (PV, other)]
times, cells = zip(*(s.of("PV") for s in pair))
n = min(t.size for t in times)
k = int(np.flatnonzero((times[0][:n] != times[1][:n]) | (cells[0][:n] != cells[1][:n]))[0])
until = float(min(times[0][k], times[1][k])) + 1.0  # the delay of PV_PYR
early = [[x[s.of("PYR")[0] <= until].tolist() for x in s.of("PYR")] for s in pair]
print(json.dumps([[rates(s) for s in pair], early, [rates(s) for s in apart], same(*apart, "PYR", "OLM")]))
"""
    (before, after), early, (alone, other), same = run(HEAD + script)
    assert early[0] == early[1] and len(early[0][0]) >= 3
    assert before["PYR"] > 0 and before["OLM"] > 0 and before["PV"] > 5
    assert abs(after["PV"] / before["PV"] - 1) > 0.1
    assert after["PYR"] != before["PYR"] and after["OLM"] != before["OLM"]
    assert same and alone["PYR"] == other["PYR"] > 0 and abs(other["PV"] / alone["PV"] - 1) > 0.1


def test_cells_are_what_setting_their_parameters_by_name_is():
    """Stages, the key `cells` and parameters by name: the same spikes, bitwise, from networks that are built or set."""
    script = """
names = {"PV": ["soma.g_pas", "soma.gbar_natm", "soma.gbar_kdtm"]}
names["PYR"] = [*names["PV"], "soma.gbar_im"]
values = {p: dict(zip(names[p], map(float, x))) for p, x in (("PV", PV), ("PYR", PYR))}
staged = of_cells(PV, PYR)
free = {f"parameters.{p.name}": f"[{p.low!r}, {p.high!r}]" for p in staged.space.parameters}
fixed = {f"parameters.{n}": "0.4 nS" if n == "OLM_PV.weight" else "0.8 nS" for n in ("OLM_PV.weight", "PV_PV.weight")}
common = free | fixed | SMALL | RUN
given = {f"{p}.{n}": v for p, of in values.items() for n, v in of.items()}
by_cells = load(SLICE + "/network.yaml", common | {f"cells.{n}": repr(v) for n, v in given.items()})
by_name = load(SLICE + "/network.yaml", common | {f"parameters.{n}": repr(v) for n, v in given.items()})
template = load(SLICE + "/network.yaml", common)
evaluator = NetworkEvaluator(template)
protocol, point = template.protocols[0], evaluator.values(default_point(template))
plain = evaluator.simulator.run(point, protocol.sweeps[0], protocol.conditions).spikes
in_place = evaluator.simulator.run(point | given, protocol.sweeps[0], protocol.conditions).spikes
builds = evaluator.simulator.builds
evaluator.simulator.close()
(a, f), (b, g), (c, h) = (fired(p) for p in (staged, by_cells, by_name))
everyone = ("PYR", "PV", "OLM")
equal = [same(a, other, *everyone) for other in (b, c, in_place)]
features = f.tolist() == g.tolist() == h.tolist()
print(json.dumps([equal, same(plain, a, *everyone), len(a.times), builds, features]))
"""
    equal, as_template, spikes, builds, features = run(HEAD + script)
    assert equal == [True, True, True] and features and builds == 1
    assert spikes > 50 and not as_template
