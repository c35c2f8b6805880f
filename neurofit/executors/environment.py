"""What workers have of the machine: how many a fit starts, and what each inherits of its parent's environment.

That makes each one quiet thread, outside of any MPI job.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from neurofit.problem.problem import FitSettings

# Set for the ranks of an MPI job; a child that finds them tries to join that job when NEURON or mpi4py is imported.
_LAUNCHERS = (
    "PMI_", "PMI2_", "PMIX_", "OMPI_", "PRTE_", "HYDRA_", "HYDI_", "MPI_", "MPIR_", "MPIEXEC_", "I_MPI_", "MV2_COMM_",
    "PALS_",
)  # fmt: skip
# Read when the library is first loaded; workers share the cores between them already.
_THREADS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)  # fmt: skip


def worker_environment(parent: Mapping[str, str]) -> dict[str, str]:
    """The parent's environment without an MPI launcher's variables, one thread for each library, NEURON without a GUI.

    Strings hash the same in every worker, unless the user has chosen otherwise: a model that sums over a set of names
    would differ in its last digits from one worker to the next.
    """
    kept = {name: value for name, value in parent.items() if not name.startswith(_LAUNCHERS)}
    options = kept.get("NEURON_MODULE_OPTIONS", "")
    if "-nogui" not in options.split():
        kept["NEURON_MODULE_OPTIONS"] = f"-nogui {options}".strip()
    kept.setdefault("PYTHONHASHSEED", "0")
    return kept | dict.fromkeys(_THREADS, "1") | {"PYTHONUNBUFFERED": "1"}


def usable_cores() -> int:
    """The cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_of(fit: FitSettings) -> int:
    """How many worker processes a fit starts: those of the file or one a core, but none that never could have work.

    No more candidates are ever under way than `lag` batches besides the one that is waited for, nor than the budget.
    """
    return min(fit.workers or usable_cores(), fit.batch * (fit.lag + 1), fit.budget)
