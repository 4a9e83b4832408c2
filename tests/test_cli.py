"""The command line: exit codes, messages without tracebacks, and an answer at once."""

import itertools
import re
import subprocess
import sys
import time

import pytest

from neurodyn.cli import main, parser
from neurodyn.experiment.demo import demo

TOYS = """
import xarray as xr


def double(seed, *, factor=2.0):
    return xr.Dataset({"value": factor * seed})
"""

FIGURE = '''
"""A toy figure."""

from neurodyn.plot import figure

INPUTS = {"values": "toy/double"}


def draw(values):
    fig = figure("single", 40)
    fig.add_subplot().plot(values.seed, values.value, "o", label="value")
    return fig
'''


@pytest.fixture
def home(tmp_path, monkeypatch):
    root = tmp_path / "home"
    for folder, name, text in (
        ("analyses/toy", "double.yaml", "title: doubles\nanalysis: cli_toys:double\nseed: 0\ngrid: {seed: [1, 2, 3]}\n"),
        ("figures/toy", "fig1_toy.py", FIGURE),
        (".", "cli_toys.py", TOYS),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("NEURODYN_HOME", str(root))
    monkeypatch.syspath_prepend(root)
    return root


def test_run_then_kept_then_forced(home, capsys):
    for arguments, state in ((["run", "toy/double"], "computed"), (["run", "toy/double"], "kept"), (["run", "toy/double", "--force"], "computed")):
        assert main(arguments) == 0
        assert capsys.readouterr().out.count(f"] {state} in") == 3


def test_dry_run_writes_nothing(home, capsys, tmp_path):
    assert main(["run", "toy/double", "--dry-run", "--results", str(tmp_path / "r")]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 cells to compute, never run here" in out
    assert not (tmp_path / "r").exists()


def test_sweep_shards_and_papers(home, capsys):
    assert main(["sweep", "toy/", "--workers", "1", "--shard", "1/2"]) == 0
    assert "seed=2" in capsys.readouterr().out
    assert main(["sweep", "toy/double", "--workers", "1", "--dry-run"]) == 0
    assert "2 of 3 cells to compute, about" in capsys.readouterr().out


def test_figure_runs_what_is_missing_and_says_where(home, capsys, tmp_path):
    assert main(["figure", "toy/fig1_toy", "--no-run"]) == 2
    assert "neurodyn run toy/double" in capsys.readouterr().err
    assert main(["figure", "toy/fig1_toy"]) == 0
    out = capsys.readouterr().out
    assert "figures/toy/fig1_toy.png" in out
    assert (tmp_path / "results" / "figures" / "toy" / "fig1_toy.csv").read_text(encoding="utf-8").count("value") >= 3


def test_explain_a_hit_a_miss_and_a_file(home, capsys, tmp_path):
    main(["run", "toy/double"])
    capsys.readouterr()
    main(["explain", "toy/double"])
    assert capsys.readouterr().out.count(" hit: ") == 3
    declared = home / "analyses" / "toy" / "double.yaml"
    declared.write_text(declared.read_text(encoding="utf-8") + "parameters: {factor: 3.0}\n", encoding="utf-8")
    main(["explain", "toy/double"])
    assert "parameters.factor: 2.0 -> 3.0" in capsys.readouterr().out
    main(["explain", str(tmp_path / "results" / "toy" / "double" / "0000_seed=1.nc")])
    assert "whole" in capsys.readouterr().out
    main(["explain", "toy/fig1_toy"])
    assert "values <- toy/double" in capsys.readouterr().out
    main(["explain", "eigenspectrum"])
    assert "Leading eigenvalues" in capsys.readouterr().out


def test_explain_data_sets(monkeypatch, capsys, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"other")
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    for name, said in (
        (
            "mnist",
            ["Handwritten digits, 60,000", "train-images-idx3-ubyte.gz: differs", "t10k-labels-idx1-ubyte.gz: missing", "licence: CC BY-SA", "load(root"],
        ),
        ("digits", ["embedded in scikit-learn", 'splits: {"train": 1438, "test": 359}', "reader neurodyn.datasets.digits"]),
        ("cifar10", ["not here; expected in cifar10 under NEURODYN_DATA"]),
        ("imagenet_folder", ["reader neurodyn.datasets.imagenet_folder"]),
    ):
        assert main(["explain", name]) == 0
        out = capsys.readouterr().out
        assert [text for text in said if text not in out] == []


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["run", "toy/duoble"], "did you mean `toy/double`"),
        (["run", "toy/double", "--set", "parameters.factr=1"], "did you mean `factor`"),
        (["sweep", "toy/double", "--shard", "4"], "expected: i/n"),
        (["sweep", "toy/double", "--workers", "0"], "`workers` is 0"),
        (["figure", "toy/fig1_ty"], "did you mean `toy/fig1_toy`"),
        (["explain", "toy/duoble"], "did you mean `toy/double`"),
        (["explain", "mnits"], "did you mean `mnist`"),
        (["train", "no-such-model"], "unknown model `no-such-model`"),
        (["simulate", "no-such-model"], "unknown model `no-such-model`"),
        (["run", "toy/double", "--results", "/proc/results"], "cannot be written"),
        (["sweep"], "no experiment is named"),
        (
            ["score", "cordsnet-digits", "Nope2020"],
            "unknown recordings `Nope2020`\n  expected: one of assembly, cowley2023\n  fix: name a data set of recordings, or a public id",
        ),
    ],
)
def test_errors_are_messages_with_exit_code_2(home, capsys, arguments, match):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert match in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("word", "guess"), [("rn", "run"), ("figur", "figure"), ("dmeo", "demo")])
def test_a_misspelt_command_is_answered(capsys, word, guess):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args([word])
    assert stop.value.code == 2
    assert f"did you mean `{guess}`" in capsys.readouterr().err


def test_the_demo_says_what_comes_and_how_long_it_takes(tmp_path):
    lines = [line for line, _ in itertools.islice(demo(results=tmp_path), 3)]
    assert "a first run takes about" in lines[1]
    assert lines[2].startswith("reading 359 held-out")


def test_list(home, capsys):
    assert main(["list", "analyses"]) == 0
    assert "toy/double" in capsys.readouterr().out.splitlines()
    assert main(["list"]) == 0
    assert "architectures: " in capsys.readouterr().out


def test_doctor_finds_what_is_broken(home, capsys, tmp_path):
    main(["doctor"])
    out = capsys.readouterr().out
    for what in ("python", "torch", "torchvision", "brainscore", "threads", "data", "results"):
        assert f" {what}" in out
    assert main(["doctor", "--results", "/proc/results"]) == 1
    out = capsys.readouterr().out
    assert "fail  results" in out
    assert re.search(r"\n\d+ checks, \d+ with a note, \d+ failed\n(  .*\n)*  results: ", out)


def test_doctor_sees_altered_weights(home, capsys):
    (home / "models" / "weights").mkdir(parents=True)
    (home / "models" / "broken.yaml").write_text(
        "name: broken\narchitecture: cordsnet\nrecipe: {name: cordsnet}\ndata: none\nseed: 0\ncommand: none\n"
        "weights: {file: broken.safetensors, sha256: '00'}\n",
        encoding="utf-8",
    )
    assert main(["doctor"]) == 1
    assert "broken.safetensors is missing" in capsys.readouterr().out
    (home / "models" / "weights" / "broken.safetensors").write_bytes(b"x")
    assert main(["doctor"]) == 1
    assert "truncated or altered" in capsys.readouterr().out


def test_help_is_light():
    heavy = "{'torch', 'numpy', 'xarray', 'matplotlib', 'pydantic'}"
    code = f"import sys\nfrom neurodyn.cli import parser\nparser().format_help()\nprint(sorted({heavy} & sys.modules.keys()))"
    begun = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert time.perf_counter() - begun < 30  # a hang, not a benchmark
