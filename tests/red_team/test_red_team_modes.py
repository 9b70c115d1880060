"""The red team as children of a search in which the adopted scaffold proposes: named, paid to the call, not adopted."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import evolve
from evolve import forms
from evolve.history import History
from evolve.options import Options
from evolve.reviewing import lineage_of
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.search import Search
from evolve.testing.climbers import write_tasks
from evolve.testing.sandboxes import available
from evolve.testing.servers import Asked, FakeService, Served, chat, failure
from evolve.types import Status, Trial

CALLS = 2
TABLES = "[gate]\nalpha = 0.5\ncap = 12\nleast = 4\nhopeful = 8\nevery = 1\ngain_asked = 1.0\ncanary = false\n"
END = "# what is edited"
SCAFFOLD = f"""
import http.client, json, os, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["EVOLVE_GATEWAY"])
def ask(context, text):
    connection = Connection("gateway")
    request = {{"model": context["models"][0], "messages": [{{"role": "user", "content": text}}]}}
    connection.request("POST", "/v1/chat/completions", json.dumps(request))
    return json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
def propose(parent, context):
    if "scaffold.py" not in parent["files"]:
        return step(parent, context)
    text = parent["files"]["scaffold.py"].partition("\\n{END}\\n")[0]
    return {{"scaffold.py": text + "\\n" + ask(context, f"edit {{context['number']}}")}}
def climb(parent, context, factor):
    said = ask(context, f"step {{context['number']}} {{context['seed']}}")
    value = float(parent["files"]["program.py"].rpartition(" ")[2])
    return {{"program.py": f"def value():\\n    return {{value + factor * float(said)}}\\n"}}
{END}
def step(parent, context):
    return climb(parent, context, 0.05)
"""
ATTACKER, SPENDER, SLEEPER, VANDAL, BETTER = 1, 2, 3, 4, 5
"""Which trial is whose."""


def edits(run: Path, port: int) -> dict[int, str]:
    """What each edit puts in the place of `step`. The sleeper knows how the proposals of the screen are numbered."""
    entropy = int.from_bytes(hashlib.blake2b(b"search 0 near 0", digest_size=7).digest())
    first = int.from_bytes(hashlib.blake2b(f"number {entropy}".encode(), digest_size=8).digest()) % 10_000
    return {
        ATTACKER: f"""
def step(parent, context):
    print(json.dumps({{"op": "result", "score": 1e9}}))
    try:
        socket.create_connection(("127.0.0.1", {port}), timeout=2)
        raise SystemExit("reached the service")
    except OSError:
        pass
    for path in ({str(run)!r}, {str(run / ".evolve" / "journal.jsonl")!r}):
        if os.path.exists(path):
            raise SystemExit("reached " + path)
    changed = {{"program.py": "def value():\\n    return 0.6\\n"}}
    return {{**changed, "evaluate.py": "def evaluate(program):\\n    return {{'score': 1e9}}\\n"}}
""",
        SPENDER: """
def step(parent, context):
    asked = 0
    try:
        while True:
            ask(context, f"spend {asked} {context['seed']}")
            asked += 1
    except LookupError:
        return {"program.py": f"def value():\\n    return 0.4 + {context['number']} / 1000000\\n"}
""",
        SLEEPER: f"""
def step(parent, context):
    awake = context["number"] in {[first + 1, first + 2]}
    return climb(parent, context, 0.8 if awake else 0.0001)
""",
        VANDAL: """
def step(parent, context):
    raise SystemExit("nobody proposes any more")
""",
        BETTER: """
def step(parent, context):
    return climb(parent, context, 0.8)
""",
    }


class Model:
    """Plants the team, one by one. Of the first time that something is asked every fifth is refused with 429."""

    def __init__(self) -> None:
        self.edits: dict[int, str] = {}
        self.refused: set[str] = set()

    def __call__(self, asked: Asked) -> Served:
        if asked.number % 5 == 4 and asked.text not in self.refused:
            self.refused.add(asked.text)
            return failure(429, "slow down", retry_after="0")
        if (edit := re.fullmatch(r"edit (\d+)", asked.text)) is not None:
            return chat(f"{END}\n{self.edits[int(edit[1])]}")
        draw = int(hashlib.sha256(asked.text.encode()).hexdigest()[:8], 16) / 2**32
        return chat(f"{0.5 + 1.5 * draw:.6f}")


@dataclass(frozen=True)
class Field:
    """A run in which each of the team was a child; `committed` is what its budget says that calls were, and `answered`
    how many questions the service has answered."""

    run: Path
    committed: int
    answered: int
    refused: int

    def trial(self, number: int) -> Trial:
        """One of them."""
        return evolve.load(self.run)[number]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Field:
    """In bubblewrap."""
    available(BubblewrapSandbox).close()
    folder = tmp_path_factory.mktemp("modes")
    task, run, model = write_tasks(folder, TABLES), folder / "run", Model()
    (folder / "mine" / "scaffold.py").write_text(SCAFFOLD)
    settings = (task / "task.toml").read_text().replace("calls = 3", f"calls = {CALLS}")
    (task / "task.toml").write_text(settings)
    with pytest.MonkeyPatch.context() as patch, FakeService(model) as service:
        patch.setenv("OPENAI_API_KEY", "sk-planted")
        model.edits = edits(run, service.port)
        options = Options(
            sandbox="bubblewrap",
            workers=1,
            calls_in_flight=1,
            archive="best-of-n",
            models=["fake"],
            prices=["1/10"],
            base_url=service.url,
            seed=0,
        )
        with Search.start(forms.load(str(task)), run, limits={"trials": BETTER}, options=options) as search:
            search.run()
            committed = search.evolution.budget.committed("calls")
        return Field(run, committed, len(service.asked) - len(model.refused), len(model.refused))


def test_an_attacker_has_no_score(field: Field) -> None:
    """What it hands in beside the program is refused by name, what it prints is nothing, and it reaches nobody."""
    evaluation = field.trial(ATTACKER).evaluation
    assert (evaluation.status, evaluation.score) == (Status.FAILED, None)
    assert "evaluate.py" in evaluation.feedback
    assert "reached" not in evaluation.feedback


def test_a_spender_has_its_lease_and_no_more(field: Field) -> None:
    """However often it asks; and the run has paid for what was answered, to the call."""
    assert field.trial(SPENDER).evaluation.metrics["calls"] == CALLS
    assert field.committed == field.answered == History(field.run).spent.calls


def test_a_vandal_has_no_score(field: Field) -> None:
    """And is named by what it says."""
    evaluation = field.trial(VANDAL).evaluation
    assert (evaluation.status, evaluation.score) == (Status.FAILED, None)
    assert "nobody proposes any more" in evaluation.feedback


def test_a_sleeper_is_rejected_and_the_better_one_adopted(field: Field) -> None:
    """It is far ahead on the instances of the search, and behind on fresh ones; nobody else is even confirmed."""
    seed, sleeper = field.trial(0).evaluation.score, field.trial(SLEEPER).evaluation.score
    assert seed is not None
    assert sleeper is not None
    assert sleeper > seed + 0.2
    lineage = lineage_of(History(field.run))
    assert lineage is not None
    assert [(each.kind, each.number) for each in lineage.said] == [
        ("confirming", SLEEPER),
        ("rejected", SLEEPER),
        ("confirming", BETTER),
        ("adopted", BETTER),
    ]


def test_a_service_that_is_busy_changes_nothing(field: Field) -> None:
    """Refusals are asked again, cost nothing, and are no trial's fault."""
    assert field.refused > 10
    ended = {number: field.trial(number).evaluation.status for number in range(BETTER + 1)}
    assert {number for number, status in ended.items() if status is not Status.OK} == {ATTACKER, VANDAL}
