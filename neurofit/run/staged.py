"""A staged run as a modeller reads it: the run of each stage by its name, and as a whole the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from neurofit import paths
from neurofit.archive import Contents, exists, read
from neurofit.config.document import read as read_yaml
from neurofit.config.load import STAGES
from neurofit.errors import ArchiveError
from neurofit.run.results import Run

if TYPE_CHECKING:
    import pandas as pd

FILE = "stages.yaml"  # in a staged run's directory: the staged file with all that it names filled in


class StagedRun(Run):
    """The run of a staged file.

    `stages` holds the runs of the stages that have begun, in order. What else a run has (front, best, pictures, ...)
    is that of the last of these: what the stages are there for.
    """

    def __init__(self, directory: Path, names: tuple[str, ...], contents: Mapping[str, Contents]):
        self._names = names
        self._stages = {name: Run(directory / name, found) for name, found in contents.items()}
        super().__init__(directory, contents[list(contents)[-1]])

    def __repr__(self) -> str:
        begun = ", ".join(repr(run) for run in self._stages.values())
        return f"<StagedRun in {self.directory}: {len(self._stages)} of {len(self._names)} stages: {begun}>"

    @property
    def stages(self) -> Mapping[str, Run]:
        """The runs of the stages that have begun, by name."""
        return self._stages

    @property
    def parts(self) -> Mapping[str, Run]:
        """The runs of the stages that have begun, by name."""
        return self._stages

    @property
    def ended(self) -> str:
        """Why the last stage is over; "" while it is not."""
        return super().ended if len(self._stages) == len(self._names) else ""

    def summary(self) -> dict[str, object]:
        """What `neurofit show --json` prints: the summary of each stage."""
        return {STAGES: {name: run.summary() for name, run in self._stages.items()}}

    def flat(self) -> pd.DataFrame:
        """The evaluations of all stages, a first column `stage`; columns that a stage does not have are empty."""
        import pandas as pd

        tables = {name: run.flat().reset_index() for name, run in self._stages.items()}
        return pd.concat(tables, names=["stage", "row"]).droplevel("row")


def open_staged(directory: Path) -> StagedRun | None:
    """The staged run in `directory`, None where there is none. Raises ArchiveError where no stage has begun."""
    if exists(directory) or not paths.is_file(directory / FILE):
        return None
    stages = read_yaml(directory / FILE).data.get(STAGES)
    names = tuple(str(s["name"]) for s in stages if isinstance(s, dict)) if isinstance(stages, list) else ()
    begun = {name: read(directory / name) for name in names if exists(directory / name)}
    if not begun:
        raise ArchiveError(f"{directory} holds no run yet: none of its stages ({', '.join(names)}) has begun")
    return StagedRun(directory, names, begun)
