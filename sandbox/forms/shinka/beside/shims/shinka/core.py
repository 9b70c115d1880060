"""The function that ShinkaEvolve's evaluators are written with."""

import importlib.util
import json
import math
import os
import pickle
import statistics
import time

from shinka._plots import save_plots
from shinka.stopping import make_stopper

__all__ = ["load_program", "run_shinka_eval", "save_json_results"]

_NOTHING = {
    "combined_score": 0.0,
    "execution_time_mean": 0.0,
    "execution_time_std": 0.0,
    "num_successful_runs": 0,
    "num_valid_runs": 0,
    "num_invalid_runs": 0,
    "all_validation_errors": [],
}


def run_shinka_eval(  # noqa: PLR0913, PLR0917 - the arguments are those that evaluators give it
    program_path,
    results_dir,
    experiment_fn_name,
    num_runs,
    get_experiment_kwargs=None,
    aggregate_metrics_fn=None,
    validate_fn=None,
    plotting_fn=None,
    default_metrics_on_error=None,
    early_stop_method=None,
    early_stop_threshold=None,
    early_stop_score_fn=None,
    early_stop_kwargs=None,
    run_workers=1,
    max_workers_cap=None,
    verbose=None,
):
    """Call a function of the program `num_runs` times and write metrics.json and correct.json.

    Each run is given what `get_experiment_kwargs(i)` returns, or the seed i + 1. `validate_fn(result)` returns whether
    it is right, and what is wrong. `aggregate_metrics_fn(results)` makes the metrics. A run that raises, one that is
    not right and a combined_score that is NaN or infinite make the program incorrect. Returns metrics, whether it is
    correct, and the first thing that was wrong.
    """
    workers = _workers(run_workers, max_workers_cap, num_runs, early_stop_method)
    stopper = make_stopper(early_stop_method, early_stop_threshold, early_stop_score_fn, early_stop_kwargs)
    loud = os.environ.get("SHINKA_EVAL_VERBOSE", "1") != "0" if verbose is None else verbose
    arguments = get_experiment_kwargs or _seed
    checked = _Checked(validate_fn)
    results, times = [], []
    try:
        runs = _side_by_side if workers > 1 else _one_by_one
        for result, seconds in runs(program_path, experiment_fn_name, num_runs, arguments, workers):
            results.append(result)
            times.append(seconds)
            checked.look_at(result)
            if loud:
                print(f"run {len(results)} of {num_runs} took {seconds:.2f} s")
            if stopper is not None and stopper.is_enough(result):
                break
        metrics = dict(aggregate_metrics_fn(results)) if aggregate_metrics_fn else _described(results)
        metrics["execution_time_mean"] = statistics.fmean(times) if times else 0.0
        metrics["execution_time_std"] = statistics.pstdev(times) if times else 0.0
        metrics |= checked.counts() | ({"early_stop": stopper.record(num_runs)} if stopper is not None else {})
        checked.look_at_score(metrics.get("combined_score", 0.0))
    except Exception as error:  # noqa: BLE001 - of the program or of the evaluator's functions
        print(f"evaluation error: {error}")
        checked.wrong(str(error) or type(error).__name__)
        metrics = {name: (default_metrics_on_error or _NOTHING).get(name, value) for name, value in _NOTHING.items()}
    if "extra_data" in metrics:
        _keep(results_dir, metrics.pop("extra_data"), plotting_fn)
    save_json_results(results_dir, metrics, checked.correct, checked.first, verbose=loud)
    return metrics, checked.correct, checked.first


def _workers(wanted, cap, runs, stopping):
    """How many processes make the runs."""
    for name, count in (("run_workers", wanted), ("max_workers_cap", cap)):
        if count is not None and count < 1:
            raise ValueError(f"{name} must be >= 1")
    workers = min(wanted, cap or wanted, max(runs, 1))
    if stopping is not None and workers > 1:
        raise ValueError("early stopping is for runs one after another: run_workers=1")
    return workers


def _seed(run):
    return {"seed": run + 1}


def load_program(program_path):
    """The program's module."""
    spec = importlib.util.spec_from_file_location("program", program_path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{program_path} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save_json_results(results_dir, metrics, correct, error=None, verbose=True):
    """Write correct.json and metrics.json."""
    os.makedirs(results_dir, exist_ok=True)
    for name, content in (("correct", {"correct": bool(correct), "error": error}), ("metrics", metrics)):
        path = os.path.join(results_dir, f"{name}.json")
        text = json.dumps(content, indent=4, default=_data)  # a file that is there is whole
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        if verbose:
            print(f"wrote {path}")


class _Checked:
    """What was right and what was wrong."""

    def __init__(self, validate):
        self._validate = validate
        self._valid, self._invalid, self._errors = 0, 0, []
        self.correct, self.first = True, None

    def look_at(self, result):
        """Validate one result."""
        if self._validate is None:
            return
        valid, error = self._validate(result)
        if valid:
            self._valid += 1
            return
        self._invalid += 1
        self.correct = False
        if error:
            self.first = self.first or f"Validation failed: {error}"
            if error not in self._errors:
                self._errors.append(error)

    def look_at_score(self, score):
        """A score is a finite number."""
        if not math.isfinite(score):
            self.wrong(f"combined_score is {float(score)}")

    def wrong(self, error):
        """The program is not correct."""
        self.correct = False
        self.first = self.first or error

    def counts(self):
        """How many runs were right; nothing without a function that says so."""
        if self._validate is None:
            return {}
        counts = {"num_valid_runs": self._valid, "num_invalid_runs": self._invalid}
        return {**counts, "all_validation_errors": self._errors}


def _one_by_one(program_path, name, runs, arguments, _workers):
    function = _function(program_path, name)
    for run in range(runs):
        yield _timed(function, arguments(run))


def _side_by_side(program_path, name, runs, arguments, workers):
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - most evaluators need none

    _function(program_path, name)  # what cannot be loaded is told once, and not by each worker
    with ProcessPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(_elsewhere, program_path, name, arguments(run)) for run in range(runs)]
        yield from [future.result() for future in futures]


def _elsewhere(program_path, name, arguments):
    return _timed(_function(program_path, name), arguments)


def _function(program_path, name):
    module = load_program(program_path)
    if not hasattr(module, name):
        raise AttributeError(f"there is no function {name!r} in {program_path}")
    return getattr(module, name)


def _timed(function, arguments):
    start = time.perf_counter()
    result = function(**arguments)
    return result, time.perf_counter() - start


def _described(results):
    first = str(type(results[0])) if results else "N/A"
    preview = str(results[:2]) if results else "N/A"
    return {"num_successful_runs": len(results), "first_run_result_type": first, "raw_results_preview": preview}


def _keep(results_dir, extra, plotting_fn):
    os.makedirs(results_dir, exist_ok=True)
    with open(os.path.join(results_dir, "extra.pkl"), "wb") as file:
        pickle.dump(extra, file)
    if plotting_fn is not None:
        try:
            save_plots(plotting_fn(extra), os.path.join(results_dir, "plots"))
        except Exception as error:  # noqa: BLE001 - a picture is worth no score
            print(f"no plots: {error}")


def _data(value):
    """Numbers and arrays of numpy as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an object of type {type(value).__name__!r} is no JSON")
