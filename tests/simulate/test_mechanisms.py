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
    libraries = {process.communicate(timeout=120)[0].strip() for process in running}
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
