"""Sections from reconstructions, hoc templates and Python classes; section lists; the axon rule; distances."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cells import defaults, job, knob, passive_ball, protocol, step

from neurofit.errors import ConfigError
from neurofit.problem.model import AxonRule, CellTemplate, Discretisation, Morphology
from neurofit.problem.protocol import Conditions, Location
from neurofit.simulate.engine import Simulator

# A soma of 20 um (three-point form), a 200 um basal dendrite, a 300 um apical one and a 100 um axon that tapers from 2
# to 1 um.
SWC = """\
1 1 0 0 0 10 -1
2 1 -10 0 0 10 1
3 1 10 0 0 10 1
4 3 10 0 0 1 1
5 3 210 0 0 1 4
6 4 0 10 0 1.5 1
7 4 0 310 0 1.5 6
8 2 0 -10 0 1 1
9 2 0 -110 0 0.5 8
"""

ASC = """\
("CellBody" (Color Red) (CellBody)
 (10 0 0 0) (0 10 0 0) (-10 0 0 0) (0 -10 0 0))
((Dendrite) (10 0 0 2) (110 0 0 2) (210 0 0 2))
((Apical) (0 10 0 3) (0 160 0 3) (0 310 0 3))
((Axon) (0 -10 0 1) (0 -60 0 1) (0 -110 0 1))
"""


def reconstructed(file: Path, axon: AxonRule | None = None, rule: Discretisation | None = None) -> CellTemplate:
    return CellTemplate(
        "cell",
        Morphology(file, axon=axon or AxonRule(), discretisation=rule or Discretisation()),
        mechanisms=(("all", ("pas",)),),
        parameters=(knob("all", "Ra", 100.0), knob("all", "g_pas", 1e-4), knob("all", "e_pas", -70.0)),
        conditions=Conditions(v_init=-70.0),
    )


def simulator(template: CellTemplate) -> Simulator:
    return Simulator(template, defaults(template))


@pytest.fixture(params=["cell.swc", "cell.asc"])
def morphology(request, tmp_path) -> Path:
    file = tmp_path / request.param
    file.write_text(SWC if file.suffix == ".swc" else ASC)
    return file


def test_reconstruction_has_the_lists_and_lengths_of_its_file(morphology):
    sections = simulator(reconstructed(morphology)).cell.sections
    lengths = {name: round(sum(s.L for s in sections.lists[name])) for name in ("basal", "apical", "axonal")}
    # NEURON joins a branch to the soma's surface or centre, by format: up to a radius longer than the file's points.
    assert lengths["basal"] == pytest.approx(200, abs=11)
    assert lengths["apical"] == pytest.approx(300, abs=11)
    assert lengths["axonal"] == pytest.approx(100, abs=11)
    assert sections.soma in sections.lists["somatic"]
    assert set(sections.lists["somadend"]) == set(sections.lists["all"]) - set(sections.lists["axonal"])


def test_axon_rules(morphology):
    removed = simulator(reconstructed(morphology, AxonRule("remove"))).cell.sections
    assert removed.lists["axonal"] == [] and "axon[0]" not in removed.by_name
    stub = simulator(reconstructed(morphology, AxonRule("stub", (30.0, 30.0), None, None, (1000.0, 1.0)))).cell.sections
    assert [s.L for s in stub.lists["axonal"]] == [30.0, 30.0]
    assert all(0.9 <= s.diam <= 2.0 for s in stub.lists["axonal"])
    assert [s.L for s in stub.lists["myelinated"]] == [1000.0]
    given = simulator(reconstructed(morphology, AxonRule("stub", (30.0, 40.0), (3.0, 2.0)))).cell.sections
    assert [s.diam for s in given.lists["axonal"]] == [3.0, 2.0]


def test_copies_of_a_reconstruction_are_equal(morphology):
    template = reconstructed(morphology, AxonRule("stub"))
    what = protocol(step(0.05), duration=650.0)
    a, b = simulator(template).run([job(template, what, row=i) for i in range(2)])
    assert np.array_equal(a.traces["soma.v"], b.traces["soma.v"]) and a.traces["soma.v"].max() > -69


def test_segments_follow_the_rule(morphology):
    short = simulator(reconstructed(morphology, rule=Discretisation(20.0))).cell.sections.by_name["apic[0]"]
    assert short.nseg == 1 + 2 * int(short.L / 20.0)
    waves = simulator(reconstructed(morphology, rule=Discretisation(None, 0.1))).cell.sections.by_name["apic[0]"]
    wave = 1e5 * math.sqrt(waves(0.5).diam / (4 * math.pi * 100 * 100.0 * 1.0))  # Hines and Carnevale 2001
    assert waves.nseg == int((waves.L / (0.1 * wave) + 0.9) / 2) * 2 + 1


def test_a_distance_is_measured_from_the_soma(morphology):
    from neuron import h

    cell = simulator(reconstructed(morphology)).cell
    place = cell.segment(Location("apical", None, 150.0))
    assert h.distance(cell.sections.soma(0.5), place) == pytest.approx(150.0, abs=20.0)  # half a segment


def test_missing_and_strange_files(tmp_path):
    with pytest.raises(ConfigError, match="exists"):
        simulator(reconstructed(tmp_path / "none.swc"))
    (tmp_path / "cell.txt").write_text(SWC)
    with pytest.raises(ConfigError, match="asc"):
        simulator(reconstructed(tmp_path / "cell.txt"))


def test_hoc_template_and_python_class_give_the_same_cell(tmp_path):
    hoc_file, python_file = tmp_path / "ball.hoc", tmp_path / "ball.py"
    hoc_file.write_text(
        "begintemplate Ball\npublic soma, all\ncreate soma\nobjref all\nproc init() {\n soma { L=20 diam=20 }\n"
        " all = new SectionList()\n soma all.append()\n}\nendtemplate Ball\n"
    )
    python_file.write_text(
        "from neuron import h\nclass Ball:\n    def __init__(self):\n"
        "        self.soma = h.Section(name='soma', cell=self)\n"
        "        self.soma.L = self.soma.diam = 20\n"
    )
    base = passive_ball()
    what = protocol(step(0.02), duration=650.0)
    traces = []
    for template in (
        base,
        replace(base, morphology=None, hoc=(hoc_file, "Ball")),
        replace(base, morphology=None, python=(python_file, "Ball")),
    ):
        sim = simulator(template)
        outcomes = sim.run([job(template, what, row=i) for i in range(3)])
        assert len({o.traces["soma.v"].tobytes() for o in outcomes}) == 1
        traces.append(outcomes[0].traces["soma.v"])
        sim.close()
    assert np.array_equal(traces[0], traces[1]) and np.array_equal(traces[0], traces[2])


def test_lists_of_lists(tmp_path):
    template = replace(passive_ball(), lists=(("mine", ("somatic",)), ("more", ("mine", "soma"))))
    cell = simulator(template).cell
    assert cell.sections.lists["more"] == [cell.sections.soma]
    with pytest.raises(ConfigError, match="somatic"):
        simulator(replace(passive_ball(), lists=(("mine", ("somatc",)),)))
