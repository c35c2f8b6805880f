"""What a worker process inherits of its parent's environment, so that it is one quiet thread outside of any MPI job."""

from __future__ import annotations

from collections.abc import Mapping

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
