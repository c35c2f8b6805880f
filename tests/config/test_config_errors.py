"""Every mistake is one ConfigError with its file, line, what was found and what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from fit_files import BALL, ball, changed, write
from test_config_load import TOY, folder_model

from neurofit.config import load
from neurofit.errors import ConfigError

# (what is replaced, with what, the line of the mistake, words of the message)
MISTAKES = [
    # keys
    ("name: ball", "nmae: ball", 2, "nmae", "did you mean `name`?"),
    ("budget: 50", "bugdet: 50", 30, "$.fit.bugdet", "did you mean `budget`?"),
    ("neurofit: 1\n", "neurofit: 2\n", 1, "$.neurofit", "found 2; expected 1"),
    ("neurofit: 1\n", "", 1, "$.neurofit", "missing"),
    ("{L: 20 um, diam: 20 um}", "{L: 20 um}", 6, "$.model.morphology.sections.soma.diam", "missing"),
    ("fit: {", "stages: [a]\nfit: {", 30, "$.stages", "a file of one problem"),
    # types and limits
    ("name: ball", "name: .nan", 2, "$.name: found the number nan; expected a finite number, or a text in quotes"),
    ("  rheo: {use: rheobase}", "  rheo: 5", 20, "$.protocols.rheo: found 5; expected a mapping"),
    ("[0.05, 0.3]", "true", 16, "$.parameters.soma.gnabar_hh: found true; expected a value, [low, high], or a mapping"),
    ("fit: {optimizer: random, budget: 50}", "fit:", 30, "$.fit: found nothing; expected a mapping, or no such key"),
    ("budget: 50", "budget: 5.5", 30, "$.fit.budget", "whole number"),
    ("budget: 50", "budget: many", 30, "$.fit.budget", "whole number"),
    ("budget: 50", "budget: true", 30, "$.fit.budget", "whole number"),
    ("budget: 50", "budget: 0", 30, "$.fit.budget", "at least 1"),
    ("budget: 50", "timeout: 5 mV", 30, "$.fit.timeout", "does not convert to s"),
    ("budget: 50", "timeout: .nan", 30, "$.fit.timeout", "finite number"),
    ("optimizer: random", "optimizer: randon", 30, "$.fit.optimizer", "did you mean `random`?"),
    ("budget: 50", "surrogate: gpp", 30, "$.fit.surrogate", "did you mean `gp`?"),
    ("budget: 50", "sensitive_steps: 1", 30, "$.fit.sensitive_steps", "true or false"),
    ("budget: 50", "patience: 0", 30, "$.fit.patience", "at least 1"),
    ("budget: 50", "patience: 2.5", 30, "$.fit.patience", "whole number"),
    ("budget: 50", "good_enough: 0", 30, "$.fit.good_enough", "above 0"),
    ("budget: 50", "good_enough: soon", 30, "$.fit.good_enough", "a number"),
    ("budget: 50", "warm_start: 3", 30, "$.fit.warm_start", "a list or a text"),
    ("budget: 50", "warm_start: [a, ' ']", 30, "$.fit.warm_start[1]", "a directory that a fit wrote"),
    ("budget: 50", "warm_strat: a", 30, "$.fit.warm_strat", "did you mean `warm_start`?"),
    ("nseg: 5", "nseg: 2.5", 7, "nseg", "whole number"),
    ("L: 20 um", "L: -20 um", 6, "$.model.morphology.sections.soma.L", "at least 0.001"),
    ("L: 20 um", "L: 20 mV", 6, "$.model.morphology.sections.soma.L", "mV does not convert to um"),
    ("celsius: 6.3 degC", "celsius: 6300", 9, "celsius", "at most 60"),
    # what is written well and makes no sense
    ("neurofit: 1", "neurofit: true", 1, "$.neurofit", "expected 1"),
    ("budget: 50", "budget: 1000000000000", 30, "$.fit.budget", "at most 1e+07"),
    ("budget: 50", "batch: 1000000000000", 30, "$.fit.batch", "at most 1e+06"),
    ("budget: 50", "timeout: 1e12", 30, "$.fit.timeout", "at most 1e+06"),
    ("budget: 50", "timeout: 1 ns", 30, "$.fit.timeout", "at least 0.1"),
    ("nseg: 5", "nseg: 100001", 7, "$.model.morphology.sections.dend.nseg", "at most 10000"),
    ("L: 100 um", "L: 100 Mm", 7, "$.model.morphology.sections.dend.L", "at most 1e+06"),
    ("diam: 2 um", "diam: 2e-20", 7, "$.model.morphology.sections.dend.diam", "at least 0.001"),
    ("nseg: 5}", "nseg: 5, lists: ['1 a']}", 7, "$.model.morphology.sections.dend.lists[0]", "letters, digits"),
    ("soma.gnabar_hh: [0.05, 0.3]", "dend.L: [50, 1e9]", 16, "$.parameters.dend.L", "1e+06, as L is"),
    ("all.Ra: 100", "c: {value: -1, sets: {soma.cm: value}}\n    all.Ra: 100", 12, "found soma.cm of -1 where c is -1"),
    (
        "target: [-66 mV, -64]}",
        "target: [-66, -64], reduce: mean, window: f(a, b)}",
        26,
        "quotes round a text with a comma",
    ),
    ("  soma.gl_hh", "  c: {bounds: [-1, 2], sets: {dend.cm: 2 * value}}\n  soma.gl_hh", 18, "dend.cm of -2 where c"),
    ("soma.gnabar_hh: [0.05, 0.3]", "dend.nseg: 30001", 16, "$.parameters.dend.nseg", "10000, as nseg is"),
    ("soma.gnabar_hh: [0.05, 0.3]", "soma.gnabar_hh: -0.1", 16, "$.parameters.soma.gnabar_hh", "a conductance"),
    ("{value: 50, unit: um}", "{value: 50, unit: um, bounds: [9, a]}", 13, "reach.bounds[1]", "a number in um"),
    ("{value: 50, unit: um}", "{value: 50, unit: um, bounds: [9, 1]}", 13, "reach.bounds", "low < high"),
    ("rest: {duration: 500 ms", "rest: {duration: 1e9", 23, "$.protocols.rest.duration", "at most 1e+06"),
    ("duration: 0.2 s", "duration: 1e9", 22, "$.protocols.fi", "`duration` of at most 1e+06 ms"),
    ("duration: 0.2 s", "duration: 1e-9", 22, "$.protocols.fi.stimuli[0].duration", "at least 0.001"),
    # what is in other units, or spellings, than it looks
    ("celsius: 6.3 degC", "celsius: 34 K", 9, "celsius: found '34 K'; expected a value of at least -20 degC"),
    ("celsius: 6.3 degC", "celsius: 34 Cel", 9, "celsius", "'Cel' is not a known unit"),
    ("{value: 50, unit: um}", "{value: 1, sets: {\n      soma.cm: 1,\n      dend.cm: value / 0}}", 15, "sets.dend.cm"),
    (
        "  soma.gl_hh",
        "  k: 2\n  c: {bounds: [-1, 2], sets: {dend.cm: k * value}}\n  soma.gl_hh",
        19,
        "dend.cm of -2 where c is -1",
    ),
    ("  soma.gl_hh", "  c: {bounds: [0, 2],\n    sets: {dend.cm: value}}\n  soma.gl_hh", 18, "0 where c is 0"),
    ("rest: {duration: 500 ms", "rest: {duration: -5", 23, "$.protocols.rest.duration", "at least 1 ms"),
    ("soma.gnabar_hh: [0.05, 0.3]", "soma.gnabar_hh: [0,05, 0,3]", 16, "soma.gnabar_hh", "points in their numbers"),
    (
        "means: [10, 20, 30 Hz]",
        "mean: [10, 20, 30 Hz]",
        25,
        "$.objectives.rate.mean",
        "a number or a text; a list is of the key `means`",
    ),
    (
        "0.1, 1.5 * rheo]",
        "nan, 1.5 * rheo]",
        22,
        "$.protocols.fi",
        "a current, such as 50 pA, or the name of a search: hold,",
    ),
    # model
    ("parent: soma(1)", "parent: soam(1)", 7, "sections.dend.parent", "did you mean `soma`?"),
    ("parent: soma(1)", "parent: dend(1)", 7, "sections.dend.parent", "another section"),
    ("parent: soma(1)", "parent: soma(1.5)", 7, "sections.dend.parent", "from 0 to 1"),
    (", parent: soma(1)", "", 7, "sections.dend", "one section is the root"),
    ("{all: [pas], soma", "{al: [pas], soma", 8, "$.model.mechanisms.al", "did you mean `all`?"),
    ("soma: [hh]", "soma: [hhh]", 8, "$.model.mechanisms.soma[0]", "did you mean `hh`?"),
    ("soma: [hh]", "apical: [hh]", 8, "$.model.mechanisms.apical", "a list with sections in this cell"),
    ("all.Ra: 100 ohm cm", "all.Ra: 100 mV", 12, "$.model.parameters.all.Ra", "mV does not convert"),
    ("all.Ra: 100 ohm cm", "all.Ra: 0", 12, "$.model.parameters.all.Ra", "above 0"),
    ("all.Ra: 100 ohm cm", "all.Ra: {unit: ohm cm}", 12, "$.model.parameters.all.Ra", "a value or bounds"),
    (
        "all.Ra: 100 ohm cm",
        "all.Ra: {value: 1, distribution: decay}",
        12,
        "distribution",
        "one value for a whole section",
    ),
    ("distribution: decay", "distribution: decai", 14, "distribution", "did you mean `decay`?"),
    ("{distance} / {reach}", "{distance} / {raech}", 10, "$.model.distributions.decay", "did you mean `reach`?"),
    ("exp(-{distance}", "expo(-{distance}", 10, "$.model.distributions.decay", "column"),
    ("  morphology:\n    sections:", "  kind: hoc\n  morphology:\n    sections:", 3, "$.model", "without `morphology`"),
    (
        "  morphology:\n    sections:",
        "  kind: hok\n  morphology:\n    sections:",
        4,
        "$.model.kind",
        "one of cell, hoc, python",
    ),
    # parameters
    ("soma.gl_hh:", "soma.gl:", 18, "$.parameters.soma.gl", "did you mean `gl_hh`?"),
    ("soma.gnabar_hh:", "soma.gnabra_hh:", 16, "$.parameters.soma.gnabra_hh", "did you mean `gnabar_hh`?"),
    ("soma.gnabar_hh:", "dend.gnabar_hh:", 16, "$.parameters.dend.gnabar_hh", "hh is inserted elsewhere"),
    ("soma.gnabar_hh:", "sima.gnabar_hh:", 16, "$.parameters.sima.gnabar_hh", "did you mean `soma`?"),
    ("soma.gnabar_hh:", "gnabar_hh:", 16, "$.parameters.gnabar_hh", "LOCATION.VARIABLE"),
    ("soma.gnabar_hh:", "gkbar: 5\n  soma.gnabar_hh:", 16, "$.parameters.gkbar", "did you mean `soma.gkbar_hh`?"),
    ("soma.gnabar_hh:", "raech: 5\n  soma.gnabar_hh:", 16, "$.parameters.raech", "did you mean `reach`?"),
    ("soma.gnabar_hh:", "soma.v:", 16, "$.parameters.soma.v", "conditions.v_init"),
    ("soma.gnabar_hh:", "global.celcius:", 16, "$.parameters.global.celcius", "did you mean `celsius`?"),
    ("[0.05, 0.3]", "[0.3, 0.05]", 16, "$.parameters.soma.gnabar_hh", "low < high"),
    ("[0.05, 0.3]", "[0.3, 0.3]", 16, "$.parameters.soma.gnabar_hh", "low < high"),
    ("[0.05, 0.3]", "[0.05]", 16, "$.parameters.soma.gnabar_hh", "at least 2 items"),
    ("[0.05, 0.3]", "[0.05, 0.3, 0.4]", 16, "$.parameters.soma.gnabar_hh", "at most 2 items"),
    ("[0.05, 0.3]", "[0.05, 0.3 mV]", 16, "$.parameters.soma.gnabar_hh[1]", "does not convert to S/cm2"),
    ("[0.05, 0.3]", "[-0.05, 0.3]", 16, "$.parameters.soma.gnabar_hh", "at least 0"),
    ("[0.05, 0.3]", "[0.05, .inf]", 16, "$.parameters.soma.gnabar_hh[1]", "finite"),
    ("[0.05, 0.3]", "[0.05, inf]", 16, "$.parameters.soma.gnabar_hh[1]", "finite"),
    ("[0.05, 0.3]", "{bounds: [0.05, 0.3], scale: lgo}", 16, "scale", "did you mean `log`?"),
    ("[0.05, 0.3]", "{bounds: [0.05, 0.3], value: 1}", 16, "value", "within the bounds"),
    ("[0.05, 0.3]", "{bounds: [0.05, 0.3], unit: mV}", 16, "unit", "converts to S/cm2"),
    ("[0.05, 0.3]", "{bounds: [0.05, 0.3], integer: true}", 16, "bounds", "whole numbers"),
    ("[0.05, 0.3]", "{}", 16, "$.parameters.soma.gnabar_hh", "a value, [low, high]"),
    ("soma.gnabar_hh: [0.05, 0.3]", "all.e_pas: {bounds: [-90, -60], scale: log}", 16, "scale", "bounds above 0"),
    ("soma.gnabar_hh: [0.05, 0.3]", "dend.nseg: [1, 5]", 16, "nseg", "`integer: true`"),
    # protocols
    ("use: rheobase", "use: rehobase", 20, "$.protocols.rheo.use", "did you mean `rheobase`?"),
    ("use: rheobase", "use: mine.yaml", 20, "$.protocols.rheo.use", "that exists"),
    ("use: rheobase", "use: rheobase, low: 2", 20, "$.protocols.rheo", "low < high"),
    ("search: holding", "search: hoding", 21, "$.protocols.hold", "did you mean `holding`?"),
    ("search: holding, target: -70 mV", "search: holding", 21, "$.protocols.hold.target", "missing"),
    ("target: -70 mV}", "target: -70 pA}", 21, "$.protocols.hold.target", "does not convert to mV"),
    ("kind: step", "kind: stp", 22, "$.protocols.fi.stimuli[0]", "did you mean `step`?"),
    ("delay: 100,", "dealy: 100,", 22, "$.protocols.fi.stimuli[0].dealy", "did you mean `delay`?"),
    ("delay: 100,", "delay: -100,", 22, "$.protocols.fi.stimuli[0].delay", "at least 0"),
    ("1.5 * rheo", "1.5 * reho", 22, "$.protocols.fi.amps[2]", "did you mean `rheo`?"),
    ("1.5 * rheo", "1.5 * * rheo", 22, "$.protocols.fi.amps[2]", "column 7"),
    ("1.5 * rheo", "mean_frequency(fi)", 22, "$.protocols.fi.amps[2]", "no feature sets one"),
    ("1.5 * rheo", "1.5 * rheo + 20 mV", 22, "$.protocols.fi.amps[2]", "`+`, not nA and mV"),
    ("1.5 * rheo", "rheo / hold", 22, "$.protocols.fi.amps[2]", "a current, not a pure number"),
    ("50 pA, 0.1", "50 pS, 0.1", 22, "$.protocols.fi.amps[0]", "does not convert to nA"),
    ("kind: step, delay", "kind: step, amp: 1, delay", 22, "$.protocols.fi.amps", "without `amp`"),
    (", amps: [50 pA, 0.1, 1.5 * rheo]", "", 22, "$.protocols.fi.stimuli[0]", "`amps` of the protocol"),
    ("holding: hold}", "holding: hodl}", 22, "$.protocols.fi.holding", "did you mean `hold`?"),
    ("holding: hold}", "window: [200, 100]}", 22, "$.protocols.fi.window", "start < end"),
    ("holding: hold}", "duration: 100}", 22, "$.protocols.fi.stimuli[0].delay", "found 100.0; expected a start before"),
    (
        "duration: 0.2 s}]",
        "duration: 0.2 s}, {kind: synapse, weight: 1 nS, tau2: 5, interval: 5, number: 1, delay: 301}], duration: 300",
        22,
        "$.protocols.fi.stimuli[1].delay",
        "before the protocol's end at 300 ms",
    ),
    (
        "rest: {duration: 500 ms",
        "rest: {duration: 500 ms, stimuli: [{kind: voltage_clamp, levels: [-70, 0], durations: [500, 5]}]",
        23,
        "$.protocols.rest.duration",
        "beyond the clamp's first level, which ends at 500 ms",
    ),
    ("dend(60 um).v", "dned(60 um).v", 23, "$.protocols.rest.record.dend1.v", "did you mean `dend`?"),
    ("dend(60 um).v", "dend(60).v", 23, "$.protocols.rest.record.dend1.v", "dend(60 um)"),
    ("dend(60 um).v", "dend(60 mV).v", 23, "$.protocols.rest.record.dend1.v", "does not convert to um"),
    ("dend(60 um).v", "dend(60 um)", 23, "$.protocols.rest.record.dend1.v", "a place and a variable"),
    ("dend(60 um).v", "dend(60 um).m_hh", 23, "$.protocols.rest.record.dend1.v", "hh is inserted elsewhere"),
    ("dend(60 um).v", "soma.i_clamp", 23, "$.protocols.rest.record.dend1.v", "voltage_clamp"),
    ("rest: {duration: 500 ms, record", "rest: {record", 23, "$.protocols.rest", "`duration`"),
    ("  rest: {duration", "  re st: {duration", 23, "$.protocols.re st", "letters, digits"),
    # objectives
    (
        "feature: mean_frequency",
        "feature: mean_freqency",
        25,
        "$.objectives.rate.feature",
        "did you mean `mean_frequency`",
        "`neurofit features` lists them",
    ),
    ("protocol: fi,", "protocol: fii,", 25, "$.objectives.rate.protocol", "did you mean `fi`?"),
    ("protocol: fi,", "protocol: rheo,", 25, "$.objectives.rate.protocol", "a protocol that gives mean_frequency"),
    ("protocol: fi,", "protocol: fi, sweep: 3,", 25, "$.objectives.rate.sweep", "0 to 2"),
    ("protocol: fi,", "protocol: fi, recording: dend1,", 25, "$.objectives.rate.recording", "soma.v"),
    ("protocol: fi,", "protocol: fi, window: [0, 900],", 25, "$.objectives.rate.window", "550 ms"),
    ("means: [10, 20, 30 Hz]", "means: [10, 20]", 25, "$.objectives.rate.means", "3: one for each term"),
    ("means: [10, 20, 30 Hz]", "means: [10, 20, 30 mV]", 25, "$.objectives.rate.means[2]", "does not convert to Hz"),
    ("std: 2", "weight: 2", 25, "$.objectives.rate", "without it"),
    ("std: 2", "std: -2", 25, "$.objectives.rate.std", "above 0"),
    ("target: [-66 mV, -64]", "targets: [-65]", 26, "$.objectives.rest.targets[0]", "expected [low, high]; a single"),
    ("target: [-66 mV, -64]", "target: -65 mV", 26, "$.objectives.rest.target", "expected [low, high]; a single"),
    ("target: [-66 mV, -64]", "target: [-64, -66]", 26, "$.objectives.rest.target", "low <= high"),
    ("target: [-66 mV, -64]", "target: [-64, -64]", 26, "$.objectives.rest.target", "`std` beside it"),
    ("target: [-66 mV, -64]", "target: [-66, -64], mean: 3", 26, "$.objectives.rest", "exactly one of"),
    ("feature: mean_value, ", "", 26, "$.objectives.rest", "`feature`, `features`"),
    ("feature: mean_value, ", "feature: input_resistance, ", 26, "$.objectives.rest.protocol", "a current stimulus"),
    ("feature: mean_value, ", "feature: fi_slope, ", 26, "$.objectives.rest.protocol", "a family"),
    ("feature: mean_value, ", "feature: spike_delay, other: soma, ", 26, "$.objectives.rest.other", "dend1.v"),
    (
        "protocol: rest, target",
        "protocol: rest, settings: {Treshold: 1}, target",
        26,
        "settings.Treshold",
        "`Threshold`",
    ),
    ("fit: {", "efel: {Threshold: 1 nA}\nfit: {", 30, "$.efel.Threshold", "does not convert to mV"),
    ("fit: {", "efel: {interp_step: 5 ms}\nfit: {", 30, "$.efel.interp_step", "above 0 and at most 1 ms"),
    ("fit: {", "efel: {interp_step: 0}\nfit: {", 30, "$.efel.interp_step", "above 0 and at most 1 ms"),
    ("feature: mean_value, ", "feature: ' ', ", 26, "$.objectives.rest.feature", "a feature's name"),
    ("feature: mean_value, ", "features: [''], ", 26, "$.objectives.rest.features[0]", "a feature's name"),
    ("fit: {", "reference: {}\nfit: {", 30, "$.reference: found an empty mapping", "at least 1 item"),
    ("fit: {", "reference: {rat: 3}\nfit: {", 30, "$.reference.rat", "an objective"),
    ("fit: {", "reference: 0\nfit: {", 30, "$.reference", "above 0"),
    ("silent: spike_count(rest) == 0", "silent: 3", 28, "$.rules.silent: found 3; expected an expression"),
]
RULES = [
    ("spike_cuont(rest) == 0", "`spike_count`"),
    ("spike_count(rset) == 0", "did you mean `rest`?"),
    ("spike_count(rest) = 0", "column"),
    ("spike_count(rest)", "a condition"),
    ("spike_count(rest) == 0 and (1 > 0", "')'"),
    ("1 > 0", "reads a feature"),
    ("soma.g_pas > 0", "a feature of a protocol"),
    ("spike_count(fi[7]) == 0", "0 to 2"),
    ("spike_count(rest, before) == 0", "before"),
    ("spike_count(rest, recording=axon.v) == 0", "soma.v, dend1.v"),
    ("__import__('os') == 0", "column"),
    ("spike_count(rest) > 4 Hz", "one unit on both sides of `>`, not a pure number and Hz"),
    ("mean_frequency(fi[1]) > 4 mV", "one unit on both sides of `>`, not Hz and mV"),
    ("abs(voltage_base(rest) + 60 Hz) < 1 mV", "one unit on both sides of `+`, not mV and Hz"),
    ("0 < mean_value(rest) / mean_value(fi[0]) < 2 mV", "one unit on both sides of `<`, not a pure number and mV"),
    ("increasing(spike_count(rest))", "found increasing() of one value in 'increasing"),
    ("decreasing(spike_count(fi[0]))", "a feature of two or more sweeps"),
    ("spike_count(fi)[3] > 4", "found the index 3 in 'spike_count(fi)[3] > 4'; expected one of -3 to 2, as there"),
    ("spike_count(rest)[1] > 4", "expected no index, as there is one value"),
    (" + ".join(["spike_count(rest)"] * 400) + " > 1", "at most 150 operators"),
    ("spike_count(fi)[0][0] > 1", "one index at column 19"),
    ("spike_count(fi[0]) / 0 > 4", "a divisor other than 0 at column 22"),
    ("abs(voltage_base(rest) + 60 mV < 1 mV", "a ')' to close the '(' of column 4, at column 38, where the end stands"),
    ("spike_count(rest == 0", "a ')' to close the '(' of column 12, at column 18, where '==' stands"),
    ("spike_count(rest) = 0", "`==`, which compares, at column 19"),
    ("spike_count(rest) => 1", "`>=` at column 19, where '=' stands"),
    ("spike_count(rest) == 0 && spike_count(fi) == 0", "`and` at column 24, where '&' stands"),
    ("any(AP_phaseslope(fi) > 5 Hz) and 1 > 0", "one unit on both sides of `>`, not 1/ms and Hz"),
]


def refused(file: Path, **overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file, overrides)
    error = caught.value
    assert error.exit_code == 2 and error.file is not None
    assert "\n" not in str(error)
    return error


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m[1][:40])
def test_mistake_is_named_with_its_line(tmp_path, mistake):
    old, new, line, *words = mistake
    text = changed(old, new)
    file = write(tmp_path, text)
    error = refused(file)
    assert error.file == str(file)
    assert all(word in str(error) for word in words), str(error)
    assert error.line == line, f"{error} is on line {line}: {text.splitlines()[line - 1]}"


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r[0])
def test_wrong_rules(tmp_path, rule):
    text, words = rule
    error = refused(write(tmp_path, changed("spike_count(rest) == 0", text)))
    assert error.path == "$.rules.silent" and error.line == 28 and words in str(error), str(error)


@pytest.mark.parametrize(
    "rule", ["{a} > {b}", "all({a} > 0 and {b} > 0)", "abs({a} - {b}) < 1 Hz", "min({a}, {b}) > 0"]
)
def test_sweeps_that_do_not_pair_are_not_held_against_each_other(tmp_path, rule):
    text = rule.format(a="mean_frequency(fi)", b="mean_frequency(two)")
    two = "  two: {stimuli: [{kind: step, delay: 100, duration: 100}], amps: [0.1, 0.2]}\n"
    file = changed("spike_count(rest) == 0", text).replace("  rest: {duration", two + "  rest: {duration")
    error = refused(write(tmp_path, file))
    assert error.path == "$.rules.silent" and error.line == 29
    assert f"found 2 against 3 sweeps in {text!r}; expected features of as many sweeps" in str(error)
    # But each may be asked for itself.
    load(write(tmp_path, file.replace(text, "mean_frequency(fi) > 0 and mean_frequency(two) > 0")))


@pytest.mark.parametrize("name", ["..", " ", "a//b", "/a", "x" * 101])
def test_a_name_that_no_folder_can_have(tmp_path, name):
    """Results go to runs/NAME, which is not to be found only when they are written, or to be elsewhere."""
    error = refused(write(tmp_path, BALL), name=f'"{name}"')
    assert error.path == "$.name" and "folder" in error.expected
    assert load(write(tmp_path, BALL), {"name": "cells/été"}).name == "cells/été"


def test_what_set_made_is_told_of_it_and_not_of_the_file(tmp_path):
    assert str(refused(write(tmp_path, BALL), **{"a.b.c": "1"})).startswith("a.b.c=1, $.a: found 'a'")
    error = refused(write(tmp_path, BALL), **{"parameters.soma.gl_hh": ""})
    assert "$.parameters.soma.gl_hh: found nothing; expected a value, [low, high], or a mapping" in str(error)
    with pytest.raises(ConfigError, match="found 3; expected a text, as a file has it: '3'"):
        load(write(tmp_path, BALL), {"fit.budget": 3})  # type: ignore[dict-item]  # as a program may


SYNTAX = [
    ("name: [", 3),
    ("name: ball\nname: bell", 3),
    ("name: \t- x: 'y", None),
    ("name: !!python/object:os.system {}", 2),
    ("name: &a [*a]", 2),
    ("name: *unknown", 2),
    ("name: \0", 2),
    ("? [a, b]\n: 3", 2),
    ("null: 3", 2),
    ("name: ball\n---\nname: other", None),
]


@pytest.mark.parametrize(("text", "line"), SYNTAX)
def test_broken_yaml(tmp_path, text, line):
    error = refused(write(tmp_path, changed("name: ball", text)))
    if line is not None:
        assert error.line is not None and abs(error.line - line) <= 1, str(error)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty file"),
        ("- a\n- b\n", "a list"),
        ("just words", "a text"),
        ("# nothing\n", "an empty file"),
        ("3", "a single value"),
    ],
)
def test_no_mapping(tmp_path, text, found):
    error = refused(write(tmp_path, text))
    assert "mapping" in error.expected and f"found {found};" in str(error)


def test_unreadable_files(tmp_path):
    assert "can be read" in refused(tmp_path / "none.yaml").expected
    assert "can be read" in refused(tmp_path).expected
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: \xe9".encode("latin-1"))
    assert "UTF-8" in refused(latin).expected


def test_aliases_that_expand_without_end(tmp_path):
    bomb = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    assert "aliases" in refused(write(tmp_path, bomb)).expected


def test_model_names(tmp_path):
    head = BALL[: BALL.index("model:")] + "model: {}\n" + BALL[BALL.index("parameters:\n  soma") :]
    error = refused(write(tmp_path, head.replace("model: {}", "model: hh_sma")))
    assert error.line == 3 and "hh_soma" in error.expected
    error = refused(write(tmp_path, head))
    assert error.line == 3 and "`morphology`" in error.expected
    error = refused(write(tmp_path, head.replace("model: {}", "model: 5")))
    words = "$.model: found 5; expected a built-in model's name, a folder with a model.yaml, or a mapping"
    assert error.line == 3 and words in str(error)


def test_mistakes_in_the_models_own_file_name_that_file(tmp_path):
    file = folder_model(tmp_path)
    own = tmp_path / "mine" / "model.yaml"
    text = own.read_text()
    own.write_text(text.replace("allact.g_leak", "allact.g_laek"))
    error = refused(file)
    assert (error.file, error.line) == (str(own), 7) and "`g_leak`" in error.expected
    own.write_text(text.replace("file: cell.swc", "file: cel.swc"))
    error = refused(file)
    assert (error.file, error.line) == (str(own), 2) and "that exists" in error.expected
    own.write_text(text.replace("global.e_leak", "allact.e_leak"))
    assert "global.e_leak" in refused(file).expected
    own.write_text(text + "    oops\n  : [")
    assert refused(file).file == str(own)


def test_mistakes_in_a_protocol_file_name_that_file(tmp_path):
    own = write(tmp_path, "neurofit: 1\nprotocol:\n  duration: 5 mV\n", "mine.yaml")
    error = refused(write(tmp_path, changed("duration: 500 ms", "use: mine.yaml")))
    assert (error.file, error.line, error.path) == (str(own), 3, "$.protocols.rest.duration")


def test_function_models(tmp_path):
    file = write(tmp_path, TOY)
    assert "that exists" in refused(file).expected
    write(tmp_path / "toys", "def feature(p): pass\n", "toy.py")
    error = refused(file)
    assert error.line == 2 and "did you mean `feature`?" in error.expected
    source = write(tmp_path / "toys", "def features(p:\n", "toy.py")
    assert (refused(file).file, refused(file).line) == (str(source), 1)
    write(tmp_path / "toys", "def features(p): pass\n", "toy.py")
    load(file)
    write(tmp_path, TOY + "protocols: {rest: {duration: 3}}\n")
    assert "no protocols" in refused(file.with_name("ball.yaml")).expected


def test_nothing_free(tmp_path):
    with pytest.raises(ConfigError, match="at least one free parameter"):
        ball(
            tmp_path,
            ("[0.05, 0.3]", "0.1"),
            ("[10 mS/cm2, 0.2]", "0.1"),
            ("{bounds: [1e-5, 1e-3], scale: log}", "1e-4"),
        )
