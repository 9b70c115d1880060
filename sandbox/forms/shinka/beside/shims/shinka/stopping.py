"""Ending the runs of a noisy program early, when it is plain on which side of a threshold its mean lies."""

import functools
import math
import statistics

_ALIKE = 1e-10  # a standard error below which all scores are the same


def make_stopper(method, threshold, score_fn, settings):
    """What is asked after each run, or None. `method` is "none", "bayesian", "ci", "hybrid" or an object with
    `check(scores, threshold)`, whose answer has `should_stop`."""
    if method is None:
        return None
    if threshold is None:
        raise ValueError("early_stop_threshold is needed when early_stop_method is given")
    if not isinstance(method, str):
        method.reset()
        return _Stopper(method.name, method.check, threshold, score_fn)
    name = {"no_early_stop": "none", "confidence_interval": "ci"}.get(method.lower(), method.lower())
    if name not in ("none", "bayesian", "ci", "hybrid"):
        raise ValueError(f"there is no early stop method {method!r}: there are none, bayesian, ci and hybrid")
    return _Stopper(name, functools.partial(_check, name, **(settings or {})), threshold, score_fn)


class _Stopper:
    def __init__(self, name, check, threshold, score_fn):
        self._name, self._check, self._threshold, self._score_fn = name, check, threshold, score_fn
        self._scores, self._last = [], None

    def is_enough(self, result):
        """Whether no further run is needed after one with this result."""
        score = self._score(result)
        if score is None:
            return False
        self._scores.append(score)
        self._last = self._check(self._scores, self._threshold)
        return self._last.should_stop

    def record(self, requested):
        """What happened, for the metrics."""
        last = self._last
        return {
            "method": self._name,
            "threshold": self._threshold,
            "triggered": last.should_stop if last else False,
            "runs_completed": len(self._scores),
            "runs_requested": requested,
            "prediction": last.prediction if last else "uncertain",
            "confidence": last.confidence if last else 0.0,
            "reason": last.reason if last else None,
            "scores": self._scores,
        }

    def _score(self, result):
        if self._score_fn is not None:
            try:
                return self._score_fn(result)
            except Exception as error:  # noqa: BLE001 - the evaluator's function; all runs are made then
                print(f"early_stop_score_fn failed: {error}")
                return None
        if isinstance(result, dict):
            result = result.get("score")
        return float(result) if isinstance(result, int | float) else None


class _Decision:
    def __init__(self, prediction, confidence, reason):
        self.should_stop = prediction != "uncertain"
        self.prediction, self.confidence, self.reason = prediction, confidence, reason


def _check(name, scores, threshold, prob_cutoff=0.05, ci_confidence=0.90, min_trials=None):
    """Where the mean of `scores` lies: by the chance that it is above the threshold, by a confidence interval, by
    both."""
    needed = min_trials or (2 if name == "bayesian" else 3)
    if name == "none" or len(scores) < needed:
        return _Decision("uncertain", 0.5, f"{len(scores)} runs, {needed} needed")
    mean = statistics.fmean(scores)
    error = statistics.stdev(scores) / math.sqrt(len(scores))
    if error < _ALIKE:
        return _Decision("beats" if mean > threshold else "fails", 1.0, "all scores are the same")
    if name in ("ci", "hybrid"):
        from scipy.stats import t  # noqa: PLC0415 - only here

        width = t.ppf(1 - (1 - ci_confidence) / 2, df=len(scores) - 1) * error
        if mean + width < threshold or (name == "ci" and mean - width > threshold):
            side = "fails" if mean < threshold else "beats"
            return _Decision(side, ci_confidence, f"mean {mean:.4f} +- {width:.4f}, threshold {threshold}")
    if name in ("bayesian", "hybrid"):
        chance = 1 - statistics.NormalDist(mean, error).cdf(threshold)
        if min(chance, 1 - chance) < prob_cutoff:
            return _Decision("beats" if chance > 0.5 else "fails", max(chance, 1 - chance), f"chance {chance:.4f}")
    return _Decision("uncertain", 0.5, f"mean {mean:.4f}, threshold {threshold}")
