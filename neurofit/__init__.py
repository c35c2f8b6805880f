"""neurofit fits the parameters of NEURON models to recordings and rules; these are its public names.

run = neurofit.fit("cell.yaml", out="runs/a");  run = neurofit.open("runs/a");  neurofit.compare(["runs/a", "runs/b"])
problem = neurofit.load("cell.yaml");  optimizer = neurofit.make_optimizer("nsga2", problem, seed=1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurofit.builtin import load as load
    from neurofit.builtin import load_staged as load_staged
    from neurofit.optimize import make_optimizer as make_optimizer
    from neurofit.report.live import Watch as Watch
    from neurofit.run.comparing import compare as compare
    from neurofit.run.fit import fit as fit
    from neurofit.run.progress import Progress as Progress
    from neurofit.run.results import Run as Run
    from neurofit.run.results import open_run as open

    __version__: str

__all__ = ["Progress", "Run", "Watch", "compare", "fit", "load", "load_staged", "make_optimizer", "open"]


def __getattr__(name: str) -> object:
    # looked up when first used: a worker process imports this package too, and must not wait for tables and optimizers
    homes = {
        "compare": ("neurofit.run.comparing", "compare"),
        "fit": ("neurofit.run.fit", "fit"),
        "load": ("neurofit.builtin", "load"),
        "load_staged": ("neurofit.builtin", "load_staged"),
        "make_optimizer": ("neurofit.optimize", "make_optimizer"),
        "open": ("neurofit.run.results", "open_run"),
        "Progress": ("neurofit.run.progress", "Progress"),
        "Run": ("neurofit.run.results", "Run"),
        "Watch": ("neurofit.report.live", "Watch"),
    }
    if name == "__version__":
        from importlib.metadata import version

        return version("neurofit")
    if name not in homes:
        raise AttributeError(f"module 'neurofit' has no attribute {name!r}")
    module, attribute = homes[name]
    return getattr(import_module(module), attribute)
