"""The commands end with the right exit code and one clear message, and write what they say they write."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from commands import Done, assert_wrong_input, neurofit
from typer.testing import CliRunner

import neurofit as library
from neurofit.cli.commands import app
from neurofit.cli.telling import introduction
from neurofit.config import json_schema, load
from neurofit.report import pictures
from neurofit.report.live import line
from neurofit.run.progress import Progress
from neurofit.run.stages import Step

FUNCTION = """
neurofit: 1
name: bowl
model: {kind: function, function: bowl.py:features}
parameters: {a: [-2, 2], b: [-2, 2]}
objectives:
  near: {feature: near, target: [0, 0.5], std: 1}
  far: {feature: far, mean: 1, std: 0.5}
rules: {inside: near < 3}
fit: {optimizer: random, budget: 24, batch: 8, seed: 1, workers: 1, timeout: 20 s}
"""
BOWL = '''"""A function of two parameters, for tests of the commands."""


def features(p):
    return {"near": p["a"] ** 2 + p["b"] ** 2, "far": abs(p["a"] - p["b"])}


def broken(p):
    raise ValueError(f"no features at {p['a'] > 9}")


def half(p):
    return features(p) if p["a"] > 0 else broken(p)


constant = 3
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("bowl")
    (home / "bowl.py").write_text(BOWL)
    (home / "bowl.yaml").write_text(FUNCTION)
    warm = FUNCTION.lstrip().replace("budget: 24", "budget: 24, warm_start: nowhere")
    (home / "warm.yaml").write_text(warm)
    return home


@pytest.fixture(scope="module")
def run(folder: Path) -> Done:
    return neurofit("fit", "bowl.yaml", "--out", "out/bowl", cwd=folder)


def test_fit_prints_a_line_a_batch_and_writes_pictures(run: Done, folder: Path) -> None:
    assert run.returncode == 0, run.stderr
    batches = re.findall(r"^batch (\d+): (\d+)/24 evaluations; .*feasible.*hypervolume.*near.*left", run.stdout, re.M)
    assert batches == [("0", "8"), ("1", "16"), ("2", "24")]
    for name in ("results.h5", "problem.yaml", "log.txt", "front.png", "convergence.png"):
        assert (folder / "out/bowl" / name).stat().st_size > 0
        assert name in run.stdout
    assert "neurofit report out/bowl" in run.stdout


def test_fit_again_does_nothing_more(run: Done, folder: Path) -> None:
    before = (folder / "out/bowl/results.h5").read_bytes()
    assert neurofit("fit", "bowl.yaml", "--out", "out/bowl", cwd=folder).returncode == 0
    assert (folder / "out/bowl/results.h5").read_bytes() == before


def test_another_problem_in_the_directory_is_refused(run: Done, folder: Path) -> None:
    other = neurofit("fit", "bowl.yaml", "--out", "out/bowl", "--set", "parameters.a=[-1, 1]", cwd=folder)
    assert_wrong_input(other, "another problem ($.parameters.a.bounds: [-2, 2] there, [-1, 1] here)")


def test_a_fit_whose_evaluations_all_fail_says_why(folder: Path) -> None:
    broken = ("--set", "model.function=bowl.py:broken")  # beside the file, as what is written in it
    done = neurofit("fit", "../bowl.yaml", *broken, "--out", "none", cwd=_made(folder / "elsewhere"))
    assert done.returncode == 1
    assert "error: All evaluations failed (error 24); the first, #0: ValueError: no features at False" in done.stderr
    half = neurofit("fit", "bowl.yaml", "--set", "model.function=bowl.py:half", "--out", "half", cwd=folder)
    assert half.returncode == 0, half.stderr
    assert re.search(
        r"^\d+ of 24 evaluations failed \(error \d+\); the first, #\d+: ValueError: no fea", half.stdout, re.M
    )
    assert "evaluations failed" in neurofit("show", "half", cwd=folder).stdout


def test_rules_alone_make_a_fit(folder: Path) -> None:
    """Where there is nothing to score, nothing is said of scores: not of std, hypervolume or objectives."""
    begin, end = FUNCTION.index("objectives:"), FUNCTION.index("rules:")
    (folder / "ruled.yaml").write_text(FUNCTION[:begin] + FUNCTION[end:])
    said = [
        neurofit(*command, cwd=folder)
        for command in (("check", "ruled.yaml"), ("fit", "ruled.yaml", "--out", "ruled"), ("show", "ruled"))
    ]
    said.append(neurofit("fit", "ruled.yaml", "--out", "first", "--set", "fit.good_enough=1", cwd=folder))
    for done in said:
        assert done.returncode == 0, done.stderr
        assert not re.search(r"hypervolume|std|Objectives|Front", done.stdout), done.stdout
    assert "keeps every rule, and there are no objectives" in said[-1].stdout
    assert "hypervolume" not in (folder / "ruled/log.txt").read_text()
    nothing = neurofit("check", "ruled.yaml", "--set", "rules={}", cwd=folder)
    assert_wrong_input(nothing, "$.objectives: found 'no objective and no rule'; expected something to fit")


def test_a_feature_that_a_function_does_not_return_is_named(folder: Path) -> None:
    """A slip in a feature's name is no error, as a function may leave a feature out: but nothing is feasible then."""
    slip = ("--set", "objectives.far.feature=fra")
    assert "; there is no value of fra). That is no error" in neurofit("check", "bowl.yaml", *slip, cwd=folder).stdout
    done = neurofit("fit", "bowl.yaml", *slip, "--out", "slip", cwd=folder)
    assert "No evaluation has a value of fra: nothing is feasible without one" in done.stdout


def test_a_model_that_cannot_be_run_is_told_with_the_option_that_gave_it(folder: Path) -> None:
    done = neurofit("check", "bowl.yaml", "--set", "model.function=bowl.py:constant", cwd=folder)
    expected = (
        "--set model.function=bowl.py:constant, $.model.function: found 'constant'; expected a function that bowl.py"
    )
    assert_wrong_input(done, expected)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_show_as_json_and_csv(run: Done, folder: Path) -> None:
    summary = json.loads(neurofit("show", "out/bowl", "--json", cwd=folder).stdout)
    assert summary["evaluations"] == 24
    assert summary["status"] == {"ok": 24}
    assert set(summary["front"][0]) >= {"parameters", "features", "objectives"}
    rows = list(csv.DictReader(io.StringIO(neurofit("show", "out/bowl", "--csv", cwd=folder).stdout)))
    assert len(rows) == 24
    assert {"parameter/a", "feature/near", "objective/far", "rule/inside", "run/status"} <= set(rows[0])
    assert sum(row["run/feasible"] == "True" for row in rows) == summary["feasible"]
    assert "Front, scores in std" in neurofit("show", "out/bowl", cwd=folder).stdout


def test_plot_and_report(run: Done, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = neurofit("plot", "out/bowl", "--out", "pictures", cwd=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert [Path(p).name for p in drawn.stdout.split()] == [
        "front.png",
        "convergence.png",
        "parallel.png",
        "objectives.png",
        "rules.png",
        "sensitivity.png",
        "partial.png",
        "foretold.png",
    ]
    # the two quickest of the same pictures: a page of all of them is tested with a run that was made up
    monkeypatch.setattr(pictures, "pictures", lambda material, left_out: pictures.overview(material))
    reported = neurofit("report", "out/bowl", cwd=folder)
    assert reported.returncode == 0, reported.stderr
    assert "data:image/png" in (folder / "out/bowl/report.html").read_text()


def test_a_picture_by_its_name(run: Done, folder: Path) -> None:
    drawn = neurofit("plot", "out/bowl", "--only", "rules", "--only", "front", "--out", "two", cwd=folder)
    assert (drawn.returncode, drawn.stdout.split()) == (0, ["two/rules.png", "two/front.png"])
    assert sorted(p.name for p in (folder / "two").iterdir()) == ["front.png", "rules.png"]
    assert_wrong_input(neurofit("plot", "out/bowl", "--only", "fornt", cwd=folder), "--only: found 'fornt'")
    assert_wrong_input(neurofit("plot", "out/bowl", "out/bowl", "--only", "front", cwd=folder), "expected one RUN")
    lacking = neurofit("plot", "out/bowl", "--only", "traces", cwd=folder)
    assert lacking.returncode == 1 and "it needs" in lacking.stderr


def test_a_report_that_fails_half_way_leaves_what_was_there(
    run: Done, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("neurofit.cli.telling.pictures", lambda *_: iter(()))  # which would take seconds
    monkeypatch.setattr("neurofit.report.page.page", broken)
    (folder / "old").mkdir()
    (folder / "old" / "report.html").write_text("the one before")
    for name, left in (("new", []), ("old", ["report.html"])):
        assert neurofit("report", "out/bowl", "--out", f"{name}/report.html", cwd=folder).returncode == 1
        assert sorted(p.name for p in (folder / name).iterdir()) == left
    assert (folder / "old" / "report.html").read_text() == "the one before"
    assert_wrong_input(neurofit("report", "out/bowl", "--out", "old", cwd=folder), "it is there, and no file")


def test_plot_of_several_runs_is_one_picture(run: Done, folder: Path) -> None:
    assert neurofit("fit", "bowl.yaml", "--out", "out/two", "--seed", "2", cwd=folder).returncode == 0
    drawn = neurofit("plot", "out/bowl", "out/two", "--out", "both", cwd=folder)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.split() == ["both/hypervolumes.png"] and (folder / "both/hypervolumes.png").stat().st_size > 0
    assert (
        neurofit("fit", "bowl.yaml", "--out", "out/hard", "--set", "rules.inside=near < 1", cwd=folder).returncode == 0
    )
    assert_wrong_input(neurofit("plot", "out/bowl", "out/hard", cwd=folder), "near < 1")


def test_export_gives_the_best(run: Done, folder: Path) -> None:
    exported = json.loads(neurofit("export", "out/bowl", "--solution", "best", cwd=folder).stdout)
    front = json.loads(neurofit("show", "out/bowl", "--json", cwd=folder).stdout)["front"]
    best = min(front, key=lambda solution: sum(solution["objectives"].values()))
    assert {n: p["value"] for n, p in exported["parameters"].items()} == best["parameters"]
    assert f"evaluation: {exported['evaluation']}" in neurofit("export", "out/bowl", "--to", "yaml", cwd=folder).stdout
    assert_wrong_input(neurofit("export", "out/bowl", "--to", "hoc", cwd=folder), "json, yaml")
    assert_wrong_input(neurofit("export", "out/bowl", "--solution", "one", cwd=folder), "number")
    assert_wrong_input(
        neurofit("export", "out/bowl", "--solution", "24", cwd=folder), "the number of an evaluation, 0 to 23"
    )
    # below a file nobody can write, whoever it is
    assert_wrong_input(neurofit("plot", "out/bowl", "--out", "bowl.py/x", cwd=folder), "cannot write bowl.py/x/front")
    began = time.monotonic()
    assert_wrong_input(neurofit("report", "out/bowl", "--out", "bowl.py/x.html", cwd=folder), "cannot write bowl.py/x")
    assert time.monotonic() - began < 1.5, "said after the pictures had been drawn"  # 0.1 s; the pictures take 6 s


def test_check_says_what_everything_is(folder: Path) -> None:
    checked = neurofit("check", "bowl.yaml", cwd=folder)
    assert checked.returncode == 0, checked.stderr
    for words in ("Free parameters", "Features", "Objectives", "near < 3", "0 to 0.5", "feasible", "24 evaluations"):
        assert words in checked.stdout
    many = neurofit("check", "bowl.yaml", "--set", "fit.workers=100", cwd=folder)
    assert "on 8 workers simulates for about" in many.stdout  # all that a batch of 8 can keep busy


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "nowhere.yaml"), "models/"),
        (("check", "bowl.yaml", "--set", "fit.budgt=3"), "budget"),
        (("check", "bowl.yaml", "--set", "fit.budget"), "KEY=VALUE"),
        (("fit", "bowl.yaml", "--budget", "0"), "budget"),
        (("show", "nowhere"), "nowhere"),
        (("new", "nothing", "x"), "hh_soma"),
        (("schema", "stagd"), "one of fit, staged, model, network, function, protocol (did you mean `staged`?)"),
        (("nonsense",), "nonsense"),
        (("check", ""), "fit file"),
        (("fit", "bowl.yaml", "--out", ""), "an empty name is no place"),
        (("check", "models"), "hh_soma"),
        (("fit", "."), "there are bowl.yaml"),
        (("fit", "bowl.yaml", "--warm-start", "nowhere"), "--warm-start, $.fit.warm_start[0]: found"),
        (("fit", "bowl.yaml", "--optimizer", "magic"), "error: --optimizer, $.fit.optimizer: found 'magic'"),
        (("check", "bowl.yaml", "--set", "fit.warm_start=nowhere"), "error: --set fit.warm_start=nowhere, $.fit.warm"),
        (("check", "bowl.yaml", "--set", "objectives.near.mean=1"), "--set objectives.near.mean=1 in bowl.yaml, line"),
        (("check", "warm.yaml"), "warm.yaml, line 9, $.fit.warm_start[0]: found"),
        (
            ("fit", "hh_soma/staged.yaml", "--budget", "20"),
            "--set stages.NAME.fit.budget=... with NAME one of passive, active",
        ),
    ],
)
def test_wrong_input_is_one_message_and_exit_code_2(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    assert_wrong_input(neurofit(*arguments, cwd=folder), words)


def test_the_version_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0 and done.stdout == f"neurofit {library.__version__}\n"
    assert library.__version__ == metadata.version("neurofit")


def test_python_m_neurofit_is_the_same_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "neurofit", "check", "no_such_file.yaml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and "no_such_file.yaml" in done.stderr and not done.stdout


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_the_log(folder: Path) -> None:
    code = """
import sys
import neurofit.run.fit
from neurofit.cli.commands import app

def broken(step, progress):
    step.directory.mkdir(parents=True)
    raise ZeroDivisionError("by nothing")

neurofit.run.fit.fit_step = broken
app()
"""
    command = [sys.executable, "-c", code, "fit", "bowl.yaml", "--out", "broken"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "error: unexpected ZeroDivisionError: by nothing; the traceback is in broken/log.txt"
    ]
    assert "Traceback" in (folder / "broken/log.txt").read_text()


def test_a_terminal_gets_a_live_panel(folder: Path) -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "neurofit", "fit", "bowl.yaml", "--out", "live"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=folder, stdout=child, stderr=child, env=environment) as process:
        os.close(child)
        said = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # Linux's end of file of a terminal
                break
            if not part:
                break
            said += part
    os.close(parent)
    text = said.decode()
    assert process.returncode == 0, text
    assert "fitting bowl" in text
    assert "24/24 evaluations" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_new_says_what_to_type_next(tmp_path: Path) -> None:
    done = neurofit("new", "hh_soma", "my cell", cwd=tmp_path)
    assert "neurofit fit 'my cell/cell.yaml'" in done.stdout and "'my cell/staged.yaml'" in done.stdout
    assert_wrong_input(neurofit("new", "hh_some", "x", cwd=tmp_path), "did you mean `hh_soma`")


def test_schema_templates_features_and_doctor(tmp_path: Path) -> None:
    assert json.loads(neurofit("schema", cwd=tmp_path).stdout) == json_schema()
    assert "models/hh_soma/cell.yaml" in neurofit("templates", cwd=tmp_path).stdout
    assert "mean_frequency" in neurofit("features", cwd=tmp_path).stdout
    doctor = neurofit("doctor", cwd=tmp_path)
    for name in ("C++ compiler", "make", "nrnivmodl", "built-in models", "neuron", "MPI library"):
        assert name in doctor.stdout
    assert doctor.returncode in (0, 1)


def test_a_line_of_progress_has_everything() -> None:
    text = line(
        Progress(
            evaluations=30,
            budget=60,
            feasible=3,
            rule_shares={"held": 0.5},
            hypervolume=0.25,
            best={"rate": 1.234},
            eta=75.0,
            statuses={"ok": 28, "crash": 2},
            batch=2,
        )
    )
    assert text == (
        "batch 2: 30/60 evaluations; 3 feasible (10 %); hypervolume 0.250; best [std]: rate 1.23; "
        "rules: held 50 %; failed: crash 2; left 1 min 15 s"
    )


def test_fit_says_first_what_its_file_is_warned_of(folder: Path) -> None:
    wide = replace(load(folder / "bowl.yaml"), warnings=("a: [too wide] for linear",))
    assert introduction(Step("", wide, folder / "out")).splitlines()[1:] == [
        "[yellow]warning: a: \\[too wide] for linear[/yellow]"
    ]
