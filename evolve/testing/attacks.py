"""Attacks on a sandbox: small hostile programs, and what can be seen of each from outside when it has run.

    arena = Arena(sandbox, Path("tests/attacks"), place)
    for attack in attacks(Path("tests/attacks")):
        assert arena.attack(attack) == []          # what it got through to; nothing, when it was caught

An attack is scored by a `NativeEvaluator` like any candidate, by an evaluator with hidden answers. It has got through
when it scores better than any honest program could, or its evaluation holds a secret that was hidden from it, or what
it says of itself is that the kernel let it; when a server or a file of this machine was touched, or a process of its is
alive afterwards; when its status is another one than it deserves; or when the honest program after it does not find
everything as it was, in time. Attacks are bounded: 200 processes, twice the limits on memory and disk.

Programs that could do harm only ever start where process ids, mounts, network and IPC are others than those of the
engine: the arena proves that before it sends the first one, and each program looks again before it does anything.
"""

from __future__ import annotations

import ast
import json
import math
import os
import platform
import re
import secrets
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.resources import bundled
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.testing.outside import SECRET, Outside
from evolve.testing.processes import living, settles
from evolve.types import Evaluation, Limits, Program, Sandbox, Status

__all__ = ["LIMITS", "Arena", "Attack", "Refused", "attacks", "namespaces"]

_MIB = 2**20
LIMITS = Limits(
    memory_bytes=256 * _MIB,
    processes=12,
    disk_bytes=16 * _MIB,
    open_files=64,
    output_bytes=2**16,
    reply_bytes=4 * _MIB,
)
"""Of every attack; what an attack takes by way of trial is at most twice this."""

_TRAP = b"raise SystemExit('not to be imported')\n"
_APART = {Guarantee.FILES, Guarantee.NETWORK, Guarantee.PROCESSES}
_NAMESPACES = ("pid", "mnt", "net", "ipc")
_QUESTIONS = 8
_SLACK = 120.0  # seconds that opening new sessions on a busy machine may add to an evaluation
_ROUNDING = 1e-9
_NAP = 0.2  # seconds that an honest program takes where time is the score


class Refused(Exception):
    """A program that could do harm would have run where it can."""


@dataclass(frozen=True)
class Attack:
    """A hostile program; what it is to be called with is said by constants in its text, which is never imported here.

    HARMLESS  it may run without isolation
    STYLE     how its answers are graded, see exam/evaluate.py
    STATUS    what its evaluation must end with when nothing goes wrong (text, or several in a tuple); else anything
    SECONDS   what it may take
    QUESTIONS how many a survey asks
    FILES     names of files that it brings besides
    IN_PROCESS  it does get through to an evaluator that imports it
    """

    name: str
    kind: str
    title: str
    source: str
    functions: frozenset[str]
    harmless: bool = False
    style: str = "none"
    statuses: tuple[str, ...] = tuple(Status)
    seconds: float = 5.0
    questions: int = 4
    files: Mapping[str, bytes] = field(default_factory=dict)
    in_process: bool = False

    @classmethod
    def read(cls, path: Path) -> Attack:
        """The attack in this file."""
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        said: dict[str, Any] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
                said[node.targets[0].id] = _literal(node.value)
        statuses = said.get("STATUS", tuple(Status))
        return cls(
            name=path.stem,
            kind=path.parent.name,
            title=(ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " "),
            source=source,
            functions=frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef)),
            harmless=said.get("HARMLESS", False),
            style=said.get("STYLE", "none"),
            statuses=(statuses,) if isinstance(statuses, str) else statuses,
            seconds=said.get("SECONDS", 5.0),
            questions=said.get("QUESTIONS", 4),
            files=dict.fromkeys(said.get("FILES", ()), _TRAP),
            in_process=said.get("IN_PROCESS", False),
        )


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None  # computed: of no concern here


def attacks(folder: Path) -> list[Attack]:
    """The attacks in `folder/programs/<kind>/<name>.py`, in order."""
    return [Attack.read(path) for path in sorted((folder / "programs").glob("*/*.py"))]


def namespaces() -> dict[str, str]:
    """The namespaces of this process that keep attackers away from it."""
    return {name: str(Path("/proc/self/ns", name).readlink()) for name in _NAMESPACES}


class Arena:
    """One sandbox under attack.

    `folder` holds what is common to attacks: confined.py, honest.py and exam/. `place` is an empty folder of this
    machine that an attack would like to read and change. `engine` are the namespaces to keep away from, by default this
    process's own. `foreign` says whether addresses that are not ours may be tried.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        place: Path,
        *,
        engine: Mapping[str, str] | None = None,
        foreign: bool = True,
    ) -> None:
        self._apart = not missing(sandbox) & _APART
        self._engine = dict(engine or namespaces())
        self._confined = (folder / "confined.py").read_bytes()
        self._honest, self._naive = Attack.read(folder / "honest.py"), Attack.read(folder / "naive.py")
        self._outside = Outside(place, foreign=foreign and self._apart)
        self._answers = [secrets.randbits(53) / 2**53 for _ in range(_QUESTIONS)]
        task = place.parent / f"{place.name}-task"
        self._write_task(task, folder / "exam")
        os.environ["EVOLVE_ATTACK_KEY"] = self._outside.secret("key")  # as an engine has, when it opens sessions
        self._sandbox, self._task = sandbox, task
        self._evaluator, self._beside = self._make(), self._make()
        try:
            self._prove_apart()
            self._usual = self._succeed()
        except BaseException:
            self.close()
            raise

    def _make(self) -> NativeEvaluator:
        return NativeEvaluator(
            sandbox=self._sandbox,
            folder=self._task,
            rules=Rules(module="program"),
            timeout=300.0,
            limits=LIMITS,
            evaluator_limits=Limits(reply_bytes=LIMITS.reply_bytes),
        )

    def _write_task(self, task: Path, exam: Path) -> None:
        task.mkdir(mode=0o700)
        hidden = {"answers": self._answers, "secret": self._outside.secret("hidden")}
        (task / "hidden.json").write_text(json.dumps(hidden), encoding="utf-8")
        source = (exam / "evaluate.py").read_text(encoding="utf-8")
        (task / "evaluate.py").write_text(f"{source}\n# {self._outside.secret('source')}\n", encoding="utf-8")

    def _prove_apart(self) -> None:
        theirs = self._succeed("victim").metrics["said"]
        assert isinstance(theirs, Mapping)
        shared = [name for name in _NAMESPACES if theirs[name] == self._engine[name]]
        if self._apart and shared:
            raise Refused(f"a program in this sandbox has the engine's {', '.join(shared)}: no attack may start there")

    def _succeed(self, function: str = "attack") -> Evaluation:
        evaluation = self._evaluate(self._honest, function)
        if evaluation.status is not Status.OK:
            raise AssertionError(f"the honest program is no good: {_shown(evaluation)}")
        return evaluation

    def attack(self, attack: Attack) -> list[str]:
        """Run the attack: what it got through to, in words. Raises `Refused` when it could do harm here."""
        if not (self._apart or attack.harmless):
            raise Refused(f"{attack.name} could do harm outside of a sandbox")
        effects = self._beside_another(attack) if "victim" in attack.functions else self._judge(attack, "attack")
        if "collect" in attack.functions:
            effects += self._judge(attack, "collect")
        effects += self._aftermath()
        if effects:  # the next attack is to be judged by itself
            self._evaluator.close()
            self._evaluator = self._make()
        return effects

    def _beside_another(self, attack: Attack) -> list[str]:
        """While another program, with a secret of its own, runs in sessions of its own."""
        self._evaluate(self._honest, "attack", beside=True)  # so that its sessions are open
        with ThreadPoolExecutor(1) as pool:
            victim = pool.submit(self._evaluate, attack, "victim", beside=True)
            effects = self._judge(attack, "attack")
            other = victim.result()
        if other.status is not Status.OK or other.metrics["said"]:
            effects.append(f"the program beside it was disturbed: {_shown(other)}")
        return effects

    def attack_in_process(self, attack: Attack) -> list[str]:
        """What the attack gets through to where evaluator and program share a process, as others have it.

        That process is in the sandbox, and all that it may do is to print.
        """
        files = {"inside.py": attack.source.encode(), "inside.txt": attack.style.encode()}
        files |= {path.name: path.read_bytes() for path in self._task.iterdir() if path.is_file()}
        evaluation = self._evaluate(replace(self._naive, files=files), "attack")
        claims = _claims(evaluation)
        scores = [float(claim.removeprefix("score ")) for claim in claims if claim.startswith("score ")]
        found = [f"the score is {score}" for score in scores if score > self._best(attack.style)]
        return found + [claim for claim in claims if SECRET.search(claim)]

    def close(self) -> None:
        """End everything."""
        self._evaluator.close()
        self._beside.close()
        self._outside.close()
        os.environ.pop("EVOLVE_ATTACK_KEY", None)

    def _judge(self, attack: Attack, function: str) -> list[str]:
        mark = f"mark-{secrets.token_hex(8)}"
        start = time.monotonic()
        evaluation = self._evaluate(attack, function, mark=mark)
        seconds = time.monotonic() - start
        effects = self._outside.effects(evaluation)
        if evaluation.status not in attack.statuses:
            effects.append(f"the status is {evaluation.status}: {_shown(evaluation)}")
        if evaluation.score is not None and evaluation.score > self._best(attack.style) + _ROUNDING:
            effects.append(f"the score is {evaluation.score}, the best honest one {self._best(attack.style)}")
        effects += _claims(evaluation)
        if "ended the process that watches it" in evaluation.feedback:
            effects.append(f"the supervisor was ended: {evaluation.feedback[:500]}")
        if seconds > attack.seconds + _SLACK:
            effects.append(f"the evaluation took {seconds:.0f} s")
        if not settles(lambda: not living(mark), 60):
            effects.append(f"{len(living(mark))} processes of it are alive")
        return effects

    def _aftermath(self) -> list[str]:
        """What the honest program that comes next finds different."""
        start = time.monotonic()
        evaluation = self._evaluate(self._honest, "attack")
        seconds = time.monotonic() - start
        if (evaluation.status, evaluation.score) != (Status.OK, self._usual.score):
            return [
                f"the next program is scored {evaluation.score} instead of {self._usual.score}: {_shown(evaluation)}"
            ]
        then, now = self._usual.metrics["said"], evaluation.metrics["said"]
        assert isinstance(then, Mapping)
        assert isinstance(now, Mapping)
        names = [name for name in then if then[name] != now[name]]
        effects = [f"the next program finds {name} {now[name]} instead of {then[name]}"[:1000] for name in names]
        if seconds > _SLACK:
            effects.append(f"the next evaluation took {seconds:.0f} s")
        return effects

    def _evaluate(self, attack: Attack, function: str, *, mark: str = "", beside: bool = False) -> Evaluation:
        order = {
            "function": function,
            "style": attack.style,
            "seconds": attack.seconds,
            # one that ends by itself is not to be hurried by a machine that is busy
            "timeout": _SLACK if attack.statuses == (Status.OK,) else attack.seconds,
            "questions": attack.questions,
            "mark": mark,
            "apart": self._apart,
            "engine": {} if attack.harmless else self._engine,
            "limits": asdict(LIMITS),
            "numbers": _numbers(),
            "secret": self._outside.secret("own") if function in ("victim", "attack") else "",
            **self._outside.told(),
        }
        if beside:
            order["secret"] = self._outside.secret("beside")
        program = {
            "program.py": self._confined,
            "attack.py": attack.source.encode(),
            "order.json": json.dumps(order).encode(),
            **attack.files,
        }
        return (self._beside if beside else self._evaluator).evaluate(Program(program))

    def _best(self, style: str) -> float:
        """What the best program scores that does not know the answers; see exam/evaluate.py."""
        match style:
            case "distance" | "map" | "array" | "weighted":  # the median of the answers, to each question
                middle = statistics.median(self._answers)
                return -sum(abs(answer - middle) for answer in self._answers) / _QUESTIONS
            case "packing":
                return 10.0
            case "quick":
                return -_NAP / 2
            case "trusting":
                return math.inf
        return 0.0


def _numbers() -> dict[str, int]:
    tables: dict[str, dict[str, int]] = json.loads((bundled("sandbox") / "syscalls.json").read_text(encoding="utf-8"))
    return tables.get(platform.machine(), {})


def _claims(evaluation: Evaluation) -> list[str]:
    """What it says of itself; printed, where it may not live to answer."""
    claims = re.findall(r"^claim: (.*)$", evaluation.feedback, re.MULTILINE)
    said = evaluation.metrics.get("said")
    if isinstance(said, list):
        claims += [str(claim)[:500] for claim in said]
    spent = said.get("processor") if isinstance(said, Mapping) else None
    if isinstance(spent, float) and evaluation.cost.cpu_seconds < spent / 2:
        claims.append(f"{spent:.2f} s of processor time were taken for {evaluation.cost.cpu_seconds:.2f}")
    for name in evaluation.artifacts:
        path = os.path.normpath(f"/kept/{name}").lower()
        if not path.startswith("/kept/") or {".git", ".evolve"} & set(path.split("/")) or "\0" in path:
            claims.append(f"a file is to be kept as {name!r}")
    return claims


def _shown(evaluation: Evaluation) -> str:
    return f"{evaluation.status} {evaluation.feedback[-600:]!r}"
