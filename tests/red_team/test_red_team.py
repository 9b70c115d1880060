"""The red team's attackers and spenders: each is caught by name, in every sandbox that isolates."""

from __future__ import annotations

import ast
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from evolve.models.gateway import Gateway, Lease
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.regions import Regions
from evolve.sandboxes import harness
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.attacks import namespaces
from evolve.testing.models import ScriptedModel
from evolve.testing.outside import Outside
from evolve.testing.processes import living, settles
from evolve.testing.sandboxes import available
from evolve.testing.trials import selection, trial
from evolve.types import Context, Evaluation, Limits, Model, Program, Proposal, Reply, Request, Sandbox, Status

FOLDER = Path(__file__).parent
MAKERS: dict[str, Callable[[], Sandbox]] = {
    "docker": DockerSandbox,
    "bubblewrap": BubblewrapSandbox,
    "process": ProcessSandbox,
}
APART = {Guarantee.FILES, Guarantee.NETWORK, Guarantee.PROCESSES}
TEXT = "# EVOLVE-BLOCK-START\ndef weight(size):\n    return 2.0 * size\n# EVOLVE-BLOCK-END\n"
PARENT = trial(0, TEXT, 1.0)
LIMITS = Limits(memory_bytes=2**28, processes=16, disk_bytes=2**24)
CALLS = 5
SHIM = b"import member, world\ndef propose(parent, context):\n    return member.propose(world, parent, context)\n"


@dataclass(frozen=True)
class Member:
    """A hostile scaffold: constants in its text, which is never imported here, say how it is to be run.

    HARMLESS  it may run without isolation
    STEPS     how many proposals it is asked for
    """

    name: str
    source: bytes
    title: str
    harmless: bool
    steps: int

    @classmethod
    def read(cls, name: str) -> Member:
        """The one of that name."""
        source = (FOLDER / "programs" / f"{name}.py").read_bytes()
        tree = ast.parse(source)
        said = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        return cls(name, source, ast.get_docstring(tree) or "", bool(said.get("HARMLESS")), int(str(said["STEPS"])))


MEMBERS = {path.stem: Member.read(path.stem) for path in sorted((FOLDER / "programs").glob("*.py"))}


@dataclass
class Field:
    """A sandbox, what is around it, and how a scaffold proposes in it; `mark` is in whatever it leaves behind."""

    sandbox: Sandbox
    outside: Outside
    mark: str = field(default_factory=lambda: f"mark-{secrets.token_hex(8)}")
    model: ScriptedModel = field(default_factory=lambda: ScriptedModel(lambda _: "an answer of five words"))
    asked: list[Reply] = field(default_factory=list)

    def relay(self, model: Model, request: Request) -> Reply:
        """As a run's meter does: what was asked and answered is on its account."""
        reply = model.complete(request)
        self.asked.append(reply)
        return reply

    def proposer(self, name: str, *, whole: bool = True) -> ScaffoldProposer:
        """A scaffold that proposes; what could do harm is refused where it could."""
        member = MEMBERS[name]
        if missing(self.sandbox) & APART and not member.harmless:
            raise PermissionError(f"{name} could do harm in the {self.sandbox.name} sandbox")
        engine = namespaces() if not missing(self.sandbox) & APART else {}
        # without isolation it would find the sockets of whatever else runs on this machine
        within = "" if engine else str(harness.home())
        order = {
            **self.outside.told(),
            "mark": self.mark,
            "model": self.model.name,
            "engine": engine,
            "within": within,
        }
        files = {
            "scaffold.py": SHIM,
            "member.py": member.source,
            "world.py": (FOLDER / "world.py").read_bytes(),
            "order.json": json.dumps(order).encode(),
        }
        return ScaffoldProposer(
            Regions(PARENT.program),
            [(self.model, 1.0)],
            program=Program(files),
            sandbox=self.sandbox,
            calls=CALLS,
            seconds=30.0,
            limits=LIMITS,
            whole=whole,
        )

    def run(self, name: str, *, whole: bool = True) -> list[Proposal]:
        """All of its proposals. Nothing of it is left, and nothing of this machine was touched."""
        proposer = self.proposer(name, whole=whole)
        try:
            found = [
                proposer.plan(selection(PARENT), Context(number, np.random.default_rng(number), relay=self.relay))()
                for number in range(MEMBERS[name].steps)
            ]
        finally:
            proposer.close()
        return found

    def touched(self, found: list[Proposal]) -> list[str]:
        """What was reached, read or changed outside, by what was seen there and by what the proposals hold."""
        texts = [
            *(text.decode(errors="replace") for each in found for text in each.program.files.values()),
            *(f"{each.summary} {each.rejected} {each.note}" for each in found),
        ]
        return self.outside.effects(Evaluation(status=Status.OK, feedback="\n".join(texts)))


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Field]]:
    """A field in the sandbox of a name; sandboxes and what is outside are made once."""
    made: dict[str, tuple[Sandbox, Outside]] = {}

    def of(name: str) -> Field:
        if name not in made:
            sandbox = available(MAKERS[name])
            place = tmp_path_factory.mktemp("red-team")
            for folder in (place, *place.parents[:3]):
                folder.chmod(0o755)
            made[name] = sandbox, Outside(place, foreign=name != "process")
        return Field(*made[name])

    os.environ["EVOLVE_ATTACK_KEY"] = "canary-key-" + "0" * 32
    yield of
    os.environ.pop("EVOLVE_ATTACK_KEY", None)
    for sandbox, outside in made.values():
        sandbox.close()
        outside.close()


def claims(found: list[Proposal]) -> list[str]:
    """What the proposals say that was got through to."""
    text = "\n".join(each.program.text("program.py") for each in found)
    return [line.removeprefix("# claim: ") for line in text.splitlines() if line.startswith("# claim: ")]


ISOLATED = ["docker", "bubblewrap"]


@pytest.mark.parametrize("where", ISOLATED)
class TestIsolated:
    """In the sandboxes that keep programs from this machine."""

    def test_another_evaluator_is_rejected(self, fields: Callable[[str], Field], where: str) -> None:
        """Each file that was handed in is named, or the part of the program that may not change."""
        field = fields(where)
        found = field.run("edited_evaluator")
        assert [each.note["outcome"] for each in found].count("outside") == 4
        assert [each.note["outcome"] for each in found].count("bad file") == 4
        assert all(each.rejected and each.program.tree == PARENT.program.tree for each in found)
        assert field.touched(found) == []

    def test_a_forged_score_is_text(self, fields: Callable[[str], Field], where: str) -> None:
        """An honest proposal is taken for what it is whatever was printed; what stands for an answer is none."""
        field = fields(where)
        honest, written, returned = field.run("forged_score")
        assert honest.rejected == ""
        assert honest.program.text("program.py") == TEXT.replace(
            "# EVOLVE-BLOCK-END", f"# {field.mark}\n# EVOLVE-BLOCK-END"
        )
        assert "score" not in honest.note
        assert "1e9" not in honest.summary
        assert written.note["outcome"] in {"output", "failed", "data"}
        assert returned.note["outcome"] == "malformed"
        assert field.touched([honest, written, returned]) == []

    def test_sockets_reach_nobody(self, fields: Callable[[str], Field], where: str) -> None:
        """Neither this machine nor another one."""
        field = fields(where)
        found = field.run("sockets")
        assert found[0].rejected == ""
        assert claims(found) == []
        assert field.touched(found) == []

    def test_forks_are_ended(self, fields: Callable[[str], Field], where: str) -> None:
        """Nothing is alive once it was closed, and the next proposal had as many processes as the first."""
        field = fields(where)
        found = field.run("forks")
        assert len(found) == 2
        assert settles(lambda: living(field.mark) == [], 60.0), f"still there: {living(field.mark)}"

    def test_links_lead_nowhere(self, fields: Callable[[str], Field], where: str) -> None:
        """What lies outside is neither read nor changed through them."""
        field = fields(where)
        found = field.run("links")
        assert found[0].rejected == ""
        assert [claim for claim in claims(found) if "canary" in claim or "through a link" in claim] == []
        assert field.touched(found) == []

    def test_marks_are_not_found_again(self, fields: Callable[[str], Field], where: str) -> None:
        """A sleeper finds the world as it was at first, in each session and from proposal to proposal of one."""
        for whole in (True, False):
            field = fields(where)
            found = field.run("marked", whole=whole)
            assert len(found) == 4
            assert claims(found) == []
            assert len({each.program.tree for each in found}) == 1

    def test_another_lease_is_out_of_reach(self, fields: Callable[[str], Field], where: str) -> None:
        """Its socket is not there, and nothing was spent of it."""
        field = fields(where)
        lease = Lease(calls=3, tokens=10**6, nanodollars=10**12, seconds=600.0, models=(field.model.name,))
        other = Gateway(lease, field.relay, [field.model], folder=harness.home())
        try:
            found = field.run("other_lease")
        finally:
            other.close()
        assert claims(found) == []
        assert other.used.calls == 0

    def test_usage_is_counted_where_the_answers_are(self, fields: Callable[[str], Field], where: str) -> None:
        """Two calls, whatever was said of them."""
        field = fields(where)
        proposer = field.proposer("lied_usage")
        proposal = proposer.plan(selection(PARENT), Context(0, np.random.default_rng(0), relay=field.relay))()
        used = proposer.used
        proposer.close()
        assert proposal.rejected == ""
        assert used == sum((reply.usage for reply in field.asked[1:]), field.asked[0].usage)
        assert used.calls == len(field.asked) == 2
        assert used.nanodollars > 0

    def test_a_lease_is_as_large_as_it_was_lent(self, fields: Callable[[str], Field], where: str) -> None:
        """No path, header or field made it larger, or lent another model."""
        field = fields(where)
        found = field.run("larger_lease")
        assert found[0].rejected == ""
        assert claims(found) == []
        assert len(field.asked) == CALLS
        assert {request.max_tokens <= 16_384 for request in field.model.requests} == {True}

    def test_a_spender_spends_its_lease(self, fields: Callable[[str], Field], where: str) -> None:
        """All of it, to the call, in all of its proposals together; and what it proposes is no change."""
        field = fields(where)
        proposer = field.proposer("spender")
        threads = threading.active_count()
        found = [
            proposer.plan(selection(PARENT), Context(number, np.random.default_rng(number), relay=field.relay))()
            for number in range(3)
        ]
        used = proposer.used
        proposer.close()
        assert used.calls == len(field.asked) == len(field.model.requests) == CALLS
        assert {each.note["outcome"] for each in found} == {"no change"}
        assert settles(lambda: threading.active_count() <= threads, 10.0)

    def test_what_was_left_in_flight_is_paid_at_once(self, fields: Callable[[str], Field], where: str) -> None:
        """By the call that has asked it, before the next one begins, which hears and pays nothing of it."""
        field, there = fields(where), threading.Semaphore(0)

        def answer(request: Request) -> str:
            text = request.messages[0][1]
            if text.startswith("left"):
                there.release()
                time.sleep(2.0)  # so that it is still on its way when the proposal is there
            elif text == "are they there?":
                assert all(there.acquire(timeout=120.0) for _ in range(3))
            return "an answer"

        field.model = ScriptedModel(answer)
        proposer = field.proposer("latecomer")
        found, spent = [], []
        try:
            for number in range(MEMBERS["latecomer"].steps):
                plan = proposer.plan(
                    selection(PARENT), Context(number, np.random.default_rng(number), relay=field.relay)
                )
                found.append(plan())
                spent.append((proposer.used.calls, len(field.asked), len(field.model.requests)))
        finally:
            proposer.close()
        assert spent == [(4, 4, 4), (4, 4, 4), (5, 5, 5)]
        assert ["model" in each.note for each in found] == [True, False, True]
        assert claims(found) == ["asked: 200"]


@pytest.mark.parametrize(("name", "claim"), [("sockets", "reached 127.0.0.1"), ("links", "canary-host-")])
def test_without_isolation_they_get_through(fields: Callable[[str], Field], name: str, claim: str) -> None:
    """In the process sandbox: so it is the isolation that catches them, and they are able."""
    field = fields("process")
    found = field.run(name)
    assert any(claim in each for each in claims(found)), found[0].rejected
    assert field.touched(found) != []


def test_another_lease_is_there_without_isolation(fields: Callable[[str], Field]) -> None:
    """In the process sandbox any socket of the user's can be found."""
    field = fields("process")
    lease = Lease(calls=3, tokens=10**6, nanodollars=10**12, seconds=600.0, models=(field.model.name,))
    other = Gateway(lease, field.relay, [field.model], folder=harness.home())
    try:
        found = field.run("other_lease")
    finally:
        other.close()
    assert claims(found) == ["asked through another lease: an answer of five words"]
    assert other.used.calls == 1


@pytest.mark.parametrize("name", [name for name, member in MEMBERS.items() if not member.harmless])
def test_what_could_do_harm_is_not_even_sent(fields: Callable[[str], Field], name: str) -> None:
    """To a sandbox that does not isolate."""
    with pytest.raises(PermissionError):
        fields("process").proposer(name)


def test_the_team_is_complete() -> None:
    """Each has a docstring that begins with what it is, and is called by a test by its name."""
    text = Path(__file__).read_text(encoding="utf-8")
    for name, member in MEMBERS.items():
        assert member.title.split(":")[0] in {"Attacker", "Spender", "Sleeper"}
        assert f'"{name}"' in text
        assert member.steps > 0


def test_the_documentation_names_the_team() -> None:
    """Each scaffold of the folder has its row in docs/security.md."""
    text = (FOLDER.parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
    rows = text.partition("## The red team")[2].partition("\n## ")[0]
    assert [name for name in MEMBERS if f"`{name}`" not in rows] == []


def test_the_tests_of_the_guards_are_there() -> None:
    """What docs/security.md says fails without a guard is a file of tests."""
    text = (FOLDER.parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.partition("### What stops whom")[2].splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(test_\w+\.py)`", row)}
    there = {path.name for path in FOLDER.parent.rglob("test_*.py")}
    assert len(named) > 5
    assert named <= there
