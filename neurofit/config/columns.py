"""Feature columns: every number that objectives and rules read gets one column, however often it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from neurofit.config.protocols import Protocols
from neurofit.config.schema.base import did_you_mean
from neurofit.config.variables import Variables
from neurofit.errors import ConfigError
from neurofit.problem import catalogue, units
from neurofit.problem.catalogue import FeatureSpec
from neurofit.problem.feature import Feature
from neurofit.problem.protocol import HoldingSearch, Protocol, Search, Sweep

WINDOWS = ("before", "during", "after")
_DEFAULT_RECORDING = "soma.v"
Settings = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A feature as a file asks for it; None leaves the choice to the protocol. `window`: [ms], or a word of WINDOWS."""

    name: str
    protocol: str | None = None
    sweep: int | None = None
    recording: str | None = None
    other: str | None = None
    population: str | None = None
    window: tuple[float, float] | str | None = None
    reduce: str = "mean"
    settings: Settings = ()


@dataclass(slots=True)
class Columns:
    """The columns of a problem, in order of first use.

    `plain` is for function models: any name is a feature. `network` is for networks, whose features read spikes of
    populations. `settings` are eFEL's for all features.
    """

    protocols: Protocols
    plain: bool = False
    network: bool = False
    settings: Settings = ()
    units: Mapping[tuple[str, str], str] = field(
        default_factory=dict
    )  # of recorded variables, by (protocol, recording)
    features: list[Feature] = field(default_factory=list)

    def of(self, request: Request, path: str) -> tuple[int, ...]:
        """Columns of `request`, one for each sweep that it reads; ConfigError at `path` for what is not there."""
        if self.plain:
            return (self._plain(request, path),)
        try:
            spec = catalogue.spec(request.name)
        except KeyError:
            near = catalogue.suggestions(request.name)
            hint = f" (did you mean {', '.join(f'`{n}`' for n in list(near)[:3])}?)" if near else ""
            raise ConfigError(
                f"{path}.feature",
                got=request.name,
                expected=f"a feature of eFEL or neurofit{hint}; `neurofit features` lists them",
            ) from None
        request = self._fitting(request, spec, path)
        source = self._source(request, spec, f"{path}.protocol")
        if not isinstance(source, Protocol):
            return (self._add(Feature(f"{source.name}.{spec.name}", spec.name, spec.unit, source.name)),)
        return self._of_protocol(request, spec, source, path)

    def _fitting(self, request: Request, spec: FeatureSpec, path: str) -> Request:
        """The request in terms of recordings; ConfigError where the feature is of the other kind of model."""
        if self.network != (spec.scope in catalogue.OF_NETWORKS):
            kind, read = ("network", "spikes of populations") if self.network else ("cell", "traces")
            known = [n for n in catalogue.names() if (catalogue.spec(n).scope in catalogue.OF_NETWORKS) == self.network]
            listed = f" ({', '.join(known)})" if self.network else ""
            raise ConfigError(
                f"{path}.feature", got=spec.name, expected=f"a feature of a {kind}, which reads {read}{listed}"
            )
        if not self.network:
            if request.population is not None:
                expected = (
                    f"one of {', '.join(WINDOWS)}, or a recording (recording={request.population}): a cell has no "
                )
                raise ConfigError(f"{path}.population", got=request.population, expected=f"{expected}populations")
            return request
        if request.recording is not None:
            raise ConfigError(f"{path}.recording", got=request.recording, expected="`population` of a network")
        if request.reduce != "mean" or request.settings:
            raise ConfigError(f"{path}.reduce", got=request.reduce, expected=f"neither: {spec.name} is one number")
        return replace(request, recording=request.population)

    def unit(self, column: int) -> str:
        """The unit of a column's values."""
        return self.features[column].unit

    def known_unit(self, column: int) -> str | None:
        """The same, "" for pure numbers alone; None where nobody says the unit: of what a function gives, and of a
        recorded variable whose mechanism names none, or one that is no unit anywhere else.
        """
        feature = self.features[column]
        if self.plain or (not feature.unit and feature.reduce != "count" and catalogue.spec(feature.name).unit):
            return None
        return feature.unit if units.known(feature.unit) else None

    def _plain(self, request: Request, path: str) -> int:
        for key in ("protocol", "sweep", "recording", "other", "window"):
            if getattr(request, key) is not None:
                expected = f"no `{key}`: a function model's features are plain names"
                raise ConfigError(f"{path}.{key}", got=getattr(request, key), expected=expected)
        return self._add(Feature(request.name, request.name, "", recording=""))

    def _add(self, feature: Feature) -> int:
        for i, known in enumerate(self.features):
            if known.column == feature.column:
                return i
        self.features.append(feature)
        return len(self.features) - 1

    def _source(self, request: Request, spec: FeatureSpec, path: str) -> Protocol | Search:
        kind = "search" if spec.scope == "search" else "protocol"
        searches = [s for s in self.protocols.searches if _result(s) == spec.name]
        fitting: list[Protocol | Search] = [*searches] if kind == "search" else [*self.protocols.protocols]
        names = [s.name for s in fitting]
        listed = f"a {kind} that gives {spec.name}: {', '.join(names) or f'there is no such {kind} in `protocols`'}"
        if request.protocol is None:
            if len(fitting) != 1:
                raise ConfigError(path, got=None, expected=listed)
            return fitting[0]
        if request.protocol not in names:
            raise ConfigError(path, got=request.protocol, expected=listed + did_you_mean(request.protocol, names))
        return fitting[names.index(request.protocol)]

    def _of_protocol(self, request: Request, spec: FeatureSpec, protocol: Protocol, path: str) -> tuple[int, ...]:
        key = "population" if self.network else "recording"
        recording = _recording(request.recording, protocol, f"{path}.{key}")
        other = ""
        if spec.scope in ("recordings", "populations"):
            other = _recording(request.other, protocol, f"{path}.other", chosen=recording)
        elif request.other is not None:
            raise ConfigError(f"{path}.other", got=request.other, expected=f"no second {key}: {spec.name} reads one")
        if spec.scope == "sweeps":
            if not protocol.family:
                raise ConfigError(
                    f"{path}.protocol",
                    got=protocol.name,
                    expected=f"a family (`amps`): {spec.name} compares its sweeps",
                )
            if request.sweep is not None:
                raise ConfigError(
                    f"{path}.sweep", got=request.sweep, expected=f"no sweep: {spec.name} reads all of the family"
                )
            chosen: list[int | None] = [None]
        else:
            chosen = list(_sweeps(request.sweep, protocol, f"{path}.sweep"))
        if spec.needs_current and protocol.sweeps[0].amp is None:
            expected = f"a protocol with a current stimulus: {spec.name} reads the current"
            raise ConfigError(f"{path}.protocol", got=protocol.name, expected=expected)
        unit = self._unit(request, spec, protocol.name, recording)
        return tuple(
            self._add(self._feature(request, spec.name, unit, protocol, (sweep, recording, other), path))
            for sweep in chosen
        )

    def _unit(self, request: Request, spec: FeatureSpec, protocol: str, recording: str) -> str:
        if request.reduce == "count":
            return ""
        recorded = self.units.get((protocol, recording))
        # A voltage feature of another recorded variable (cai, ica) is in that variable's unit.
        return recorded if recorded is not None and spec.unit == "mV" else spec.unit

    def _feature(
        self, request: Request, name: str, unit: str, protocol: Protocol, where: tuple[int | None, str, str], path: str
    ) -> Feature:
        sweep, recording, other = where
        window, suffix = _window(request.window, protocol.sweeps[sweep or 0], f"{path}.window")
        part = f"{protocol.name}[{sweep}]" if sweep is not None and protocol.family else protocol.name
        if other:
            part += f".{recording}>{other}"
        elif recording != _DEFAULT_RECORDING:
            part += f".{recording}"
        if request.reduce != "mean":
            suffix += f":{request.reduce}"
        common = dict(self.settings)
        own = "".join(f";{key}={value:.12g}" for key, value in request.settings if common.get(key) != value)
        settings = tuple(sorted({**dict(self.settings), **dict(request.settings)}.items()))
        return Feature(
            f"{part}.{name}{suffix}{own}",
            name,
            unit,
            protocol.name,
            sweep,
            recording,
            other,
            window,
            request.reduce,
            settings,
        )


def recorded_units(protocols: Protocols, variables: Variables) -> dict[tuple[str, str], str]:
    """The units of recorded variables other than the voltage, by (protocol, recording)."""
    found: dict[tuple[str, str], str] = {}
    for protocol in protocols.protocols:
        for recording in protocol.recordings:
            if recording.variable == "i_clamp":
                found[protocol.name, recording.name] = "nA"
            elif recording.variable not in ("v", "spikes"):
                found[protocol.name, recording.name] = variables.recorded_unit(
                    recording.at.where, recording.variable, "$.protocols"
                )
    return found


def _result(search: Search) -> str:
    return "holding_current" if isinstance(search, HoldingSearch) else "rheobase"


def _sweeps(sweep: int | None, protocol: Protocol, path: str) -> range:
    count = len(protocol.sweeps)
    if sweep is None:
        return range(count)
    if not -count <= sweep < count:
        raise ConfigError(path, got=sweep, expected=f"a sweep of {protocol.name}: 0 to {count - 1}")
    first = sweep % count  # -1 is the last, as in rules
    return range(first, first + 1)


def _recording(name: str | None, protocol: Protocol, path: str, chosen: str | None = None) -> str:
    """The recording that `name` means ("dend1" for "dend1.v" too); the default, or the only one left, for None."""
    names = [r.name for r in protocol.recordings if r.name != chosen]
    if name is None:
        if chosen is None and _DEFAULT_RECORDING in names:
            return _DEFAULT_RECORDING
        if len(names) == 1:
            return names[0]
    for candidate in (name, f"{name}.v"):
        if candidate in names:
            return candidate
    what = "population" if any(r.variable == "spikes" for r in protocol.recordings) else "recording"
    which = f"another {what}" if chosen else f"a {what}"
    listed = ", ".join(names) or "it has no other"
    raise ConfigError(
        path,
        got=name,
        expected=f"{which} of {protocol.name}: {listed}{did_you_mean(name or '', names)}",
    )


def _window(
    window: tuple[float, float] | str | None, sweep: Sweep, path: str
) -> tuple[tuple[float, float] | None, str]:
    """The interval [ms] that stands in for the sweep's own, and the column's suffix for it."""
    if window is None or window == "during":
        return None, ""
    start, end = sweep.window
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ConfigError(path, got=window, expected=f"one of {', '.join(WINDOWS)}, or [start, end] in ms")
        interval = (0.0, start) if window == "before" else (end, sweep.duration)
        if not interval[0] < interval[1]:
            raise ConfigError(
                path, got=window, expected=f"a sweep with time {window} its window [{start:g}, {end:g}] ms"
            )
        return interval, f"@{window}"
    if not 0 <= window[0] < window[1] <= sweep.duration:
        raise ConfigError(
            path, got=list(window), expected=f"[start, end] with 0 <= start < end <= {sweep.duration:g} ms"
        )
    return window, f"@{window[0]:.12g}-{window[1]:.12g}"
