"""Traces to feature values: as few eFEL calls for a whole batch as possible, and our own features beside them."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import efel
import numpy as np

from neurofit.evaluate import own_features
from neurofit.evaluate.traces import SweepResult, injected_current
from neurofit.problem import catalogue
from neurofit.problem.feature import Feature

__all__ = ["SweepResult", "extract"]

Results = Mapping[tuple[int, str, int], SweepResult]
_Settings = tuple[tuple[str, float], ...]
_Found = Mapping[str, np.ndarray | None]


class _Trace(NamedTuple):
    """Which trace is read, and how: a candidate's recording of a sweep, in a window [ms], under eFEL settings."""

    candidate: int
    protocol: str
    sweep: int
    recording: str
    window: tuple[float, float]
    settings: _Settings


class _Reading(NamedTuple):
    """One number to find: its place, and for each sweep that it reads the traces of its one or two recordings."""

    row: int
    column: int
    sweeps: tuple[tuple[_Trace, ...], ...]


def extract(results: Results, features: Sequence[Feature], candidates: int) -> np.ndarray:
    """Values (candidates, len(features)), in the features' units, from results by (candidate, protocol, sweep index).

    nan where a feature is undefined, or its sweep is not among the results. Results of searches are left nan.
    eFEL's settings are its defaults but for `strict_stiminterval` (only spikes in the window count) and the feature's
    own; the caller's are restored.
    """
    values = np.full((candidates, len(features)), np.nan)
    readings = _readings(results, features)
    found = _call_efel(results, _wanted(features, readings))
    for row, column, sweeps in readings:
        values[row, column] = _value(features[column], sweeps, results, found)
    return values


def _readings(results: Results, features: Sequence[Feature]) -> list[_Reading]:
    """Every number that can be found: the pairs of a feature and a candidate whose sweeps were simulated."""
    ran: dict[str, dict[int, list[int]]] = {}
    for row, protocol, sweep in sorted(results):
        ran.setdefault(protocol, {}).setdefault(row, []).append(sweep)
    readings = []
    for column, feature in enumerate(features):
        if catalogue.spec(feature.name).scope == "search":
            continue
        recordings = (feature.recording, feature.other) if feature.other else (feature.recording,)
        for row, sweeps in ran.get(feature.protocol, {}).items():
            read = sweeps if feature.sweep is None else [k for k in sweeps if k == feature.sweep]
            if read:
                windows = {k: feature.window or results[row, feature.protocol, k].window for k in read}
                traces = tuple(
                    tuple(_Trace(row, feature.protocol, k, r, windows[k], feature.settings) for r in recordings)
                    for k in read
                )
                readings.append(_Reading(row, column, traces))
    return readings


def _wanted(features: Sequence[Feature], readings: Sequence[_Reading]) -> dict[_Trace, set[str]]:
    """The eFEL features wanted of each trace."""
    wanted: dict[_Trace, set[str]] = {}
    for _, column, sweeps in readings:
        spec = catalogue.spec(features[column].name)
        names = (spec.name,) if spec.source == "efel" else spec.needs
        if names:
            for trace in (t for recordings in sweeps for t in recordings):
                wanted.setdefault(trace, set()).update(names)
    return wanted


def _call_efel(results: Results, wanted: Mapping[_Trace, set[str]]) -> dict[_Trace, _Found]:
    """eFEL's answers for each trace: one call for all traces that share settings and wanted features."""
    groups: dict[tuple[_Settings, tuple[str, ...]], list[_Trace]] = {}
    for trace, names in wanted.items():
        groups.setdefault((trace.settings, tuple(sorted(names))), []).append(trace)
    found: dict[_Trace, _Found] = {}
    times = _Times()
    with _efel_to_ourselves():
        for (settings, names), traces in groups.items():
            _set(settings)
            silent = {t for t in traces if _surely_silent(t, results, names)}
            found.update({t: dict.fromkeys(names, np.zeros(1)) for t in silent})
            asked = [t for t in traces if t not in silent]
            dicts = [_dict(t, results[t.candidate, t.protocol, t.sweep], names, times) for t in asked]
            found.update(zip(asked, _answers(dicts, names), strict=True))
    return found


def _surely_silent(trace: _Trace, results: Results, names: Sequence[str]) -> bool:
    """Whether only spikes are to be counted, and no sample in the window is above the threshold that makes a spike.

    Rules such as "silent before the stimulus" ask for nothing else, and eFEL would take as long as for the rest.
    """
    settings = efel.get_settings()
    start, end = trace.window
    if not (settings.strict_stiminterval and start < end and set(names).issubset(catalogue.SPIKE_COUNTS)):
        return False
    result = results[trace.candidate, trace.protocol, trace.sweep]
    # A sample more on either side: eFEL interpolates between them.
    first, last = np.searchsorted(result.t, (start, end))
    inside = result.traces[trace.recording][max(0, first - 1) : last + 2]
    return bool((inside <= settings.Threshold).all())


@contextlib.contextmanager
def _efel_to_ourselves() -> Iterator[None]:
    """Restores the caller's eFEL settings on leaving, and silences its remarks: few spikes are no news in a fit."""
    state, log = vars(efel.get_settings()), logging.getLogger("efel")
    before, level = dict(state), log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        state.clear()
        state.update(before)


def _set(settings: _Settings) -> None:
    # efel.reset() would do, but reads a file each time (10 ms); eFEL passes the settings to its core with every trace.
    state = vars(efel.get_settings())
    state.clear()
    state.update(vars(efel.Settings()))
    for name, value in (("strict_stiminterval", True), *settings):
        efel.set_setting(name, value)  # converts to the setting's own type


class _Times:
    """Times as lists: a batch's sweeps share a few, and making a list costs as much as a feature."""

    def __init__(self) -> None:
        self._lists: dict[tuple[int, float], tuple[np.ndarray, list[float]]] = {}

    def of(self, t: np.ndarray) -> list[float]:
        """`t` (n,) as a list, the same one for equal times."""
        key = (t.size, float(t[-1]))
        known = self._lists.get(key)
        if known is None or not np.array_equal(known[0], t):
            known = self._lists[key] = (t, t.tolist())
        return known[1]


def _dict(trace: _Trace, result: SweepResult, names: Sequence[str], times: _Times) -> dict[str, list[float]]:
    """The trace as eFEL takes it; from arrays rather than lists it would copy at half the speed."""
    made = {
        "T": times.of(result.t),
        "V": result.traces[trace.recording].tolist(),
        "stim_start": [float(trace.window[0])],
        "stim_end": [float(trace.window[1])],
    }
    if np.isfinite(result.amp):
        made["stimulus_current"] = [float(result.amp)]
    if not set(catalogue.READS_WAVEFORM).isdisjoint(names):
        waveform = injected_current(result)
        if waveform is not None:
            made["I"] = waveform.tolist()
    return made


def _answers(dicts: Sequence[dict[str, list[float]]], names: Sequence[str]) -> list[_Found]:
    """eFEL's answers in one call; what makes eFEL raise is found by halving, traces first, and its answer is None."""
    try:
        return efel.get_feature_values(list(dicts), list(names), None, True, False)
    except Exception:  # whatever a feature's code raises on an odd trace; eFEL does not say whose it was
        if len(dicts) > 1:
            half = len(dicts) // 2
            return [*_answers(dicts[:half], names), *_answers(dicts[half:], names)]
        if len(names) > 1:
            half = len(names) // 2
            return [{**_answers(dicts, names[:half])[0], **_answers(dicts, names[half:])[0]}]
        return [dict.fromkeys(names)]


def _value(
    feature: Feature, sweeps: Sequence[Sequence[_Trace]], results: Results, found: Mapping[_Trace, _Found]
) -> float:
    if catalogue.spec(feature.name).source == "efel":
        answer = found[sweeps[0][0]][feature.name]
        return _reduced(answer, "mean" if feature.name in catalogue.SPIKE_COUNTS else feature.reduce)
    threshold = dict(feature.settings).get("Threshold", efel.Settings.Threshold)
    subjects = [[_subject(t, results, found, threshold) for t in recordings] for recordings in sweeps]
    value = own_features.compute(feature.name, subjects)
    return value if np.isfinite(value) else np.nan


def _subject(trace: _Trace, results: Results, found: Mapping[_Trace, _Found], threshold: float) -> own_features.Subject:
    result = results[trace.candidate, trace.protocol, trace.sweep]
    return own_features.Subject(
        result=result,
        trace=result.traces[trace.recording],
        window=trace.window,
        efel=found.get(trace, {}),
        threshold=threshold,
    )


def _reduced(answer: np.ndarray | None, how: str) -> float:
    """One number of eFEL's array; nan for none, for a second of one, and for the spread of one."""
    values = np.array([]) if answer is None else np.asarray(answer, float)
    if values.size == 0 or (values.size == 1 and how in ("second", "std")):
        return np.nan
    match how:
        case "first" | "second" | "last":
            value = values[{"first": 0, "second": 1, "last": -1}[how]]
        case "count":
            value = values.size
        case _:
            value = getattr(np, how)(values)
    return float(value) if np.isfinite(value) else np.nan
