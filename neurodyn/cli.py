"""The command line: ``neurodyn demo | train | simulate | run | figure | score | sweep | list | explain | doctor``.

Exit codes: 0 done, 1 a cell or check failed, 2 wrong use or an error that says how to mend it.
Heavy imports live inside the commands, so that ``neurodyn --help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from neurodyn.errors import NeurodynError, nearest

if TYPE_CHECKING:
    from neurodyn.experiment.run import Outcome

__all__ = ["main", "parser"]

_KINDS = ("models", "analyses", "figures", "analysis", "architectures", "cells", "datasets", "stimuli", "data", "recipes")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The process' own when absent.

    Returns
    -------
    int
        Exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given)
    try:
        return int(options.command(options) or 0)
    except NeurodynError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was done is kept, and running the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


class _Parser(argparse.ArgumentParser):
    """Offers the nearest command or option for a misspelt one."""

    def error(self, message: str) -> NoReturn:
        words = [w for a in self._actions for w in (a.option_strings or list(a.choices or ()))]
        given = message.rsplit(": ", 1)[-1].split()
        if "invalid choice" in message:
            given = [message.split("invalid choice: ")[1].split("'")[1]]
        guess = next((g for g in (nearest(w, [str(k) for k in words]) for w in given) if g), None) if "choice" in message or "unrecognized" in message else None
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}" + (f"; did you mean `{guess}`?\n" if guess else "\n"))


def parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    top = _Parser(prog="neurodyn", description="Recurrent vision models as dynamical systems, measured the way a neuroscientist measures a brain.")
    top.add_argument("--version", action="version", version=_version())
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    _add_demo(commands)
    _add_train(commands)
    _add_simulate(commands)
    _add_run(commands)
    _add_figure(commands)
    _add_score(commands)
    _add_sweep(commands)
    _add_list(commands)
    _add_explain(commands)
    _add_doctor(commands)
    return top


# -- demo, train, simulate, score


def _add_demo(commands: Any) -> None:
    sub = _command(commands, "demo", "show the shipped models on embedded data (and real data where NEURODYN_DATA points at some)", _demo)
    sub.add_argument("--results", metavar="FOLDER", help="instead of NEURODYN_RESULTS or ./results")


def _demo(options: argparse.Namespace) -> int:
    from neurodyn.experiment.demo import demo

    good = True
    for line, fine in demo(results=options.results):
        print(line, flush=True)
        good = good and fine
    return 0 if good else 1


def _add_train(commands: Any) -> None:
    sub = _command(commands, "train", "retrain a model by its card; stopped and started again it goes on", _train)
    sub.add_argument("model", help="a card (neurodyn list models), or a YAML file")
    sub.add_argument("--folder", help="for checkpoints (results/training/<model>)")
    sub.add_argument("--seed", type=int, help="instead of the card's")
    sub.add_argument("--ship", action="store_true", help="write the weights beside the card, and their digest and metrics on it")


def _train(options: argparse.Namespace) -> int:
    import json

    from neurodyn.experiment.run import stop_on_signals
    from neurodyn.experiment.train import train_card

    with stop_on_signals():
        metrics, path = train_card(options.model, folder=options.folder, ship=options.ship, seed=options.seed)
    print(json.dumps(metrics, indent=2, default=str))
    print(f"weights: {path}")
    return 0


def _add_simulate(commands: Any) -> None:
    sub = _command(commands, "simulate", "show images to a model and save its responses as netCDF", _simulate)
    sub.add_argument("model", help="a trained model (neurodyn list models)")
    sub.add_argument("--stimuli", default="digits", metavar="DATASET", help="a data set (digits)")
    sub.add_argument("--split", default="test", help="of the data set (test)")
    sub.add_argument("-n", type=int, default=10, help="how many images (10)")
    sub.add_argument("--layers", nargs="+", help="layers to record; all when absent")
    sub.add_argument("--space", choices=("all", "mean", "center"), default="all", help="which positions (all)")
    _experiment_options(sub)


def _simulate(options: argparse.Namespace) -> int:
    from neurodyn.experiment.ask import simulation

    experiment = simulation(
        options.model, options.stimuli, split=options.split, n=options.n, layers=options.layers, space=options.space, overrides=options.overrides
    )
    return _run_one(experiment, options)


def _add_score(commands: Any) -> None:
    sub = _command(commands, "score", "predict recordings, or score on a benchmark of Brain-Score's, from a layer of a model", _score)
    sub.add_argument("model", help="a trained model (neurodyn list models)")
    sub.add_argument(
        "recordings", metavar="benchmark", help="a data set of recordings, e.g. cowley2023, or an identifier of Brain-Score's, e.g. MajajHong2015public.IT-pls"
    )
    sub.add_argument("--layer", help="of the model; its last when absent")
    sub.add_argument("--regression", choices=("ridge", "pls"), default="ridge", help="for local recordings; a benchmark has its own")
    sub.add_argument("--folds", type=int, default=5, help="for local recordings")
    sub.add_argument("--untrained", action="store_true", help="the untrained twin, as a control")
    sub.add_argument("--degrees", type=float, default=8.0, help="of visual angle that the model's frame stands for (benchmarks; 8)")
    sub.add_argument("--latency-ms", type=float, default=0.0, help="between the eye and the model's clock (benchmarks; 0)")
    sub.add_argument("--dt-ms", type=float, help="duration of a step, for models whose steps are not time (benchmarks)")
    sub.add_argument("--verify", action="store_true", help="also run Brain-Score's own engine and report the difference (benchmarks)")
    _experiment_options(sub)


def _score(options: argparse.Namespace) -> int:
    from neurodyn import registry
    from neurodyn.datasets._manifest import readers_of_recordings
    from neurodyn.errors import unknown_name
    from neurodyn.experiment.ask import scoring, summary

    if options.recordings not in registry.names("datasets"):
        if "." in options.recordings or "-" in options.recordings:
            return _score_benchmark(options)
        look = "name a data set of recordings, or a public identifier of Brain-Score's such as MajajHong2015public.IT-pls"
        raise unknown_name("score", "recordings", options.recordings, readers_of_recordings(), look=look)
    experiment = scoring(
        options.model,
        options.recordings,
        layer=options.layer,
        regression=options.regression,
        folds=options.folds,
        untrained=options.untrained,
        overrides=options.overrides,
    )
    code = _run_one(experiment, options)
    if code == 0 and not options.dry_run:
        from neurodyn.experiment.run import open_result

        for line in summary(open_result(experiment, results=options.results, check=False)):
            print(line)
    return code


def _score_benchmark(options: argparse.Namespace) -> int:
    from neurodyn.brainscore.command import benchmark_lines

    lines = benchmark_lines(
        options.model,
        options.recordings,
        layer=options.layer,
        untrained=options.untrained,
        visual_degrees=options.degrees,
        latency_ms=options.latency_ms,
        dt_ms=options.dt_ms,
        verify=options.verify,
    )
    for line in lines:
        print(line)
    return 0


def _run_one(experiment: Any, options: argparse.Namespace) -> int:
    from neurodyn.experiment.sweep import plan, sweep

    if options.dry_run:
        _print_plan(experiment.key, plan(experiment, results=options.results, force=options.force))
        return 0
    outcomes = sweep(experiment, results=options.results, force=options.force, progress=_print_outcome(experiment.key))
    return 2 if any(o.error is not None for o in outcomes) else 0


# -- run, sweep, figure


def _add_run(commands: Any) -> None:
    sub = _command(commands, "run", "run an experiment: analyses/<paper>/<name>.yaml -> results/<paper>/<name>.nc", _run)
    sub.add_argument("experiment", help="<paper>/<name>, or a YAML file")
    _experiment_options(sub)


def _add_sweep(commands: Any) -> None:
    sub = _command(commands, "sweep", "run the cells of experiments in parallel processes, or shard i of n of them", _sweep)
    sub.add_argument("experiments", nargs="*", metavar="experiment", help="<paper>/<name>; <paper>/ stands for all of a paper")
    sub.add_argument("--all", action="store_true", help="every experiment there is")
    sub.add_argument("--workers", type=int, default=2, help="processes (2)")
    sub.add_argument("--shard", default="0/1", metavar="I/N", help="cells i, i+n, i+2n and so on")
    _experiment_options(sub)


def _add_figure(commands: Any) -> None:
    sub = _command(commands, "figure", "draw a figure from saved results, running what is missing", _figure)
    sub.add_argument("figures", nargs="*", metavar="figure", help="<paper>/fig<k>_<slug>")
    sub.add_argument("--all", action="store_true", help="every figure there is")
    sub.add_argument("--workers", type=int, default=1, help="processes for missing cells (1)")
    sub.add_argument("--no-run", action="store_true", help="refuse to compute: every result must be there")
    sub.add_argument("--results", metavar="FOLDER", help="instead of NEURODYN_RESULTS or ./results")


def _experiment_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="override a dotted key, e.g. parameters.n_modes=20")
    sub.add_argument("--results", metavar="FOLDER", help="instead of NEURODYN_RESULTS or ./results")
    sub.add_argument("--force", action="store_true", help="compute again what is there")
    sub.add_argument("--dry-run", action="store_true", help="say what would be computed, and stop")


def _run(options: argparse.Namespace) -> int:
    return _run_experiments([options.experiment], options, workers=1, shard=(0, 1))


def _sweep(options: argparse.Namespace) -> int:
    from neurodyn import registry
    from neurodyn.errors import ConfigError
    from neurodyn.experiment.sweep import parse_shard

    known = registry.names("analyses")
    wanted = known if options.all else [k for name in options.experiments for k in ([x for x in known if x.startswith(name)] if name.endswith("/") else [name])]
    if not wanted:
        raise ConfigError(
            "sweep", "no experiment is named", expected="one of " + (", ".join(known) or "nothing: analyses/ is empty"), fix="neurodyn sweep --all"
        )
    return _run_experiments(wanted, options, workers=options.workers, shard=parse_shard(options.shard))


def _run_experiments(names: Sequence[str], options: argparse.Namespace, *, workers: int, shard: tuple[int, int]) -> int:
    from neurodyn.experiment.spec import read_experiment
    from neurodyn.experiment.sweep import plan, sweep

    experiments = [read_experiment(name, options.overrides) for name in names]  # all of them are checked before one runs
    failed = 0
    for experiment in experiments:
        if options.dry_run:
            _print_plan(experiment.key, plan(experiment, workers=workers, shard=shard, results=options.results, force=options.force))
            continue
        outcomes = sweep(experiment, workers=workers, shard=shard, results=options.results, force=options.force, progress=_print_outcome(experiment.key))
        failed += sum(o.error is not None for o in outcomes)
    return 2 if failed else 0


def _print_plan(key: str, found: Any) -> None:
    for status in found.statuses:
        print(f"{key} [{status.label}] {'is there' if status.done else 'would be computed: ' + '; '.join(status.reasons)}")
    n, seconds = found.n_missing, found.seconds
    time = (
        "never run here, so how long it takes is not known"
        if seconds is None
        else f"about {_duration(seconds)} with {found.workers} worker{'s' * (found.workers > 1)}"
    )
    print(f"{key}: {n} of {len(found.statuses)} cells to compute, {time}")


def _print_outcome(key: str, *, kept: bool = True) -> Callable[[Outcome], None]:
    def show(outcome: Outcome) -> None:
        if outcome.state == "kept" and not kept:
            return
        if outcome.error is not None:
            print(f"{key} [{outcome.label}] failed\n{type(outcome.error).__name__}: {outcome.error}", file=sys.stderr, flush=True)
        else:
            print(f"{key} [{outcome.label}] {outcome.state} in {_duration(outcome.seconds)}: {outcome.path}", flush=True)

    return show


def _figure(options: argparse.Namespace) -> int:
    from neurodyn import registry
    from neurodyn.errors import ConfigError
    from neurodyn.experiment.figures import draw_figure

    wanted = registry.names("figures") if options.all else options.figures
    if not wanted:
        known = ", ".join(registry.names("figures")) or "nothing: figures/ is empty"
        raise ConfigError("figure", "no figure is named", expected=f"one of {known}", fix="neurodyn figure --all")
    for name in wanted:
        files = draw_figure(name, results=options.results, workers=options.workers, compute=not options.no_run, progress=_print_outcome(name, kept=False))
        print(f"{name}: {files['png']} (and .pdf, .svg, .csv)")
    return 0


# -- list, explain


def _add_list(commands: Any) -> None:
    sub = _command(commands, "list", "list models, analyses, figures, architectures, cells, datasets, stimuli", _list)
    sub.add_argument("kind", nargs="?", choices=_KINDS, help="one kind only")


def _list(options: argparse.Namespace) -> int:
    from neurodyn import registry

    for kind in [options.kind] if options.kind else _KINDS:
        found = registry.names(kind)
        if options.kind:
            print("\n".join(found) if found else f"no {kind}")
        else:
            print(f"{kind}: {', '.join(found) or 'none'}")
    return 0


def _add_explain(commands: Any) -> None:
    sub = _command(commands, "explain", "say what an experiment, model, figure, data set or result file is, and whether its results are up to date", _explain)
    sub.add_argument("name", help="<paper>/<name>, a model, a figure, an analysis, a data set, or a .nc file")
    sub.add_argument("--results", metavar="FOLDER", help="instead of NEURODYN_RESULTS or ./results")


def _explain(options: argparse.Namespace) -> int:
    from neurodyn.experiment.explain import explain

    for line in explain(options.name, results=options.results):
        print(line)
    return 0


def _add_doctor(commands: Any) -> None:
    sub = _command(commands, "doctor", "say whether this machine is fit: python, torch, brainscore, threads, data, models, results folder", _doctor)
    sub.add_argument("--results", metavar="FOLDER", help="instead of NEURODYN_RESULTS or ./results")


def _doctor(options: argparse.Namespace) -> int:
    from neurodyn.experiment.doctor import examine

    findings = []
    for finding in examine(options.results):
        print(f"{finding.state:<5} {finding.what}: {finding.text}", flush=True)
        findings.append(finding)
    failed = [f for f in findings if f.state == "fail"]
    notes = sum(f.state == "note" for f in findings)
    print(f"{len(findings)} checks, {notes} with a note, {len(failed)} failed" + "".join(f"\n  {f.what}: {f.text}" for f in failed))
    return 1 if failed else 0


# -- small things


def _command(commands: Any, name: str, text: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    sub.set_defaults(command=function)
    return sub


def _version() -> str:
    from neurodyn import __version__

    return f"neurodyn {__version__}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    sys.exit(main())
