"""The cache of compiled mechanisms: one build for equal content, safe when many start at once, errors that tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurofit.errors import MechanismError
from neurofit.simulate.mechanisms import build, content_key

LEAK = """\
NEURON { SUFFIX testleak NONSPECIFIC_CURRENT i RANGE g, e }
PARAMETER { g = 1e-4 (S/cm2) e = -60 (mV) }
ASSIGNED { v (mV) i (mA/cm2) }
UNITS { (S) = (siemens) (mV) = (millivolt) (mA) = (milliamp) }
BREAKPOINT { i = g * (v - e) }
"""


@pytest.fixture
def mod(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NEUROFIT_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a" / "testleak.mod"
    file.parent.mkdir()
    file.write_text(LEAK)
    return file


def test_equal_content_is_built_once_wherever_it_lies(mod, tmp_path):
    library = build([mod])
    stamp = library.stat().st_mtime_ns
    twin = tmp_path / "b" / mod.name
    twin.parent.mkdir()
    twin.write_text(LEAK)
    assert build([twin]) == library and library.stat().st_mtime_ns == stamp
    twin.write_text(LEAK.replace("1e-4", "2e-4"))
    assert content_key([twin]) != content_key([mod])


def test_processes_that_start_together_build_safely(mod):
    script = (
        f"from pathlib import Path; from neurofit.simulate.mechanisms import build; print(build([Path({str(mod)!r})]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    libraries = {process.communicate(timeout=400)[0].strip() for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(libraries) == 1 and Path(libraries.pop()).exists()


def test_what_does_not_compile_says_where(mod):
    mod.write_text(LEAK.replace("BREAKPOINT {", "BREAKPOINT ("))
    with pytest.raises(MechanismError, match="testleak"):
        build([mod])
    mod.write_text(LEAK)
    assert build([mod]).exists()  # a failed build leaves nothing in the way


def test_a_cache_that_cannot_be_written_is_named_with_what_to_do(mod, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEUROFIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(MechanismError, match=r"file/mechanisms: Not a directory'.*set NEUROFIT_CACHE"):
        build([mod])


_LOAD = """
import sys
from pathlib import Path
from neurofit.errors import MechanismError
from neurofit.simulate.process import hoc, load_mechanisms
leak, other, twin, namesake = map(Path, sys.argv[1:])
load_mechanisms([leak])
load_mechanisms([twin, other])
soma = hoc().Section(name="soma")
for name in ("testleak", "otherleak"):
    soma.insert(name)
try:
    load_mechanisms([other, namesake])
except MechanismError as error:
    print(error)
"""


def test_models_that_share_a_mechanism_are_loaded_in_one_process_but_not_two_of_one_name(mod, tmp_path):
    other, twin, namesake = mod.parent / "otherleak.mod", tmp_path / "b" / mod.name, tmp_path / "c" / mod.name
    for file, text in (
        (other, LEAK.replace("testleak", "otherleak")),
        (twin, LEAK),
        (namesake, LEAK.replace("1e-4", "2e-4")),
    ):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    command = [sys.executable, "-c", _LOAD, *map(str, (mod, other, twin, namesake))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert "already exists: testleak" in done.stdout and "use worker processes" in done.stdout
