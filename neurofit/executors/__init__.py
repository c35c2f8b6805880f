"""Executors: map candidates to evaluations, in order of completion."""

from neurofit.executors.groups import GroupExecutor
from neurofit.executors.mpi import MpiExecutor
from neurofit.executors.processes import ProcessExecutor
from neurofit.executors.serial import SerialExecutor

__all__ = ["GroupExecutor", "MpiExecutor", "ProcessExecutor", "SerialExecutor"]
