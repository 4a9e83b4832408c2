"""From a file to results: what changes the key, what is kept, and what happens when a run dies."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest
import xarray as xr

from neurodyn import places
from neurodyn.architectures import convrnn
from neurodyn.artefacts.store import load, provenance
from neurodyn.errors import ArtefactError, ConfigError
from neurodyn.experiment import resolve_inputs
from neurodyn.experiment.run import open_result, run, status
from neurodyn.experiment.spec import ModelInput, read_experiment
from neurodyn.experiment.sweep import plan, sweep


def result_of(overrides=(), name="toy/base", folder=None):
    experiment = read_experiment(name, overrides)
    (outcome,) = run(experiment, results=folder, force=True)
    return provenance(outcome.path)["key"], load(outcome.path)


CHANGES = [
    "inputs.model.parameters.eigenvalues=[0.5, 0.3]",
    "inputs.model.factory=rotation",
    "inputs.stimuli.n=3",
    "inputs.stimuli.seed=1",
    "inputs.stimuli.labels=[1]",
    "inputs.stimuli.per_label=1",
    "inputs.stimuli.parameters.contrast=0.5",
    "inputs.stimuli.generator=nd_toys:other_flashes",
    "inputs.schedule.stimulus_steps=4",
    "inputs.schedule.before_steps=1",
    "inputs.schedule.after_steps=1",
    "inputs.record.steps=last",
    "inputs.record.neuroids={x: [1]}",
    "inputs.noise_seed=3",
    "parameters.factor=3.0",
    "seed=1",
    "analysis=nd_toys:other_gain",
]


@pytest.mark.parametrize("change", CHANGES)
def test_each_field_changes_the_key_and_the_output(write, base, home, change):
    with open(home / "nd_toys.py", "a", encoding="utf-8") as file:
        file.write("\n\ndef other_gain(responses, *, factor=2.0, seed):\n    return gain(responses, factor=-factor, seed=seed)\n")
        file.write("\n\ndef other_flashes(n=4, contrast=1.0, seed=0):\n    return flashes(n, contrast, seed + 7)\n")
    write(base)
    overrides = [change]
    if "rotation" in change:
        overrides.append("inputs.model.parameters={angle_rad: 0.3}")
    if "noise_seed" in change:
        overrides.insert(0, "inputs.model={factory: 'nd_toys:noisy'}")
        with open(home / "nd_toys.py", "a", encoding="utf-8") as file:
            file.write(NOISY)
    if "label" in change:
        overrides.append("inputs.stimuli.n=null")
    before = result_of(overrides[:-1] if "noise_seed" in change else ())
    after = result_of(overrides)
    assert before[0] != after[0]
    assert not before[1].identical(after[1])


NOISY = """

def noisy():
    from neurodyn.testing.systems import linear_network
    model = linear_network([0.5, 0.25])
    plain = model.step
    def step(state, drive, *, noise=None):
        new = plain(state, drive)
        return new if noise is None else {"x": new["x"] + noise.normal("x", new["x"])}
    model.step = step
    return model
"""


@pytest.mark.parametrize("step", ["2", "last"])
def test_the_step_counts_where_a_state_is_taken(write, base, step):
    write(base.replace("nd_toys:gain", "nd_toys:final").replace("parameters: {factor: 2.0}", "").replace("  record: {steps: all}\n", ""))
    one, other = result_of(["inputs.step=1"]), result_of([f"inputs.step={step}"])
    assert one[0] != other[0]
    assert not one[1].identical(other[1])


@pytest.mark.parametrize("change", ["compute.batch_size=1", "compute.batch_size=3", "compute.device=cpu", "title=another", "notes=text"])
def test_how_it_is_computed_keeps_the_key_and_the_values(write, base, change):
    write(base)
    before, after = result_of(), result_of([change])
    assert before[0] == after[0]
    np.testing.assert_allclose(after[1].value, before[1].value, rtol=1e-5)  # float32 sums in another order


def test_workers_keep_keys_and_values(write, base, tmp_path):
    write(base + "grid:\n  seed: [0, 1, 2]\n")
    serial = sweep("toy/base", workers=1, results=tmp_path / "one")
    parallel = sweep("toy/base", workers=2, results=tmp_path / "two")
    assert [o.state for o in serial + parallel] == ["computed"] * 6
    for a, b in zip(serial, parallel, strict=True):
        assert a.path.read_bytes() == b.path.read_bytes()


def test_writing_a_default_out_keeps_the_key(write, base):
    write(base)
    with_default = result_of()
    write(base.replace("parameters: {factor: 2.0}\n", ""))
    assert result_of()[0] == with_default[0]


def test_a_change_of_code_or_weights_is_a_miss_that_says_so(write, base, home):
    write(base)
    run("toy/base")
    source = (home / "nd_toys.py").read_text(encoding="utf-8")
    (home / "nd_toys.py").write_text(source.replace("factor * responses", "factor + responses"), encoding="utf-8")
    (found,) = status(read_experiment("toy/base"), run("toy/base")[0].path.parent.parent)
    assert found.done  # computed again by the run above
    (home / "nd_toys.py").write_text(source, encoding="utf-8")
    (found,) = status(read_experiment("toy/base"), found.path.parent.parent)
    assert not found.done
    assert found.reasons[0].startswith("code: ")


def test_what_is_done_is_kept_and_what_is_corrupt_is_made_again(write, base):
    write(base + "grid:\n  seed: [0, 1]\n  parameters.factor: [1.0, 2.0]\n")
    first = run("toy/base")
    assert [o.state for o in first] == ["computed"] * 4
    stamps = [o.path.stat().st_mtime_ns for o in first]
    with open(first[2].path, "rb+") as file:
        file.truncate(1000)
    again = run("toy/base")
    assert [o.state for o in again] == ["kept", "kept", "computed", "kept"]
    assert [o.path.stat().st_mtime_ns for o in again][:2] == stamps[:2]
    assert [p.name for p in first[0].path.parent.iterdir() if p.name.startswith(".")] == []


def test_a_grid_is_one_dataset_with_a_dim_for_each_axis(write, base):
    write(base + "grid:\n  seed: [0, 1]\n  inputs.schedule.stimulus_steps: [5, 7, 6]\n")
    run("toy/base")
    found = open_result("toy/base")
    assert dict(found.sizes) == {"seed": 2, "stimulus_steps": 3, "presentation": 4, "neuroid": 2, "time_bin": 7}
    assert found.value.dims == ("seed", "stimulus_steps", "presentation", "neuroid", "time_bin")
    assert found.n_time_bin.values.tolist() == [[5, 7, 6], [5, 7, 6]]
    np.testing.assert_array_equal(np.isfinite(found.value).sum("time_bin")[0, :, 0, 0], [5, 7, 6])
    assert found.stimulus_id.dims == ("presentation",)


def test_results_out_of_date_are_refused(write, base):
    write(base)
    run("toy/base")
    open_result("toy/base")
    write(base.replace("seed: 0}", "seed: 0}").replace("factor: 2.0", "factor: 2.5"))
    with pytest.raises(ArtefactError, match="has key"):
        open_result("toy/base")
    write(base, "toy/none")
    with pytest.raises(ArtefactError, match=r"is missing.*\n.*\n.*neurodyn run toy/none"):
        open_result("toy/none")


def test_shards_cover_every_cell_once(write, base):
    write(base + "grid:\n  seed: [0, 1, 2, 3, 4]\n")
    done = [o.label for i in range(3) for o in sweep("toy/base", shard=(i, 3))]
    assert sorted(done) == [f"seed={k}" for k in range(5)]
    assert plan("toy/base").n_missing == 0
    for bad in ((3, 3), (0, 0), (-1, 2)):
        with pytest.raises(ConfigError, match="shard"):
            sweep("toy/base", shard=bad)


def test_a_dry_run_says_what_is_missing_and_how_long_it_takes(write, base):
    write(base + "grid:\n  seed: [0, 1, 2]\n")
    before = plan("toy/base")
    assert (before.n_missing, before.seconds) == (3, None)
    sweep("toy/base", shard=(0, 3))
    after = plan("toy/base", workers=2)
    assert after.n_missing == 2
    assert after.seconds == pytest.approx(after.seconds_per_cell)
    assert plan("toy/base", force=True).n_missing == 3


def test_one_failing_cell_does_not_stop_the_others(write):
    write("analysis: nd_toys:refuses\nseed: 0\ngrid: {seed: [0, 1]}\n")
    outcomes = sweep("toy/base")
    assert [o.state for o in outcomes] == ["failed", "failed"]
    assert "`seed` is 1" in str(outcomes[1].error)
    outcomes = sweep("toy/base", workers=2)
    assert "`seed` is 1" in str(outcomes[1].error)  # errors cross the process boundary with their message


def test_recordings_made_from_a_known_model(write, base):
    write(
        base.replace("nd_toys:gain", "nd_toys:compare")
        .replace("parameters: {factor: 2.0}\n", "")
        .replace("seed: 0\n", "seed: 0\n", 1)
        .replace(
            "  record:",
            '  recordings: {generator: "nd_toys:spots", seed: 0, model: {factory: linear_network, parameters: {eigenvalues: [0.9, 0.1]}}}\n  record:',
        )
    )
    one = result_of()
    other = result_of(["inputs.recordings.seed=1"])
    third = result_of(["inputs.recordings.model.parameters.eigenvalues=[0.8, 0.1]"])
    assert len({one[0], other[0], third[0]}) == 3
    assert len({float(x[1].value) for x in (one, other, third)}) == 3


def test_a_result_can_be_an_input(write, base):
    write(base)
    write("analysis: nd_toys:gain\ninputs: {artefacts: {responses: 'toy/base#value'}}\nseed: 0\n", "toy/second")
    outcomes = run("toy/second")
    assert len(outcomes) == 1
    first, second = open_result("toy/base"), open_result("toy/second")
    key = provenance(outcomes[0].path)["key"]
    assert first.value.shape == second.value.shape
    assert result_of(["seed=1"])[0] != key
    run("toy/base", force=True)
    write("analysis: nd_toys:gain\ninputs: {artefacts: {responses: 'toy/base#values'}}\nseed: 0\n", "toy/third")
    with pytest.raises(ConfigError, match="did you mean `value`"):
        run("toy/third")


def test_an_experiment_cannot_take_its_own_result(write):
    write("analysis: nd_toys:gain\ninputs: {artefacts: {responses: toy/a}}\nseed: 0\n", "toy/a")
    with pytest.raises(ConfigError, match="takes its own result"):
        run("toy/a")


def test_an_analysis_that_returns_something_else(write):
    write("analysis: nd_toys:not_labelled\nseed: 0\n")
    with pytest.raises(ConfigError, match="returned a int"):
        run("toy/base")


def in_child(function):
    """Run in a forked process; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except SystemExit as stop:
            os._exit(stop.code)
        except BaseException:  # noqa: BLE001
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


FRAGILE = """

def fragile(seed, *, flag, number):
    import os, pathlib, time
    if seed == 1 and not pathlib.Path(flag).exists():
        pathlib.Path(flag).touch()
        os.kill(os.getpid(), number)
        time.sleep(5)
    return xr.Dataset({'value': float(seed)})
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_and_resumed(write, tmp_path, home, number):
    with open(home / "nd_toys.py", "a", encoding="utf-8") as file:
        file.write(FRAGILE)
    write(f"analysis: nd_toys:fragile\nparameters: {{flag: {tmp_path / 'flag'}, number: {int(number)}}}\nseed: 0\ngrid: {{seed: [0, 1, 2]}}\n")
    assert in_child(lambda: run("toy/base")) == (128 + number if number == signal.SIGTERM else -number)
    folder = places.results_dir() / "toy" / "base"
    left = sorted(p.name for p in folder.iterdir())
    assert [n for n in left if n.endswith(".nc")] == ["0000_seed=0.nc"]
    if number == signal.SIGTERM:
        assert left == ["0000_seed=0.nc"]
    assert [o.state for o in run("toy/base")] == ["kept", "computed", "computed"]
    assert sorted(p.name for p in folder.iterdir()) == ["0000_seed=0.nc", "0001_seed=1.nc", "0002_seed=2.nc"]


def test_two_runs_at_once_compute_each_cell_once(write, tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    write(f"analysis: nd_toys:count\nparameters: {{folder: {calls}}}\nseed: 0\ngrid: {{seed: [0, 1]}}\n")
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            run("toy/base")
            code = 0
        os._exit(code)
    run("toy/base")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(calls.iterdir())) == 2


def test_states_to_search_from(write, base):
    write(base.replace("nd_toys:gain", "nd_toys:search").replace("parameters: {factor: 2.0}", "").replace("  record: {steps: all}", "  start_steps: [0, 2, 4]"))
    key, found = result_of()
    assert found.sizes["start"] == 12
    assert found.stimulus_id.values.tolist() == [f"stimulus-000{k}" for k in range(4)]
    assert result_of(["inputs.start_steps=[0, 2]"])[0] != key
    assert result_of(["inputs.start_steps=null"])[1].sizes["start"] == 4
    with pytest.raises(ConfigError, match=r"`start_steps` \[9\] are not in the trial"):
        result_of(["inputs.start_steps=[1, 9]"])


def test_an_analysis_of_responses_may_be_given_a_brain(write, base):
    write(
        'analysis: nd_toys:gain\ninputs:\n  recordings: {dataset: "nd_toys_reader:load", parameters: {n: 3}}\nparameters: {factor: 1.0}\nseed: 0\n',
    )
    key, found = result_of()
    assert found.value.shape == (3, 2, 1)
    assert result_of(["inputs.recordings.parameters.n=2"])[0] != key


def test_a_read_only_results_folder(write, base):
    write(base)
    begun = time.perf_counter()
    with pytest.raises(ArtefactError, match="NEURODYN_RESULTS"):
        run("toy/base", results="/proc/results")
    assert time.perf_counter() - begun < 30


def test_a_data_array_becomes_a_dataset(write, base):
    write(base.replace("nd_toys:gain", "neurodyn.dynamics.simulate:simulate").replace("parameters: {factor: 2.0}\n", "").replace("seed: 0\n", "seed: null\n"))
    run("toy/base")
    found = open_result("toy/base")
    assert found.responses.dims == ("presentation", "neuroid", "time_bin")
    assert isinstance(found, xr.Dataset)


@pytest.mark.parametrize("config", [{"cell": "ugrnn"}, {}], ids=["named", "default"])
def test_the_code_of_the_cell_is_part_of_the_key(config):
    cell = config.get("cell", convrnn.Config().cell)
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resolve_inputs, "code_digest", lambda *modules: asked.extend(modules) or "")
        resolve_inputs.model_parts(ModelInput(architecture="convrnn", parameters=config), None)
    assert f"neurodyn.cells.{cell}" in asked
