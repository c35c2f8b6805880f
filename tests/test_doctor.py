"""The doctor must see what is broken: a compiler that fails, a library that is not there, a launcher of another MPI."""

from __future__ import annotations

from pathlib import Path

import pytest
from mpi_jobs import needs_mpi

from neurofit import doctor

BOX = "-" * 74 + "\n"  # what Open MPI's launcher puts around its own words


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@needs_mpi
def test_a_mechanism_is_compiled_and_simulated_and_two_ranks_say_hello():
    findings = {f.name: f for f in doctor.examine()}
    assert findings["mechanisms"].fine, findings["mechanisms"].found
    assert findings["mpiexec"].fine and findings["MPI library"].fine
    assert "2 ranks in mpi4py, 2 in NEURON's ParallelContext" in findings["2 ranks"].found


def test_a_compiler_that_fails_is_told_with_its_words(tmp_path, monkeypatch):
    program(tmp_path / "bin", "make", "echo error: licence expired >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    finding = doctor._compiled()
    assert not finding.fine and finding.needed and "licence expired" in finding.found, finding


def test_a_launcher_of_another_mpi_than_the_library_is_seen(tmp_path, monkeypatch):
    program(tmp_path / "bin", "mpiexec", "echo 'mpiexec (Open MPI) 5.0.3'")
    library = tmp_path / "libmpi.so.12"
    library.touch()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("MPI_LIB_NRN_PATH", "LD_LIBRARY_PATH", "MPI_HOME", "MPI_ROOT", "I_MPI_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("neurofit.launcher.ctypes.util.find_library", lambda name: None)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    findings = {f.name: f for f in doctor._mpi()}
    assert "Open MPI" in findings["mpiexec"].found and not findings["MPI library"].fine
    assert str(library) in findings["MPI library"].found and "2 ranks" not in findings


def test_a_launcher_that_hangs_or_a_library_that_is_not_there_is_told_in_time(tmp_path, monkeypatch):
    program(tmp_path / "bin", "mpiexec", 'test "$1" = --version && echo HYDRA || sleep 60')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("MPI_LIB_NRN_PATH", str(tmp_path / "libmpi.so.12"))
    monkeypatch.setattr(doctor, "_JOINING", 0.3)
    findings = {f.name: f for f in doctor._mpi()}
    assert not findings["MPI library"].fine and "no file" in findings["MPI library"].found
    assert findings["2 ranks"].found == "it had not ended after 0.3 s" and not findings["2 ranks"].fine


@pytest.mark.parametrize(
    "said, told",
    [
        (
            f"{BOX}mpiexec has detected an attempt\nto run as root.\n\nRunning as root is discouraged.\n{BOX}",
            "an attempt to run as root.",
        ),
        (
            f"RuntimeError: no library\n{BOX}Primary job terminated\n{BOX}{BOX}mpiexec detected\n{BOX}",
            "RuntimeError: no library",
        ),
        ("one\ntwo  words\n", "two words"),
        ("", "it printed nothing"),
    ],
)
def test_of_what_was_printed_the_line_that_says_why_is_told(said, told):
    assert doctor._last(said).endswith(told) and "---" not in doctor._last(said)


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEUROFIT_CACHE", str(tmp_path / "file" / "below"))
    finding = doctor._cache()
    assert not finding.fine and "NEUROFIT_CACHE" in finding.advice
    monkeypatch.setenv("NEUROFIT_CACHE", str(tmp_path / "new" / "below"))
    assert doctor._cache().fine
