"""The notebooks run from their first cell to the last, and are saved with what they showed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
# Evaluations of a fit: enough for a batch or two that the surrogate proposes after its design.
# Those of `staged` are all of the design, as its slice takes seconds an evaluation.
BUDGETS = {"tour": 60, "sensitivities": 65, "general_problem": 36, "staged": 7}
# And of the slice only a quarter of a second, within which all three populations fire.
SHORTER = {"staged": ("duration: 600 ms, window: [100 ms, 600 ms]", "duration: 250 ms, window: [50 ms, 250 ms]")}
PICTURES = {"tour": 4, "sensitivities": 3, "general_problem": 4, "staged": 6}
_OF_A_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|private|var|opt|usr)/")


def images(notebook: nbformat.NotebookNode) -> int:
    """How many pictures there are among its outputs."""
    return sum("image/png" in o.get("data", {}) for c in notebook.cells for o in c.get("outputs", ()))


def test_every_notebook_is_here() -> None:
    assert {p.stem for p in FOLDER.glob("*.ipynb")} == set(BUDGETS)
    assert sum(p.stat().st_size for p in FOLDER.glob("*.ipynb")) < 1.5e6


@pytest.mark.parametrize("name", BUDGETS)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few evaluations, and short ones, in a directory of its own; nbclient raises what a cell raises."""
    monkeypatch.setenv("NEUROFIT_BUDGET", str(BUDGETS[name]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    long, short = SHORTER.get(name, ("", ""))
    assert any(long in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.source = cell.source.replace(long, short)
    client = NotebookClient(
        notebook, timeout=800, startup_timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    assert images(notebook) == PICTURES[name]
    assert (tmp_path / "runs").is_dir()  # where it said, and not beside the notebooks


@pytest.mark.parametrize("name", BUDGETS)
def test_a_notebook_is_saved_as_it_ran(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    nbformat.validate(notebook)
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    outputs = [o for c in cells for o in c.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert images(notebook) == PICTURES[name]
    text = json.dumps([{k: v for k, v in o.get("data", o).items() if k != "image/png"} for o in outputs])
    assert not _OF_A_MACHINE.search(text)
