"""What can be set or recorded where: the variables of the mechanisms inserted at a place, and their units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurofit.config import modfiles
from neurofit.config.locations import Places
from neurofit.config.modfiles import ModFile, VariableInfo
from neurofit.config.schema.base import did_you_mean
from neurofit.errors import ConfigError

_FEW = 12  # names listed in an error; more are hard to read
# NEURON computes these; setting them has no effect.
_COMPUTED = {"v": "conditions.v_init sets the start voltage", "i_cap": "it is computed"}


@dataclass(frozen=True, slots=True)
class Variables:
    """The mechanisms that are inserted at each place of a cell."""

    places: Places
    inserted: tuple[tuple[str, tuple[ModFile, ...]], ...]

    @classmethod
    def of(cls, mod_files: Sequence[Path], mechanisms: Mapping[str, Sequence[str]], places: Places) -> Variables:
        """From the .mod files and the mechanisms to insert, by place; ConfigError for one that is nowhere defined."""
        known = dict(modfiles.BUILT_IN)
        for path in mod_files:
            mod = _scanned(path)
            if mod.name in known:
                other = known[mod.name].path
                raise ConfigError(
                    "$.model.mechanisms_dir",
                    got=f"{mod.name} in {path.name}",
                    expected=f"a name of its own: {other.name if other else 'NEURON itself'} has it too",
                )
            known[mod.name] = mod
        inserted = []
        for where, names in mechanisms.items():
            path_of = f"$.model.mechanisms.{where}"
            inserted.append((where, tuple(_insertable(n, known, f"{path_of}[{i}]") for i, n in enumerate(names))))
        if places.open:  # a hoc or Python cell inserts what it likes
            inserted.append(("all", tuple(m for m in known.values() if m.kind == "density")))
        return cls(places, tuple(inserted))

    def unit(self, where: str, variable: str, path: str) -> str:
        """The unit of a variable that may be set at `where` (a place, or "global"); ConfigError if it may not."""
        if where == "global":
            return self._global_unit(variable, path)
        info = self._info(where, variable, path)
        if variable in _COMPUTED:
            raise ConfigError(path, got=variable, expected=f"a variable that can be set: {_COMPUTED[variable]}")
        return info.unit

    def recorded_unit(self, where: str, variable: str, path: str) -> str:
        """The unit of a variable that may be recorded at `where`; ConfigError at `path` if there is none."""
        return self._info(where, variable, path).unit

    def _info(self, where: str, variable: str, path: str) -> VariableInfo:
        there = modfiles.variables(self._mechanisms_at(where))
        info = there.get(variable)
        if info is None:
            elsewhere = modfiles.variables(self._every()).get(variable)
            hint = ""
            if elsewhere is not None and elsewhere.mechanism:
                hint = f"; {elsewhere.mechanism} is inserted elsewhere"
            local = [name for name, known in there.items() if not known.is_global]
            shown = ", ".join(local[:_FEW]) + (", ..." if len(local) > _FEW else "")
            raise ConfigError(
                path,
                got=variable,
                expected=f"a variable of a mechanism inserted in {where}: {shown}{hint}{did_you_mean(variable, local)}",
            )
        if info.is_global:
            raise ConfigError(
                path,
                got=variable,
                expected=f"global.{variable}: it is one number for the whole simulation (GLOBAL in {info.mechanism})",
            )
        return info

    def _global_unit(self, variable: str, path: str) -> str:
        if variable in modfiles.GLOBAL_UNITS:
            return modfiles.GLOBAL_UNITS[variable]
        every = modfiles.variables(self._every())
        info = every.get(variable)
        known = [*modfiles.GLOBAL_UNITS, *(name for name, item in every.items() if item.is_global)]
        if info is None:
            raise ConfigError(
                path, got=variable, expected=f"a global: {', '.join(known[:_FEW])}{did_you_mean(variable, known)}"
            )
        if not info.is_global:
            raise ConfigError(
                path,
                got=f"global.{variable}",
                expected=f"a place: {variable} may differ between segments (all.{variable} sets it everywhere)",
            )
        return info.unit

    def _mechanisms_at(self, where: str) -> list[ModFile]:
        found = {m.name: m for place, mods in self.inserted if self.places.overlap(place, where) for m in mods}
        return list(found.values())

    def _every(self) -> Iterable[ModFile]:
        return {m.name: m for _, mods in self.inserted for m in mods}.values()


def _scanned(path: Path) -> ModFile:
    try:
        return modfiles.scan(path)
    except ConfigError as error:
        raise error.located(str(path), 1) from error


def _insertable(name: str, known: Mapping[str, ModFile], path: str) -> ModFile:
    mod = known.get(name)
    density = [m.name for m in known.values() if m.kind == "density"]
    if mod is None:
        raise ConfigError(
            path,
            got=name,
            expected=f"a mechanism of NEURON or of mechanisms_dir: {', '.join(density)}{did_you_mean(name, density)}",
        )
    if mod.kind != "density":
        raise ConfigError(path, got=name, expected=f"a density mechanism (SUFFIX): {name} is a {mod.kind} process")
    return mod
