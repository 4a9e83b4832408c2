"""Experiment files: strict, with messages that name file, line and the nearest key."""

from pathlib import Path

import pytest

from neurodyn.errors import ConfigError, DataError, NeurodynError
from neurodyn.experiment.document import parse_value, read_document
from neurodyn.experiment.run import run
from neurodyn.experiment.spec import axis_name, read_experiment

BAD = {
    "unknown key": ("parameters: {factor", "parametres: {factor", r"base.yaml:9: unknown key `parametres`; did you mean `parameters`"),
    "unknown inner key": (
        "schedule: {stimulus_steps",
        "schedule: {stimulus_step",
        r"base.yaml:7: unknown key `inputs.schedule.stimulus_step`; did you mean `stimulus_steps`",
    ),
    "unknown model key": ("{factory: linear", "{factry: linear", r"base.yaml:5: unknown key `inputs.model.factry`; did you mean `factory`"),
    "unknown parameter": ("{factor: 2.0}", "{facter: 2.0}", r"base.yaml:9: unknown parameter of nd_toys:gain `facter`; did you mean `factor`"),
    "unknown analysis": ("nd_toys:gain", "eigenspectrm", r"base.yaml:3: unknown analysis `eigenspectrm`"),
    "unknown analysis outside": ("nd_toys:gain", "nd_toys:gian", r"did you mean `gain`"),
    "missing module": ("nd_toys:gain", "no_such_module:gain", r"cannot be imported"),
    "missing seed": ("\nseed: 0\n", "\n", r"the key `seed` is missing"),
    "wrong type": ("seed: 0\n", "seed: zero\n", r"`seed` is 'zero'"),
    "two units": ("{stimulus_steps: 5}", "{stimulus_steps: 5, before_ms: 3}", r"durations in ms or in steps"),
    "no source": ('generator: "nd_toys:flashes", ', "", r"exactly one of dataset, generator, not none"),
    "two sources": ('generator: "nd_toys:flashes"', 'generator: "nd_toys:flashes", dataset: digits', r"not dataset and generator"),
    "twice": ("seed: 0\n", "seed: 0\nseed: 1\n", r"base.yaml:11: the key `seed` stands twice \(also in line 10\)"),
    "negative n": ("n: 4", "n: -4", r"`inputs.stimuli.n` is -4"),
    "empty axis": ("seed: 0\n", "seed: 0\ngrid: {seed: []}\n", r"the axis `seed` is empty"),
    "doubled value": ("seed: 0\n", "seed: 0\ngrid: {seed: [1, 1]}\n", r"holds a value twice"),
    "unknown axis": ("seed: 0\n", "seed: 0\ngrid: {sede: [1, 2]}\n", r"unknown key `sede`; did you mean `seed`"),
    "unknown inner axis": ("seed: 0\n", "seed: 0\ngrid: {inputs.stimuli.nn: [1, 2]}\n", r"unknown key `inputs.stimuli.nn`; did you mean `n`"),
    "same name of two axes": ("seed: 0\n", "seed: 0\ngrid: {parameters.factor: [1.0], inputs.stimuli.parameters.factor: [1.0]}\n", r"unknown|called `factor`"),
}


@pytest.mark.parametrize(("old", "new", "match"), BAD.values(), ids=BAD.keys())
def test_bad_files(write, base, old, new, match):
    assert old in base
    write(base.replace(old, new, 1))
    with pytest.raises(ConfigError, match=match):
        read_experiment("toy/base")


WRONG_INPUTS = {
    "unknown generator parameter": ("{contrast: 1.0}", "{contrst: 1.0}", "did you mean `contrast`"),
    "unknown model parameter": ("{eigenvalues:", "{eigenvalue:", "did you mean `eigenvalues`"),
    "unknown system": ("factory: linear_network", "factory: linear_netwrk", "did you mean `linear_network`|cannot|unknown"),
    "unknown model": ("{factory: linear_network, parameters: {eigenvalues: [0.5, 0.25]}}", "no-such-model", "unknown model `no-such-model`"),
    "unknown label": ("n: 4,", "labels: [7],", "unknown label `7`"),
    "too many": ("n: 4, seed: 0, parameters: {contrast: 1.0}", "n: 9, parameters: {n: 4}", "9 presentations are asked for but there are 4"),
    "unused input": ("  record: {steps: all}\n", "  step: 3\n", "makes no use of `inputs.step`"),
    "missing model": ("  model: {factory: linear_network, parameters: {eigenvalues: [0.5, 0.25]}}\n", "", "`inputs.model` is missing"),
    "seed is needed": ("seed: 0\n", "seed: null\n", "needs a seed"),
    "splits": ("n: 4,", "split: test,", "has no splits"),
    "image of another size": ("contrast: 1.0", "size: 3, contrast: 1.0", "3 x 1 x 1|resize"),
}


@pytest.mark.parametrize(("old", "new", "match"), WRONG_INPUTS.values(), ids=WRONG_INPUTS.keys())
def test_inputs_that_cannot_be_resolved(write, base, old, new, match):
    assert old in base
    text = base.replace("seed: 0\n", "seed: null\n") if new == "seed: null\n" else base.replace(old, new, 1)
    write(text.replace("n: 9", "resize: false, n: 9"))
    with pytest.raises(NeurodynError, match=match):
        run("toy/base")


def test_the_nearest_experiment_is_offered(write, base):
    write(base)
    with pytest.raises(ConfigError, match="unknown experiment `toy/bse`; did you mean `toy/base`"):
        read_experiment("toy/bse")


@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("seed", "has no `=`"),
        ("sed=1", "did you mean `seed`"),
        ("parameters.facter=1", "did you mean `factor`"),
        ("seed.x=1", "lies inside `seed`"),
        ("parameters=[", "not YAML"),
    ],
)
def test_bad_overrides(write, base, override, match):
    write(base)
    with pytest.raises(ConfigError, match=match):
        read_experiment("toy/base", [override])


def test_a_grid_varies_the_inside_of_a_model_named_by_a_string(write):
    write("analysis: nd_toys:final\ninputs:\n  model: some-card\nseed: null\ngrid: {inputs.model.untrained: [false, true]}\n")
    cells = read_experiment("toy/base").cells
    assert [c.spec.inputs.model.untrained for c in cells] == [False, True]
    assert cells[0].spec.inputs.model.name == "some-card"
    assert [c.label for c in cells] == ["untrained=False", "untrained=True"]


def test_cells_are_the_product_last_axis_fastest(write, base):
    write(base + "grid:\n  seed: [0, 1]\n  parameters.factor: [1.0, 2.0, 3.0]\n")
    cells = read_experiment("toy/base").cells
    assert [(c.spec.seed, c.spec.parameters["factor"]) for c in cells] == [(s, f) for s in (0, 1) for f in (1.0, 2.0, 3.0)]
    assert len({c.file(__import__("pathlib").Path("r")) for c in cells}) == 6


def test_the_file_named_can_be_opened_and_a_mend_is_given(write, base, monkeypatch, tmp_path):
    path = write(base.replace("{factor: 2.0}", "{zzzzzz: 2.0}", 1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        read_experiment("toy/base")
    assert Path(caught.value.where.rsplit(":", 1)[0]).samefile(path)
    assert caught.value.fix == "help(gain) after from nd_toys import gain"


def test_not_yaml_names_the_line(write):
    path = write("a: 1\nb: [\n")
    with pytest.raises(DataError, match=r"base.yaml:\d+: not YAML"):
        read_document(path)
    with pytest.raises(ConfigError, match="holds a list"):
        read_document(write("- 1\n"))
    with pytest.raises(DataError, match="is missing"):
        read_document(path.with_name("none.yaml"))


@pytest.mark.parametrize(("text", "value"), [("1e-8", 1e-8), ("-2.5E3", -2500.0), ("1e3", 1000.0), ("e3", "e3"), ("null", None), ("[1, a]", [1, "a"])])
def test_numbers_are_numbers(text, value):
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_axis_names():
    assert [axis_name(k) for k in ("inputs.stimuli.n", "parameters.n_modes", "inputs.step", "inputs.recordings.seed")] == [
        "stimuli_n",
        "n_modes",
        "step",
        "recordings_seed",
    ]
