"""A scaffold as a proposer: what comes back becomes a program, or a proposal that says why not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from evolve.errors import BudgetSpent, ModelFault
from evolve.folders import read_folder
from evolve.proposers.scaffold import ScaffoldProposer, drawn, lease_of
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.scaffolds import smoke_problem
from evolve.testing.models import ScriptedModel
from evolve.testing.proposers import ProposerSuite
from evolve.testing.sandboxes import available
from evolve.testing.scaffolds import HereSandbox
from evolve.testing.trials import selection, told, trial
from evolve.types import Context, Limits, Model, Program, Proposal, Reply, Request, Sandbox, Selection, Status, Trial

SEED = read_folder(bundled("seeds") / "scaffold")
LINE = "    return 22.0 - 1.5 * (room - size)\n"
TEXT = f"# EVOLVE-BLOCK-START\ndef weight(size, room):\n{LINE}# EVOLVE-BLOCK-END\n\nLIMIT = 7\n"
PARENT = trial(0, TEXT, 1.0)
GOOD = f"Change: weigh less\n\n<<<<<<< SEARCH\n{LINE}=======\n    return 0.5\n>>>>>>> REPLACE\n"
WITH_GATEWAY = {"gateway.py": SEED.files["gateway.py"]}
ASKS = """
import random
from gateway import asker
def propose(parent, context):
    ask = asker(context)
    said = [ask([("user", f"question {number}")], random.Random(1)) for number in range(QUESTIONS)]
    return {"program.py": parent["files"]["program.py"].replace("1.5", said[-1])}
"""
NUMBERS = b"""
import random, re
def propose(parent, context):
    dice = random.Random(context["seed"])
    for path in context["paths"]:
        text = parent["files"][path]
        if "# EVOLVE-BLOCK-START" in text:
            start, end = text.index("# EVOLVE-BLOCK-START"), text.index("# EVOLVE-BLOCK-END")
            number = str(dice.randrange(10**6))
            return {path: text[:start] + re.sub(r"(?<=return )[0-9.]+", number, text[start:end]) + text[end:]}
        return {path: text + "# one more line" + chr(10)}
"""

Make = Callable[..., ScaffoldProposer]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """The scaffolds here are ours."""
    made = ProcessSandbox()
    yield made
    made.close()


@pytest.fixture
def make(sandbox: Sandbox) -> Make:
    """`make(scaffold, model)`: text is a scaffold of one file."""

    def of(scaffold: Program | str | Mapping[str, bytes], model: Model, **settings: object) -> ScaffoldProposer:
        if isinstance(scaffold, str):
            scaffold = {"scaffold.py": scaffold.encode()}
        program = scaffold if isinstance(scaffold, Program) else Program(scaffold)
        given = {"program": program, "sandbox": sandbox, "seconds": 60.0, **settings}
        return ScaffoldProposer(Regions(PARENT.program), [(model, 1.0)], **given)  # type: ignore[arg-type]

    return of


def context(number: int = 1, ask: Callable[[Model, Request], Reply] | None = None) -> Context:
    return Context(
        number, np.random.default_rng((0, number)), relay=ask or (lambda model, request: model.complete(request))
    )


def propose(proposer: ScaffoldProposer, number: int = 1, parent: Trial = PARENT) -> Proposal:
    return proposer.plan(selection(parent), context(number))()


class TestConformance(ProposerSuite):
    """A scaffold that asks nobody: it takes another number, by its seed."""

    def make(self, regions: Regions) -> ScaffoldProposer:
        program = Program({"scaffold.py": NUMBERS})
        return ScaffoldProposer(regions, [(ScriptedModel([]), 1.0)], program=program, sandbox=HereSandbox())


def test_the_seed_scaffold_proposes(make: Make) -> None:
    """What the model answers becomes a program; the model's line is the summary."""
    model = ScriptedModel([GOOD])
    proposal = propose(make(SEED, model))
    assert proposal.rejected == ""
    assert proposal.program.text("program.py") == TEXT.replace("22.0 - 1.5 * (room - size)", "0.5")
    assert (proposal.parents, proposal.operator, proposal.summary) == ((0,), "scaffold", "weigh less")
    assert proposal.note == {"scaffold": SEED.tree[:12], "outcome": "applied", "model": "scripted"}
    system, prompt = (text for _, text in model.requests[0].messages)
    assert "evolutionary search" in system
    assert TEXT in prompt


def test_an_answer_of_no_use_is_sent_back_once(make: Make) -> None:
    """By the scaffold, in the same conversation; then it gives up."""
    model = ScriptedModel(["I would think.", GOOD])
    assert propose(make(SEED, model)).rejected == ""
    assert [role for role, _ in model.requests[1].messages] == ["system", "user", "assistant", "user"]
    proposal = propose(make(SEED, ScriptedModel(["I would think."] * 2)))
    assert proposal.note["outcome"] == "failed"
    assert "Refused: there is no change in it" in proposal.rejected


@pytest.mark.parametrize(
    ("scaffold", "outcome", "said"),
    [
        ("def propose(parent, context):\n    return 1 / 0", "failed", "ZeroDivisionError"),
        ("import nothing_of_the_kind", "failed", "ModuleNotFoundError"),
        ("def propose(parent, context:", "failed", "SyntaxError"),
        ("x = 1", "failed", "no function 'propose'"),
        ("import os\ndef propose(parent, context):\n    os._exit(3)", "failed", "exit code 3"),
        ("import os\ndef propose(parent, context):\n    os.kill(os.getpid(), 9)", "failed", "SIGKILL"),
        ("def propose(parent, context):\n    return object()", "data", "no data"),
        ("def propose(parent, context):\n    return bytearray(2**30)", "memory", ""),
        ("def propose(parent, context):\n    return {'program.py': 'x' * 2**21}", "output", "too long"),
        ("def propose(parent, context):\n    return 7", "malformed", "a value of type 'int'"),
        ("def propose(parent, context):\n    return {'program.py': 7}", "malformed", "a value of type 'int'"),
        ("def propose(parent, context):\n    return {}", "no change", "stays as it is"),
        ("def propose(parent, context):\n    return parent['files']", "no change", "stays as it is"),
        ("def propose(parent, context):\n    return {'../program.py': 'x = 1'}", "bad file", "'..' parts"),
        ("def propose(parent, context):\n    return {'/etc/passwd': 'x'}", "bad file", "relative"),
        ("def propose(parent, context):\n    return {'.git/hooks/x': 'x'}", "bad file", "reserved"),
        ("def propose(parent, context):\n    return {'x' * 5000: 'x'}", "bad file", "between 1 and 1024 bytes"),
        ("def propose(parent, context):\n    return {'program.py/x': 'x'}", "bad file", "both a file and a directory"),
        ("def propose(parent, context):\n    return {'other.py': 'x = 1'}", "outside", "other.py was added"),
        ("def propose(parent, context):\n    return {'program.py': None}", "outside", "program.py was removed"),
        ("def propose(parent, context):\n    return {'program.py': 'x = 1'}", "outside", "regions"),
        ("def propose(parent, context):\n    return {'program.py': TEXT}", "syntax", "no valid Python"),
    ],
)
def test_what_a_scaffold_does_wrong_is_a_rejected_proposal(scaffold: str, outcome: str, said: str, make: Make) -> None:
    """With the reason, and the parent's program; never an exception."""
    scaffold = scaffold.replace("TEXT", repr(TEXT.replace("1.5", "1.5 +")))
    proposal = propose(make(scaffold, ScriptedModel([]), limits=Limits(reply_bytes=2**20)))
    assert (proposal.note["outcome"], proposal.program) == (outcome, PARENT.program)
    assert said in proposal.rejected
    assert len(proposal.rejected) < 3000
    assert proposal.summary == "no change"


@pytest.mark.parametrize("body", ["while True:\n        pass", "import time\n    time.sleep(600)"])
def test_a_scaffold_that_hangs_is_stopped(body: str, make: Make) -> None:
    """Whether it works or sleeps; the next one is asked as if nothing had been."""
    proposer = make(f"def propose(parent, context):\n    {body}", ScriptedModel([]), seconds=0.25)
    proposal = propose(proposer)
    assert proposal.note["outcome"] == "timeout"
    assert "stopped after 0.25 s of processor time" in proposal.rejected or "1 s in which" in proposal.rejected


def test_waiting_for_a_model_is_no_hang(make: Make) -> None:
    """The seconds are a scaffold's own, and by the clock four times as many."""
    proposer = make(
        {**WITH_GATEWAY, "scaffold.py": ASKS.replace("QUESTIONS", "3").encode()}, SimulatedNumber(4.5), seconds=3.0
    )
    assert propose(proposer).rejected == ""


class SimulatedNumber(ScriptedModel):
    """Thinks for a while, then says a number."""

    def __init__(self, seconds: float) -> None:
        super().__init__(lambda _: "2.5")
        self.seconds = seconds

    def complete(self, request: Request) -> Reply:
        """As it says."""
        time.sleep(self.seconds)
        return super().complete(request)


def test_models_are_named_as_often_as_their_weights_say() -> None:
    """A scaffold draws among the names; a lease names each once."""
    assert drawn([("a", 1.0), ("b", 3.0), ("c", 1.4)]) == ["a", "b", "b", "b", "c"]
    assert len(drawn([("a", 0.001), ("b", 1.0)])) == 21
    assert lease_of(3, [ScriptedModel([], name="a"), ScriptedModel([], name="b")]).models == ("a", "b")
    assert lease_of(3, [ScriptedModel([])]).calls == 3


def test_a_lease_bounds_the_calls_of_a_proposal(make: Make) -> None:
    """Beyond it the gateway says no, whatever the scaffold would like."""
    model = ScriptedModel(lambda _: "2.5")
    scaffold = {**WITH_GATEWAY, "scaffold.py": ASKS.replace("QUESTIONS", "100").encode()}
    proposal = propose(make(scaffold, model, calls=3))
    assert len(model.requests) == 3
    assert "429" in proposal.rejected
    assert proposal.note["outcome"] == "failed"


def test_what_keeps_models_from_answering_is_no_fault_of_the_scaffold(make: Make) -> None:
    """It is raised, for the loop to handle, even when the scaffold makes something else of it."""
    scaffold = {
        **WITH_GATEWAY,
        "scaffold.py": b"""
import random
from gateway import asker
def propose(parent, context):
    try:
        asker(context)([("user", "hello")], random.Random(1))
    except Exception:
        return {"program.py": parent["files"]["program.py"].replace("1.5", "2.5")}
""",
    }
    for fault in (ModelFault("down", sent=False), BudgetSpent("no more", "calls")):
        with pytest.raises(type(fault), match=str(fault)):
            propose(make(scaffold, ScriptedModel([fault])))


def test_a_scaffold_remembers_nothing(make: Make) -> None:
    """Not even where one session serves all: neither in its process nor in its files."""
    scaffold = """
import os
seen = []
def propose(parent, context):
    seen.append(1)
    found = len(seen) + os.path.exists("kept") + os.path.exists("/tmp/kept-by-a-scaffold-of-a-test")
    open("kept", "w").close()
    return {"program.py": parent["files"]["program.py"].replace("1.5", f"{found}.25")}
"""
    proposer = make(scaffold, ScriptedModel([]), whole=True)
    texts = {propose(proposer, number).program.text("program.py") for number in range(1, 5)}
    proposer.close()
    assert texts == {TEXT.replace("1.5", "1.25")}


def test_one_lease_may_serve_a_whole_search(make: Make) -> None:
    """Then it is used up once for all proposals."""
    model = ScriptedModel(lambda _: "2.5")
    proposer = make(
        {**WITH_GATEWAY, "scaffold.py": ASKS.replace("QUESTIONS", "2").encode()}, model, calls=5, whole=True
    )
    outcomes = [propose(proposer, number).note["outcome"] for number in range(1, 5)]
    assert outcomes == ["applied", "applied", "failed", "failed"]
    assert proposer.used.calls == len(model.requests) == 5
    proposer.close()


def test_what_it_takes_to_ask_is_imported_already(make: Make) -> None:
    """Importing HTTP would take most of a proposal's time. A scaffold with a module of that name has its own."""
    look = """
import sys
there = "http.client" in sys.modules
import http
def propose(parent, context):
    return {"program.py": parent["files"]["program.py"].replace("1.5", f"{there} + {hasattr(http, 'mine')}")}
"""
    of_python = propose(make(look, ScriptedModel([])))
    assert of_python.program.text("program.py") == TEXT.replace("1.5", "True + False")
    own = propose(make({"scaffold.py": look.encode(), "http.py": b"mine = True"}, ScriptedModel([])))
    assert own.program.text("program.py") == TEXT.replace("1.5", "False + True")


def test_what_a_scaffold_is_told(make: Make) -> None:
    """The parent and its past, others, what may change, a seed of its own; nothing held out, and no artifact."""
    scaffold = """
def propose(parent, context):
    raise ValueError(repr(sorted(parent)) + repr(sorted(context)) + repr(context["attempts"]) + repr(context["paths"]))
"""
    proposer = make(scaffold, ScriptedModel([]))
    proposer.tell(PARENT)
    proposer.tell(told(1, propose(proposer), None))
    said = propose(proposer, 2).rejected
    assert "['feedback', 'files', 'instances', 'metrics', 'number', 'score', 'status', 'summary']" in said
    assert "'outcome': 'rejected'" in said
    assert "['program.py']" in said
    for key in (
        "best",
        "deleted",
        "direction",
        "ideas",
        "inspirations",
        "models",
        "number",
        "operator",
        "seed",
        "stalled",
        "task",
    ):
        assert f"'{key}'" in said


def test_a_scaffold_hears_what_the_search_wishes_for(make: Make) -> None:
    """And obeys where it can."""
    other = trial(3, TEXT.replace("1.5", "2.5"), 0.5)
    asked = {}
    for operator in ("leap", "combine", "rewrite", "nothing of the kind"):
        model = ScriptedModel(lambda _: GOOD)
        chosen = Selection(parents=(PARENT,), inspirations=(other,), operator=operator)
        make(SEED, model).plan(chosen, context())()
        asked[operator] = model.requests[0].messages[1][1]
    assert "different from all of" in asked["leap"]
    assert "what is good in both" in asked["combine"]
    assert "matters most for the score anew" in asked["rewrite"]


@pytest.mark.parametrize("kind", [BubblewrapSandbox, DockerSandbox])
@pytest.mark.parametrize("whole", [False, True])
def test_the_seed_scaffold_works_where_nothing_else_is_reached(kind: Callable[[], Sandbox], whole: bool) -> None:
    """With its lease at a fixed path; also where one session serves several proposals."""
    sandbox = available(kind)
    model = ScriptedModel(lambda _: GOOD)
    proposer = ScaffoldProposer(
        Regions(PARENT.program), [(model, 1.0)], program=SEED, sandbox=sandbox, whole=whole, seconds=20.0
    )
    try:
        assert [propose(proposer, number).note["outcome"] for number in (1, 2)] == ["applied", "applied"]
    finally:
        proposer.close()
        sandbox.close()
    assert len(model.requests) == 2


def test_a_candidate_that_failed_is_given_to_be_mended(make: Make) -> None:
    """Now and then, and once; its number is in the note."""
    proposer = make(SEED, ScriptedModel(lambda _: GOOD.replace("22.0", "no_such_name")))
    proposer.tell(PARENT)
    proposal = propose(make(SEED, ScriptedModel([GOOD.replace("0.5\n", "no_such_name\n")])))
    broken = told(4, proposal, None)
    status = Status.FAILED
    proposer.tell(replace(broken, evaluation=replace(broken.evaluation, status=status, feedback="NameError")))
    mended = [propose(proposer, number) for number in range(8, 80, 4)]
    assert 0 < sum(proposal.note.get("repairs") == 4 for proposal in mended) < len(mended)
    assert {proposal.parents for proposal in mended} == {(0,), (4,)}


@pytest.mark.parametrize(
    ("smoke", "said"),
    [
        (None, ""),
        ("x = 1", ""),
        ("import scaffold", ""),
        ("raise SystemExit('it cannot propose')", "checks/smoke.py ended with 1:\nit cannot propose"),
        ("import sys\nsys.path.insert(0, '.')\nimport scaffold\nscaffold.propose(1, 2)", 'File "scaffold.py", line 2'),
        ("while True:\n    pass", "of processor time"),
    ],
)
def test_a_smoke_test_is_run_before_anything_is_spent(smoke: str | None, said: str, sandbox: Sandbox) -> None:
    """With what it printed when it fails; where the session's folder is is nobody's business."""
    files = {"scaffold.py": b"def propose(parent, context):\n    return 1 / 0\n"}
    if smoke is not None:
        path = "import sys; sys.path.insert(0, '.')\n" if smoke == "import scaffold" else ""
        files["checks/smoke.py"] = (path + smoke + "\n").encode()
    found = smoke_problem(Program(files), sandbox, seconds=0.5)
    assert said in found if said else found == ""
    assert "/tmp" not in found


def test_the_seed_passes_its_smoke_test_in_a_sandbox(sandbox: Sandbox) -> None:
    """As it does outside of it."""
    assert smoke_problem(SEED, sandbox) == ""
