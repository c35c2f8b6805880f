"""Whole numbers, numbered and named choices through a whole run: file, archive, tables, pictures and commands."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import neurofit
from neurofit.cli.commands import app
from neurofit.report import pictures

FIT = """
neurofit: 1
name: places
model: {kind: function, function: places.py:features}
parameters:
  where: {choices: [soma, basal, apical]}
  r: {choices: [5, 1, 2], unit: MOhm}
  n: {bounds: [1, 4], integer: true}
  g: [0, 1]
objectives:
  near: {feature: near, mean: 0, std: 0.2}
  cheap: {feature: cheap, mean: 0, std: 4}
rules: {some: near < 1.5}
fit: {optimizer: nsga2, budget: 60, batch: 20, initial: 20, seed: 1, workers: 1, timeout: 20 s}
"""
MODEL = '''"""A function of a place, a resistance, a number and a conductance, for tests."""

CENTRE = {"soma": 0.2, "basal": 0.9, "apical": 0.6}


def features(p):
    assert p["r"] in (1.0, 2.0, 5.0) and p["n"] in (1.0, 2.0, 3.0, 4.0)
    near = abs(p["g"] - CENTRE[p["where"]]) + (0.0 if p["where"] == "apical" else 0.5) + 0.1 * (4 - p["n"])
    return {"near": near, "cheap": p["r"] * p["n"]}
'''
NAMES, NUMBERS = {"soma", "basal", "apical"}, {1.0, 2.0, 5.0}


def command(folder: Path, *arguments: str) -> str:
    with contextlib.chdir(folder):
        result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("places")
    (home / "places.yaml").write_text(FIT)
    (home / "places.py").write_text(MODEL)
    command(home, "fit", "places.yaml", "--out", "run")
    return home


def test_tables_show_names_and_the_archive_numbers(folder: Path) -> None:
    run = neurofit.open(folder / "run")
    assert len(run.raw) == 60 and {e.status for e in run.raw} == {"ok"}
    assert set(run.evaluations["parameter", "where"]) == NAMES
    assert set(run.evaluations["parameter", "r"]) == NUMBERS
    assert {e.x[0] for e in run.raw} == {0.0, 1.0, 2.0} and all(e.x.dtype == float for e in run.raw)
    assert run.header.labels == (("where", ("soma", "basal", "apical")),)
    for e, where in zip(run.raw, run.evaluations["parameter", "where"], strict=True):
        assert ("soma", "basal", "apical")[int(e.x[0])] == where
    # three choices, one number of four and the rest real: the search finds the place whose floor is lowest
    assert str(run.best()["parameter", "where"]) == "apical"


def test_a_longer_run_goes_on_as_if_it_had_never_stopped(folder: Path) -> None:
    command(folder, "fit", "places.yaml", "--out", "short", "--budget", "40")
    command(folder, "fit", "places.yaml", "--out", "short", "--budget", "60")
    short, whole = neurofit.open(folder / "short"), neurofit.open(folder / "run")
    assert np.array_equal([e.x for e in short.raw], [e.x for e in whole.raw])
    assert short.problem.space == whole.problem.space


@pytest.mark.parametrize("optimizer", ["random", "grid"])
def test_other_optimizers_take_choices(folder: Path, optimizer: str) -> None:
    command(folder, "fit", "places.yaml", "--out", optimizer, "--optimizer", optimizer)
    run = neurofit.open(folder / optimizer)
    assert len(run.raw) >= 36 and set(run.evaluations["parameter", "where"]) == NAMES


def test_show_in_every_form(folder: Path) -> None:
    assert any(name in command(folder, "show", "run") for name in NAMES)
    told = json.loads(command(folder, "show", "run", "--json"))
    for solution in told["front"]:
        assert solution["parameters"]["where"] in NAMES and solution["parameters"]["r"] in NUMBERS
    rows = list(csv.DictReader(io.StringIO(command(folder, "show", "run", "--csv"))))
    assert {row["parameter/where"] for row in rows} == NAMES


@pytest.mark.parametrize("to", ["json", "yaml"])
def test_export(folder: Path, to: str) -> None:
    text = command(folder, "export", "run", "--solution", "best", "--to", to)
    if to == "json":
        assert json.loads(text)["parameters"]["where"] == {"value": "apical", "unit": ""}
    assert "apical" in text


def test_report_and_pictures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(folder, "plot", "run")
    # the two quickest pictures beside the tables: all of them have just been drawn
    monkeypatch.setattr(pictures, "pictures", lambda material, left_out: pictures.overview(material))
    command(folder, "report", "run")
    text = (folder / "run" / "report.html").read_text()
    assert "soma, basal or apical" in text and "5, 1 or 2" in text and "1 to 4" in text


def test_check_names_the_choices(folder: Path) -> None:
    told = command(folder, "check", "places.yaml")
    assert "one of soma" in " ".join(told.split())
