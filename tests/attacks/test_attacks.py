"""Every attack, in every sandbox: what gets through is what expected.toml says, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.guarantees import Guarantee
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.attacks import Arena, Attack, Refused, attacks, namespaces
from evolve.testing.sandboxes import available
from evolve.types import Program, Sandbox, Status

FOLDER = Path(__file__).parent
ATTACKS = attacks(FOLDER)
EXPECTED = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
ALONE = "bubblewrap without a control group"
MAKERS: dict[str, Callable[[], Sandbox]] = {
    "docker": DockerSandbox,
    "bubblewrap": BubblewrapSandbox,
    "process": ProcessSandbox,
}
RUN = [(name, attack) for name in MAKERS for attack in ATTACKS if name != "process" or attack.harmless]


def _alone() -> Sandbox:
    return BubblewrapSandbox(bounded=False)


@pytest.fixture(scope="module")
def arenas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Arena]]:
    """The arena of a sandbox, made when it is first asked for: one pair of sessions for all attacks that spare it."""
    made: dict[str, Arena] = {}
    sandboxes: list[Sandbox] = []

    def arena(name: str) -> Arena:
        if name not in made:
            sandboxes.append(available(MAKERS.get(name, _alone)))
            place = tmp_path_factory.mktemp("arena")
            for folder in (place, *place.parents[:3]):
                folder.chmod(0o755)
            made[name] = Arena(sandboxes[-1], FOLDER, place)
        return made[name]

    yield arena
    for each in made.values():
        each.close()
    for sandbox in sandboxes:
        sandbox.close()


@pytest.mark.parametrize(("name", "attack"), RUN, ids=[f"{name}-{attack.name}" for name, attack in RUN])
def test_what_gets_through_is_known(arenas: Callable[[str], Arena], name: str, attack: Attack) -> None:
    """Each attack is caught, and the next honest program is scored as ever; or it is a hole that is told of."""
    effects = arenas(name).attack(attack)
    if attack.name in EXPECTED[name]:
        assert effects, "the hole is closed: take it out of expected.toml, and the table in docs/security.md"
    else:
        assert effects == []


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.kind in {"resources", "processes"}], ids=lambda it: str(it.name)
)
def test_no_control_group_is_no_hole(arenas: Callable[[str], Arena], attack: Attack) -> None:
    """Without one a candidate may start nothing, and nothing more gets through."""
    assert arenas(ALONE).attack(attack) == []


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.in_process], ids=lambda attack: str(attack.name)
)
def test_the_score_is_forged_where_the_program_shares_a_process(arenas: Callable[[str], Arena], attack: Attack) -> None:
    """The same attacks on the same evaluator, without the guard that is a process of one's own, get through."""
    assert arenas("bubblewrap").attack_in_process(attack) != []


def test_expectations_are_of_attacks() -> None:
    """Each entry names an attack that runs in that sandbox, and there are enough of them to mean something."""
    assert EXPECTED.keys() == MAKERS.keys()
    assert [(name, entry) for name in MAKERS for entry in EXPECTED[name] if (name, entry) not in _names()] == []
    assert len(ATTACKS) >= 80
    assert all(attack.title.endswith(".") and "attack" in attack.functions for attack in ATTACKS)
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def _names() -> set[tuple[str, str]]:
    return {(name, attack.name) for name, attack in RUN}


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if not attack.harmless], ids=lambda it: str(it.name))
def test_what_could_do_harm_is_refused(arenas: Callable[[str], Arena], attack: Attack) -> None:
    """Without isolation the driver does not even send it."""
    with pytest.raises(Refused):
        arenas("process").attack(attack)


class Boastful(ProcessSandbox):
    """Promises everything."""

    missing = frozenset[Guarantee]()


def test_a_promise_of_isolation_is_proven_first(tmp_path: Path) -> None:
    """A sandbox whose programs share a namespace with the engine gets no attack at all."""
    sandbox = Boastful()
    (tmp_path / "place").mkdir()
    try:
        with pytest.raises(Refused, match="pid, mnt, net, ipc"):
            Arena(sandbox, FOLDER, tmp_path / "place")
    finally:
        sandbox.close()


@pytest.mark.parametrize("name", sorted(namespaces()))
def test_a_program_looks_again_before_it_does_anything(tmp_path: Path, name: str) -> None:
    """It goes no further in any namespace of the engine's, and the attack is not even imported."""
    (tmp_path / "evaluate.py").write_text("def evaluate(program):\n    program.call('attack')\n    return 1\n")
    sandbox = ProcessSandbox()
    evaluator = NativeEvaluator(sandbox=sandbox, folder=tmp_path, rules=Rules(module="program"))
    order = {"engine": {name: namespaces()[name]}, "mark": "", "place": "", "limits": {}, "apart": False}
    program = Program(
        {
            "program.py": (FOLDER / "confined.py").read_bytes(),
            "attack.py": b"raise RuntimeError('imported')\n",
            "order.json": str(order).replace("'", '"').replace("False", "false").encode(),
        }
    )
    try:
        evaluation = evaluator.evaluate(program)
    finally:
        evaluator.close()
        sandbox.close()
    assert evaluation.status is Status.FAILED
    assert f"refused: this process has the {name} namespace of the engine" in evaluation.feedback
    assert "imported" not in evaluation.feedback
