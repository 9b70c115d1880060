"""Evaluations through a gateway: what may be asked, what a lease of them lets through, and what becomes of faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from evolve.errors import BudgetSpent, SandboxFault
from evolve.models.gateway import Gateway, Lease, open_lease
from evolve.models.gateway_chat import Refusal
from evolve.models.gateway_http import Bounds
from evolve.testing.gateways import ask
from evolve.testing.models import ScriptedModel
from evolve.types import Model, Reply, Request, Usage

Files = Mapping[str, str | None]
MODEL = ScriptedModel(lambda _: "yes")


def lease(evaluations: int) -> Lease:
    return Lease(
        calls=9, tokens=10**9, nanodollars=10**12, seconds=600.0, models=("scripted",), evaluations=evaluations
    )


def relay(model: Model, request: Request) -> Reply:
    """In the place of the meter's."""
    return model.complete(request)


def post(gateway: Gateway, files: object) -> tuple[int, dict[str, Any]]:
    return ask(gateway.socket, {"files": files}, where="/v1/evaluations")


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    status, document = answer
    return status, document["error"]["code"]


@pytest.fixture
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Gateway]]:
    """`opened(evaluate, evaluations)` is a gateway that is closed after the test."""
    folder = tmp_path_factory.mktemp("g")
    with ExitStack() as stack:

        def open_one(evaluate: Callable[[Files], Mapping[str, Any]], evaluations: int = 3, **more: Any) -> Gateway:
            gateway = Gateway(lease(evaluations), relay, [MODEL], folder=folder, evaluate=evaluate, **more)
            return stack.enter_context(closing(gateway))

        yield open_one


def score(files: Files) -> Mapping[str, Any]:
    return {"status": "ok", "score": float(len(files))}


def test_files_are_evaluated(opened: Callable[..., Gateway]) -> None:
    """The answer is what the evaluator said, and it counts on the lease; calls of models are counted beside it."""
    gateway = opened(score)
    assert post(gateway, {"program.py": "x = 1", "old.py": None}) == (200, {"status": "ok", "score": 2.0})
    assert gateway.used == Usage(evaluations=1)
    question = {"model": "scripted", "messages": [{"role": "user", "content": "?"}], "max_tokens": 10}
    assert ask(gateway.socket, question)[0] == 200
    assert (gateway.used.calls, gateway.used.evaluations) == (1, 1)


def test_a_lease_of_evaluations_is_never_passed(opened: Callable[..., Gateway]) -> None:
    """However many ask at once: those beyond it wait for what the others may leave over, and are refused."""
    evaluated, turn = [], threading.Lock()

    def slow(files: Files) -> Mapping[str, Any]:
        with turn:
            evaluated.append(files)
        threading.Event().wait(0.02)
        return score(files)

    gateway = opened(slow, 5)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: post(gateway, {"program.py": str(number)}), range(48)))
    assert len(evaluated) == gateway.used.evaluations == 5
    assert [status for status, _ in answers].count(200) == 5
    assert {code(answer) for answer in answers if answer[0] != 200} == {(429, "lease_exhausted")}
    assert "no evaluation is left" in post(gateway, {})[1]["error"]["message"]
    question = {"model": "scripted", "messages": [{"role": "user", "content": "?"}], "max_tokens": 10}
    assert ask(gateway.socket, question)[0] == 200


def test_who_asks_for_ten_thousand_is_not_heard_for_ever(opened: Callable[..., Gateway]) -> None:
    """After so many refusals nobody listens any more; three were evaluated."""
    gateway = opened(score, 3, bounds=Bounds(nuisances=20))
    statuses = []
    for number in range(10_000):
        try:
            statuses.append(post(gateway, {"program.py": str(number)})[0])
        except OSError:
            break
    assert statuses.count(200) == gateway.used.evaluations == 3
    assert len(statuses) < 30


@pytest.mark.parametrize(
    ("said", "status", "error"),
    [
        ({}, 400, "invalid_value"),
        ({"files": None}, 400, "invalid_value"),
        ({"files": ["program.py"]}, 400, "invalid_value"),
        ({"files": {"program.py": 7}}, 400, "invalid_value"),
        ({"files": {"program.py": {"base64": ""}}}, 400, "invalid_value"),
        ({"files": {}, "split": "held_out"}, 400, "unsupported_parameter"),
        ({"files": {}, "seed": 3}, 400, "unsupported_parameter"),
        (b"[]", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        ({"files": {"program.py": "x" * 2**20}}, 413, "request_too_large"),
    ],
)
def test_what_is_no_question_costs_nothing(
    said: object, status: int, error: str, opened: Callable[..., Gateway]
) -> None:
    """No split and no seed can be asked for: there is one way to be evaluated."""
    gateway = opened(score)
    assert code(ask(gateway.socket, said, where="/v1/evaluations")) == (status, error)
    assert gateway.used == Usage()


def test_files_that_cannot_be_evaluated_cost_nothing(opened: Callable[..., Gateway]) -> None:
    """And the lease is as long as before."""

    def refuse(files: Files) -> Mapping[str, Any]:
        if "../x" in files:
            raise Refusal(400, "invalid_value", "it reaches out of the program", param="files")
        return score(files)

    gateway = opened(refuse, 1)
    assert [code(post(gateway, {"../x": ""})) for _ in range(3)] == [(400, "invalid_value")] * 3
    assert post(gateway, {"x": ""})[0] == 200
    assert gateway.used.evaluations == 1


def test_files_that_cannot_be_evaluated_are_looked_at_so_often_and_no_more(opened: Callable[..., Gateway]) -> None:
    """Looking at them takes this process time, and costs whoever sends them nothing."""
    looked: list[Files] = []

    def look(files: Files) -> Mapping[str, Any]:
        looked.append(files)
        raise Refusal(400, "invalid_value", "no")

    gateway = opened(look, 3, bounds=Bounds(nuisances=100))
    codes = [code(post(gateway, {"program.py": str(number)}))[1] for number in range(30)]
    assert codes == ["invalid_value"] * len(looked) + ["lease_exhausted"] * (30 - len(looked))
    assert len(looked) == 13
    assert gateway.used == Usage()


def test_a_lease_without_evaluations_has_none(opened: Callable[..., Gateway], tmp_path: Path) -> None:
    """What a program hears is the same as at the end of one; and whoever lends some has to say what makes them."""
    assert code(post(opened(score, 0), {})) == (429, "lease_exhausted")
    with pytest.raises(ValueError, match="nothing to make them"):
        Gateway(lease(1), lambda model, request: model.complete(request), [MODEL], folder=tmp_path)
    with pytest.raises(ValueError, match="evaluations: it is a whole number from 0 on"):
        lease(-1)


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (BudgetSpent("no evaluation is left of the budget", "evaluations"), (429, "budget_spent")),
        (SandboxFault("the sandbox is broken"), (500, "gateway_failed")),
    ],
)
def test_a_fault_of_an_evaluation_is_never_the_programs(
    fault: Exception, answer: tuple[int, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It hears of nothing but that there is no more; whoever opened the gateway is told, at its end."""

    def broken(_: Files) -> Mapping[str, Any]:
        raise fault

    def lend() -> list[tuple[int, str]]:
        folder = tmp_path_factory.mktemp("g")
        with open_lease(lease(3), relay, [MODEL], folder=folder, evaluate=broken) as gateway:
            answers.extend(code(post(gateway, {"x": ""})) for _ in range(2))
            assert gateway.used == Usage()
        return answers

    answers: list[tuple[int, str]] = []
    with pytest.raises(type(fault), match=str(fault)):
        lend()
    assert answers == [answer, (503, "lease_closed")]
