"""What became of a challenger can be read in a commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import git

from evolve.adoption.canary import Share
from evolve.adoption.policy import Policy
from evolve.adoption.report import message, subject
from evolve.gates.sequential import Rules
from evolve.testing.adoptions import Driver, worth

POLICY = Policy(gate=Rules(families=("cut", "sat"), cap=160, least=5, hopeful=20), every=1, lines_asked=20, canary=None)
SEED, SAME = worth(0.3), [worth(0.3, name=f"same {n}") for n in range(40)]


def test_git_finds_who_was_adopted_and_why(tmp_path: Path) -> None:
    """Trailers say who, and the text what was seen, what a person said, and what could have been seen."""
    driver = Driver([SEED, worth(0.75, lines=30)], POLICY)
    driver.run()
    driver.review(1, approve=True, reason="a longer prompt,\nno more\x1b[2J", by="Ada")
    repository = git.Repo.init(tmp_path)
    repository.index.commit(message(driver.said[-1]))
    names = ("Adoption", "Challenger", "Challenger-Tree", "Adopted", "Change", "Gate", "Confirmation")
    found = [repository.git.log("-1", f"--format=%(trailers:key={name},valueonly)").strip() for name in names]
    assert found == ["adopted", "1", driver.script[1].tree, "1", "32 lines in 1 files", "adopt", "1"]
    text = repository.git.log("-1", "--format=%B")
    assert text.startswith("Adopt trial 1\n\nApproved by Ada: a longer prompt, no more [2J\n\nAdopted.\n")
    assert "with a chance of 80 %" in text
    repository.close()


def test_every_transition_has_words() -> None:
    """One line of subject each, and the reasons below it."""
    policy = replace(POLICY, canary=Share(every=2, blocks=8), lines_most=50, gain_asked=1.0)
    script = [SEED, worth(0.9, lines=60), worth(0.6), worth(0.8, valid=0.0), *SAME, worth(0.9, lines=30)]
    driver = Driver(script, policy)
    driver.run()
    driver.review(driver.said[-1].number, approve=False)
    drifted = Driver([SEED, worth(0.3, search=1.0)], policy)
    drifted.run()
    ended = Driver(drifted.script, policy, journal=list(drifted.journal))
    drifted.review(1, approve=True)
    ended.review(1, approve=False)
    said = [*driver.said, *drifted.said, *ended.said]
    kinds = {transition.kind for transition in said}
    assert kinds >= {"refused", "confirming", "asked", "adopted", "rejected", "rolled back", "going on", "closed"}
    for transition in said:
        lines = message(transition).splitlines()
        assert lines[0] == subject(transition)
        assert str(transition.number) in lines[0]
        assert lines[1] == ""
        assert all(reason in message(transition) for reason in transition.reasons)
