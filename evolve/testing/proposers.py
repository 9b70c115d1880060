"""What any proposer must do: a suite for authors of proposers.

    class TestMine(ProposerSuite):
        def make(self, regions: Regions) -> Proposer:
            return MyProposer(regions)

A proposer that needs other programs to work on overrides `programs`; one that may say no to them overrides `willing`.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from evolve.regions import Regions
from evolve.testing.trials import ask, selection, told, trial
from evolve.types import Context, Evaluation, Program, Proposal, Proposer, Selection, Status, Trial

__all__ = ["ProposerSuite"]

_SEED = '''\
"""Frozen."""

# EVOLVE-BLOCK-START
def weight(size, room):
    """How much."""
    rest = room - size
    if rest < 20:
        return 22.0 - 1.5 * rest
    return 2.0 - 0.01 * rest


def scale(value):
    return value * 3 + 0.5
# EVOLVE-BLOCK-END

LIMIT = 7
'''

_ODD = [
    {"a.py": b""},
    {"a.py": b"# nothing but a comment\n"},
    {"a.py": b"def f(:\n    return 20\n"},
    {"a.py": b"x = 1\0"},
    {"a.py": b"\xff\xfe 20"},
    {"a.txt": b"Be brief. Use 20 words.\n"},
    {"a.txt": b"Be brief.\n"},
    {"a.bin": bytes(range(256))},
    {"a.py": b"x = 1\r\nif x:\r\n    y = 2\r\n"},
    {"a.py": "é = 'ü' * 3; y = 20 + len(é)\n".encode()},
    {"a.py": b"\xef\xbb\xbfx = 20\n"},
    {"a.py": b"x = " + b"(" * 150 + b"1" + b")" * 150 + b"\n"},
    {"a.py": b"# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n"},
    {"a.py": b"x = 5", "b/c.py": b"def f(y):\n\treturn y + 1\n", "d.md": b"1. One\n"},
    {"a.py": b"x = 9999999999999999999999999 * 1e308 + 1e-308 - 0x7fffffffffffffffffffff + 1_000\n"},
]


class ProposerSuite:
    """Subclass it in a test module and define `make`."""

    def make(self, regions: Regions) -> Proposer:
        """A new proposer for programs with these regions."""
        raise NotImplementedError

    def programs(self) -> list[Program]:
        """Three or more programs with the same frozen text; the first one is the seed."""
        changes = [("", ""), ("20", "12"), ("1.5 * rest", "rest / 2"), ("value * 3", "value - 1")]
        return [Program({"program.py": _SEED.replace(*change).encode()}) for change in changes]

    def willing(self, proposal: Proposal) -> bool:
        """Whether the proposer could be expected to change the programs of `programs`."""
        return not proposal.rejected

    def test_the_same_ask_gives_the_same_proposal(self) -> None:
        """Of the same object, and of another one that was told the same."""
        first, second = self._pair()
        for number in range(20, 40):
            proposal = first.plan(self._selection(), ask(number))()
            assert first.plan(self._selection(), ask(number))() == proposal
            assert second.plan(self._selection(), ask(number))() == proposal

    def test_proposals_change_only_what_may_change(self) -> None:
        """Whoever rejects the others has paid for them."""
        regions = Regions(self.programs()[0])
        proposer = self._told(self.make(regions))
        proposals = [proposer.plan(self._selection(), ask(number))() for number in range(20, 60)]
        assert all(regions.problem(proposal.program) is None for proposal in proposals)
        assert sum(self.willing(proposal) for proposal in proposals) >= 30
        changed = [proposal for proposal in proposals if not proposal.rejected]
        assert all(p.program.tree != self._trial(p.parents[0]).program.tree for p in changed)

    def test_a_proposal_names_its_parents_and_says_in_a_line_what_changed(self) -> None:
        """It becomes the parents and the subject of a commit."""
        proposer = self._told(self.make(Regions(self.programs()[0])))
        for number in range(20, 60):
            proposal = proposer.plan(self._selection(), ask(number))()
            assert proposal.parents
            assert set(proposal.parents) <= {t.number for t in self._trials()}
            assert len(set(proposal.parents)) == len(proposal.parents)
            assert proposal.operator
            assert proposal.summary.strip()
            assert proposal.summary.isprintable()
            if proposal.rejected:
                assert proposal.program.tree == self._trial(proposal.parents[0]).program.tree

    def test_a_note_survives_as_json(self) -> None:
        """Journal and commits hold nothing else, and `tell` is given what they held."""
        first, second = self._pair()
        for number in range(20, 40):
            proposal = first.plan(self._selection(), ask(number))()
            assert json.loads(json.dumps(dict(proposal.note), allow_nan=False)) is not None
            made = told(number, proposal, float(number % 7))
            first.tell(made)
            second.tell(_through_json(made))
        assert first.plan(self._selection(), ask(99))() == second.plan(self._selection(), ask(99))()

    def test_a_replay_of_the_tells_goes_on_with_the_same_proposals(self) -> None:
        """Whatever the trials' fates were: resume is replay."""
        first = self._told(self.make(Regions(self.programs()[0])))
        history: list[Trial] = []
        for number in range(20, 60):
            proposal = first.plan(self._selection(), ask(number))()
            made = told(number, proposal, None if number % 5 == 0 else float(number % 7))
            first.tell(made)
            history.append(made)
        again = self._told(self.make(Regions(self.programs()[0])))
        for made in history:
            again.tell(made)
        for number in range(60, 80):
            assert first.plan(self._selection(), ask(number))() == again.plan(self._selection(), ask(number))()

    def test_what_is_told_after_the_plan_changes_nothing(self) -> None:
        """The work may be done much later, and a replay does not know when it was."""
        first, second = self._pair()
        for number in range(20, 60):
            made = first.plan(self._selection(), ask(number))()
            late = second.plan(self._selection(), ask(number))
            for proposer in (first, second):
                # better and better, so that there is something to learn from
                proposer.tell(told(number, made, float(number)))
            assert late() == made

    def test_proposals_may_be_made_on_several_threads(self) -> None:
        """They are the same as one after the other; planned they are on one."""
        proposer = self._told(self.make(Regions(self.programs()[0])))
        chosen = self._selection()
        alone = [proposer.plan(chosen, ask(number))() for number in range(20, 60)]
        plans = [proposer.plan(chosen, ask(number)) for number in range(20, 60)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda plan: plan(), plans))
        assert together == alone

    def test_global_generators_are_left_alone(self) -> None:
        """Nobody else's random numbers depend on a proposer, nor its own on theirs."""
        before = random.getstate(), str(np.random.get_state())  # noqa: NPY002 - to see that it is untouched
        proposer = self._told(self.make(Regions(self.programs()[0])))
        for number in range(20, 40):
            proposer.tell(told(number, proposer.plan(self._selection(), ask(number))(), 1.0))
        assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002

    def test_odd_programs_are_no_exception(self) -> None:
        """Empty, broken, binary, in any language: what cannot be changed is rejected with a reason."""
        for files in _ODD:
            program = Program(files)
            regions = Regions(program)
            proposer = self.make(regions)
            parent = trial(0, program)
            proposer.tell(parent)
            for number in range(1, 6):
                proposal = proposer.plan(selection(parent), Context(number, np.random.default_rng(number)))()
                assert regions.problem(proposal.program) is None
                if not proposal.rejected:
                    assert proposal.program.tree != program.tree
                proposer.tell(told(number, proposal, None))

    def test_trials_of_every_status_may_be_told(self) -> None:
        """Also those of other proposers, with notes that mean nothing to this one."""
        proposer = self._told(self.make(Regions(self.programs()[0])))
        mine = proposer.plan(self._selection(), ask(20))()
        for number, status in enumerate(Status, start=20):
            fitness = 1.0 if status is Status.OK else None
            evaluation = Evaluation(status=status, score=fitness, fitness=fitness)
            for operator, note in ((mine.operator, mine.note), (mine.operator, {"x": [None]}), ("other", {"x": 1})):
                proposer.tell(
                    Trial(
                        number=number,
                        program=mine.program,
                        parents=mine.parents,
                        operator=operator,
                        summary="",
                        evaluation=evaluation,
                        note=note,
                        duplicate_of=0 if status is Status.DUPLICATE else None,
                    )
                )
        assert proposer.plan(self._selection(), ask(40))().parents

    def _trials(self) -> list[Trial]:
        return [trial(number, program, float(-number)) for number, program in enumerate(self.programs())]

    def _trial(self, number: int) -> Trial:
        return next(t for t in self._trials() if t.number == number)

    def _selection(self) -> Selection:
        first, *others = self._trials()
        return selection(first, *others)

    def _told(self, proposer: Proposer) -> Proposer:
        for made in self._trials():
            proposer.tell(made)
        return proposer

    def _pair(self) -> tuple[Proposer, Proposer]:
        regions = Regions(self.programs()[0])
        return self._told(self.make(regions)), self._told(self.make(regions))


def _through_json(made: Trial) -> Trial:
    return Trial(
        number=made.number,
        program=made.program,
        parents=made.parents,
        operator=made.operator,
        summary=made.summary,
        evaluation=made.evaluation,
        usage=made.usage,
        note=json.loads(json.dumps(dict(made.note))),
        duplicate_of=made.duplicate_of,
    )
