"""Evidence can be read in a commit, and found by git's trailers."""

from __future__ import annotations

import json
from pathlib import Path

import git

from evolve.gates.report import body, record, trailers
from evolve.gates.sequential import Evidence, Rules, Verdict


def decided(rules: Rules, losses: frozenset[str] = frozenset(), d: float = 0.6) -> Evidence:
    evidence = Evidence(rules, 2)
    while evidence.verdict is Verdict.CONTINUE:
        evidence = evidence.fold(evidence.family, -d if evidence.family in losses else d)
    return evidence


def test_git_finds_the_evidence(tmp_path: Path) -> None:
    """The commit's trailers are the decision, the number of pairs, the gain, the e-value and what it took."""
    evidence = decided(Rules(families=("cut", "sat")))
    told = "\n".join(f"{key}: {value}" for key, value in trailers(evidence))
    repository = git.Repo.init(tmp_path)
    repository.index.commit(f"Adopt trial 7\n\n{body(evidence)}\n\n{told}\n")
    names = ("Gate", "Confirmation", "Pairs", "Gain", "E-Value", "Threshold")
    found = [repository.git.log("-1", f"--format=%(trailers:key={name},valueonly)").strip() for name in names]
    assert found == ["adopt", "2", "20", "+0.6000", "620", "65.8"]
    repository.close()


def test_the_text_says_what_was_seen_and_what_could_have_been() -> None:
    """Each family with its pairs, its gain, and what speaks against it."""
    text = body(decided(Rules(families=("cut", "sat"))))
    assert "Confirmation 2 of this lineage, 20 of 240 pairs on fresh instances" in text
    assert "with a chance of 80 %" in text
    assert text.splitlines()[-1].split() == ["sat", "10", "+0.6000", "0.179"]
    assert max(map(len, text.splitlines())) <= 100


def test_a_veto_names_the_family() -> None:
    """And a rejection says which of the reasons it was."""
    assert body(decided(Rules(families=("cut", "sat")), frozenset({"sat"}))).startswith("Rejected: behind in 'sat'.")
    assert body(decided(Rules(), d=-0.1)).startswith("Rejected: nothing speaks for it.")
    assert body(decided(Rules(), d=0.001)).startswith("Rejected: not shown to be better.")
    assert body(Evidence(Rules(), 1)).startswith("Not decided.")


def test_rules_that_adopt_nobody_are_called_so() -> None:
    """With ten pairs the hundredth confirmation is hopeless, and the text says it."""
    assert "No gain, however large" in body(Evidence(Rules(cap=10), 100))


def test_the_record_is_json() -> None:
    """With the numbers as they are, for programs."""
    told = json.loads(json.dumps(record(decided(Rules(families=("cut", "sat"))))))
    assert told["verdict"] == "adopt"
    assert told["families"]["cut"]["pairs"] == 10
    assert 0.0 < told["smallest_gain"] < 1.0


def test_numbers_beyond_all_floats_are_written() -> None:
    """A cap of thousands of pairs gives e-values that no float holds."""
    rules = Rules(cap=5000, least=4000)
    evidence = Evidence(rules, 1)
    for _ in range(4000):
        evidence = evidence.fold("", 1.0)
    assert dict(trailers(evidence))["E-Value"] == "2.46e+1020"
