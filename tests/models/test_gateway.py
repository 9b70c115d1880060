"""The gateway: what a program may ask, what a lease lets it spend, and what becomes of faults."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import _base_client

from evolve.budget import Budget
from evolve.errors import BudgetSpent, Interrupted, ModelFault, SandboxFault, TaskError
from evolve.models.gateway import Gateway, Lease, open_lease
from evolve.models.gateway_http import Bounds
from evolve.models.meter import Meter
from evolve.models.openai import OpenAIModel
from evolve.models.settings import ModelSettings
from evolve.models.transcript import Transcript
from evolve.testing.gateways import Line, ask
from evolve.testing.models import ScriptedModel
from evolve.testing.servers import FakeService, failure
from evolve.types import Model, Reply, Request, Usage

WIDE = Lease(calls=1000, tokens=10**9, nanodollars=10**12, seconds=600.0, models=("scripted",))
HELLO: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 100}
MOST = 1_100_000
"""Nano-dollars that are set aside for `HELLO`."""


def code(path: Path, said: object) -> tuple[int, str]:
    """The status and the code of an error."""
    status, document = ask(path, said)
    return status, document["error"]["code"]


class Bench:
    """Opens gateways over a meter without limits, or with a function in its place."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.budget = Budget()
        self.transcript = Transcript(folder / "t.jsonl")
        self.meter = Meter(self.budget, self.transcript)

    def open(self, model: Model, lease: Lease = WIDE, **more: Any) -> Gateway:
        """One that is closed after the test."""
        relay = more.pop("relay", None) or self.meter.relay(1)
        gateway = Gateway(lease, relay, [model], folder=self.folder, **more)
        self.stack.callback(gateway.close)
        return gateway


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A new one for each test."""
    with ExitStack() as stack:
        made = Bench(tmp_path_factory.mktemp("g"), stack)
        stack.callback(made.transcript.close)
        yield made


def test_a_question_is_answered(bench: Bench) -> None:
    """As chat completions are; it is in the transcript, and counted in the budget and on the lease."""
    model = ScriptedModel(["four five"])
    gateway = bench.open(model)
    status, document = ask(gateway.socket, HELLO)
    assert status == 200
    assert document["choices"][0]["message"]["content"] == "four five"
    assert document["choices"][0]["finish_reason"] == "stop"
    assert document["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert (document["object"], document["model"]) == ("chat.completion", "scripted")
    used = Usage(calls=1, input_tokens=1, output_tokens=2, nanodollars=3000)
    assert gateway.used == bench.meter.used(1) == used
    assert bench.budget.committed("nanodollars") == 3000
    assert list(bench.transcript.calls(1)) == [0]
    assert model.requests == [Request(messages=(("user", "hello"),), max_tokens=100)]


def test_only_words_bounds_and_a_temperature_go_on(bench: Bench) -> None:
    """What a program says of who it is, and where to ask, reaches nobody."""
    model = ScriptedModel(["yes"])
    gateway = bench.open(model, max_tokens=50)
    said = {
        **HELLO,
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be "}, {"type": "text", "text": "brief"}]},
            {"role": "assistant", "content": "I am", "refusal": None, "annotations": [], "name": "x"},
            {"role": "user", "content": "?"},
        ],
        "temperature": 1,
        "max_completion_tokens": 10**400,
        "user": "somebody",
        "metadata": {"base_url": "http://elsewhere"},
        "seed": 3,
        "tools": None,
        "response_format": {"type": "text"},
        "n": 1,
    }
    headers = {"Authorization": "Bearer mine", "OpenAI-Organization": "mine", "Host": "elsewhere"}
    status, _ = ask(gateway.socket, said, headers)
    assert status == 200
    messages = (("system", "be brief"), ("assistant", "I am"), ("user", "?"))
    assert model.requests == [Request(messages=messages, max_tokens=50, temperature=1.0)]
    assert "mine" not in bench.transcript.path.read_text()
    assert "somebody" not in bench.transcript.path.read_text()


HOT = json.dumps(HELLO).replace("100", '9, "temperature": 1e999').encode()
WRONG: dict[str, tuple[object, str, str | None]] = {
    "no JSON": (b"{", "invalid_json", None),
    "no text": (b"\xff\xfe{\x00", "invalid_json", None),
    "nothing": (b"", "invalid_json", None),
    "a list": ([HELLO], "invalid_json", None),
    "deep": (b'{"a":' * 100_000, "invalid_json", None),
    "not a number": (b'{"model": "scripted", "temperature": NaN}', "invalid_json", None),
    "infinity": (b'{"model": "scripted", "temperature": -Infinity}', "invalid_json", None),
    "many digits": (b'{"max_tokens": ' + b"1" * 10_000 + b"}", "invalid_json", None),
    "no model": ({**HELLO, "model": None}, "invalid_value", "model"),
    "no messages": ({**HELLO, "messages": []}, "invalid_value", "messages"),
    "too many messages": ({**HELLO, "messages": HELLO["messages"] * 1001}, "invalid_value", "messages"),
    "a role": ({**HELLO, "messages": [{"role": "tool", "content": ""}]}, "invalid_value", "messages[0].role"),
    "a role that is none": ({**HELLO, "messages": [{"role": [], "content": ""}]}, "invalid_value", "messages[0].role"),
    "a picture": (
        {**HELLO, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "invalid_value",
        "messages[0].content",
    ),
    "a call of a tool": (
        {**HELLO, "messages": [{"role": "assistant", "content": "", "tool_calls": [{}]}]},
        "invalid_value",
        "messages[0]",
    ),
    "two answers": ({**HELLO, "n": 2}, "invalid_value", "n"),
    "an answer and a bit": ({**HELLO, "n": True}, "invalid_value", "n"),
    "no tokens": ({**HELLO, "max_tokens": 0}, "invalid_value", "max_tokens"),
    "half a token": ({**HELLO, "max_tokens": 0.5}, "invalid_value", "max_tokens"),
    "too hot": ({**HELLO, "temperature": 2.1}, "invalid_value", "temperature"),
    "hot beyond numbers": (HOT, "invalid_value", "temperature"),
    "a stream of text": ({**HELLO, "stream": "yes"}, "invalid_value", "stream"),
    "tools": ({**HELLO, "tools": [{}]}, "unsupported_parameter", "tools"),
    "a schema": ({**HELLO, "response_format": {"type": "json_object"}}, "unsupported_parameter", "response_format"),
    "an address": ({**HELLO, "base_url": "http://elsewhere"}, "unsupported_parameter", "base_url"),
    "a lease": ({**HELLO, "lease": {"calls": 10**6}}, "unsupported_parameter", "lease"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_served_is_refused(bench: Bench, case: str) -> None:
    """With an error that says which parameter it is; no model is asked, nothing is spent, and the next is served."""
    said, expected, param = WRONG[case]
    model = ScriptedModel(["yes"])
    gateway = bench.open(model)
    status, document = ask(gateway.socket, said)
    assert (status, document["error"]["code"], document["error"]["param"]) == (400, expected, param)
    assert document["error"]["type"] == "invalid_request_error"
    assert gateway.used == Usage()
    assert ask(gateway.socket, HELLO)[0] == 200


def test_other_models_are_not_allowed(bench: Bench) -> None:
    """Neither those that the run has and the lease has not, nor those that nobody has."""
    models = [ScriptedModel(["yes"], name=name) for name in ("cheap", "dear")]
    lease = Lease(calls=9, tokens=10**6, nanodollars=10**9, seconds=600, models=("cheap",))
    gateway = Gateway(lease, bench.meter.relay(1), models, folder=bench.folder)
    bench.stack.callback(gateway.close)
    for name in ("dear", "gpt-99", "", "cheap\0"):
        assert code(gateway.socket, {**HELLO, "model": name}) == (403, "model_not_allowed")
    assert ask(gateway.socket, {**HELLO, "model": "cheap"})[0] == 200
    assert [len(model.requests) for model in models] == [1, 0]


def test_the_models_of_the_lease_are_listed(bench: Bench) -> None:
    """And nothing else is served."""
    gateway = bench.open(ScriptedModel([]))
    seen = []
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/models"),
        ("PUT", "/v1/lease"),
        ("POST", "http://elsewhere/v1/chat/completions"),
        ("GET", "/../../etc/passwd"),
        ("CONNECT", "elsewhere:443"),
    ):
        line = Line(gateway.socket)
        line.request(method, path)
        answer = line.getresponse()
        said = json.loads(answer.read())
        seen.append((answer.status, [model["id"] for model in said.get("data", [])]))
        line.close()
    assert seen == [(200, ["scripted"]), (405, []), (405, []), (404, []), (404, []), (404, []), (404, [])]


def test_what_costs_nothing_is_not_served_without_end(bench: Bench) -> None:
    """Each request takes the engine's time: after so many free ones nobody is listened to."""
    gateway = bench.open(ScriptedModel(lambda _: "yes"), bounds=Bounds(nuisances=10))
    assert {ask(gateway.socket, HELLO)[0] for _ in range(20)} == {200}
    line = Line(gateway.socket)
    seen = 0
    with contextlib.suppress(OSError, http.client.HTTPException):
        for _ in range(20):
            line.request("GET", "/v1/models")
            line.getresponse().read()
            seen += 1
    line.close()
    assert 9 <= seen <= 10
    with pytest.raises(ConnectionRefusedError):
        ask(gateway.socket, HELLO)


def test_a_stream_is_sent_in_one_go(bench: Bench) -> None:
    """As events: the text, how it ended, what it took, and the end."""
    gateway = bench.open(ScriptedModel(["a b"]))
    line = Line(gateway.socket)
    said = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}
    line.request("POST", "/v1/chat/completions", json.dumps(said))
    answer = line.getresponse()
    assert answer.headers["content-type"] == "text/event-stream"
    *chunks, last = answer.read().decode().removesuffix("\n\n").split("\n\n")
    line.close()
    text, finish, usage = (json.loads(chunk.removeprefix("data: ")) for chunk in chunks)
    assert text["choices"][0]["delta"] == {"role": "assistant", "content": "a b"}
    assert (finish["choices"][0]["finish_reason"], usage["usage"]["total_tokens"]) == ("stop", 3)
    assert last == "data: [DONE]"


@pytest.mark.parametrize(
    ("finish", "said"), [("length", "length"), ("refusal", "stop"), ("filtered", "content_filter"), ("empty", "stop")]
)
def test_how_an_answer_ended_is_said(bench: Bench, finish: Any, said: str) -> None:
    """In the protocol's words; what a model says in refusing is in its place."""
    reply = Reply(text="no", finish=finish, model="scripted-2026", usage=Usage(calls=1))
    gateway = bench.open(ScriptedModel([reply]))
    _, document = ask(gateway.socket, HELLO)
    choice = document["choices"][0]
    assert (choice["finish_reason"], document["model"]) == (said, "scripted")
    assert choice["message"]["refusal"] == ("no" if finish == "refusal" else None)


def test_the_openai_package_works(bench: Bench) -> None:
    """Over its own client; an error is the exception that it has for it, and is not tried again."""
    # its own way to HTTP, whichever it is in this version
    http_client = next(getattr(_base_client, name) for name in ("httpx2", "httpx") if hasattr(_base_client, name))
    model = ScriptedModel(["one", "two"])
    gateway = bench.open(model, Lease(calls=2, tokens=10**6, nanodollars=10**9, seconds=600, models=("scripted",)))
    transport = http_client.HTTPTransport(uds=str(gateway.socket))
    sent: list[object] = []
    http = http_client.Client(transport=transport, event_hooks={"request": [sent.append]})
    with openai.OpenAI(base_url="http://gateway/v1", api_key="none", http_client=http) as client:
        create = client.chat.completions.create
        messages: Any = HELLO["messages"]
        assert create(model="scripted", messages=messages, max_tokens=9).choices[0].message.content == "one"
        parts = list(create(model="scripted", messages=messages, max_tokens=9, stream=True))
        assert "".join(part.choices[0].delta.content or "" for part in parts) == "two"
        assert [model.id for model in client.models.list()] == ["scripted"]
        with pytest.raises(openai.PermissionDeniedError):
            create(model="other", messages=messages)
        sent.clear()
        with pytest.raises(openai.RateLimitError) as caught:
            create(model="scripted", messages=messages)
        assert len(sent) == 1
    assert caught.value.code == "lease_exhausted"
    assert caught.value.type == "insufficient_quota"
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize(
    ("resource", "amount"), [("calls", 2), ("tokens", 2 * 3 + 1099), ("nanodollars", 6000 + MOST - 1)]
)
def test_a_lease_is_never_passed(bench: Bench, resource: str, amount: int) -> None:
    """The third call may take more than the two before have left; a smaller one, where it is no call, still goes."""
    wide: dict[str, int] = {"calls": 9, "tokens": 10**6, "nanodollars": 10**9}
    lease = Lease(**{**wide, resource: amount}, seconds=600, models=("scripted",))
    gateway = bench.open(ScriptedModel(lambda _: "four five"), lease)
    assert [ask(gateway.socket, HELLO)[0] for _ in range(3)] == [200, 200, 429]
    status, document = ask(gateway.socket, HELLO)
    assert (status, document["error"]["code"]) == (429, "lease_exhausted")
    assert resource in document["error"]["message"]
    assert gateway.used == Usage(calls=2, input_tokens=2, output_tokens=4, nanodollars=6000)
    assert ask(gateway.socket, {**HELLO, "max_tokens": 99})[0] == (429 if resource == "calls" else 200)


def test_sixty_four_threads_spend_a_lease_and_not_more(bench: Bench) -> None:
    """At the same time: what all of them may take together never passes it, and what it leaves is used."""
    flying, most, turn = 0, 0, threading.Lock()

    def answer(_request: Request) -> str:
        nonlocal flying, most
        with turn:
            flying += 1
            most = max(most, flying)
        time.sleep(0.005)
        with turn:
            flying -= 1
        return "word " * 99

    limit, price = 20 * 100_000 + MOST, 100_000
    lease = Lease(calls=10**6, tokens=10**9, nanodollars=limit, seconds=600, models=("scripted",))
    gateway = bench.open(ScriptedModel(answer), lease)
    with ThreadPoolExecutor(64) as pool:
        seen = list(pool.map(lambda _: ask(gateway.socket, HELLO)[0], range(64)))
    # as many as fit one after another; the next one's most does not fit beside them
    assert (seen.count(200), seen.count(429)) == (21, 43)
    assert most <= limit // MOST
    assert gateway.used.nanodollars == bench.meter.used(1).nanodollars == 21 * price <= limit < 21 * price + MOST


@settings(max_examples=15, deadline=None)
@given(
    limit=st.integers(0, 12_000_000),
    sizes=st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 50), st.booleans()), min_size=1, max_size=24),
)
def test_whatever_is_asked_at_the_same_time_the_account_is_exact(
    tmp_path_factory: pytest.TempPathFactory, limit: int, sizes: list[tuple[int, int, bool]]
) -> None:
    """To the nano-dollar: the lease has what answers took; the run's budget has lost ones at their worst besides."""
    with ExitStack() as stack:
        bench = Bench(tmp_path_factory.mktemp("g"), stack)
        stack.callback(bench.transcript.close)
        cut, turn = [lost for *_, lost in sizes], threading.Lock()

        def answer(request: Request) -> str | Exception:
            number = int(request.messages[0][1])
            words = sizes[number][1]
            with turn:
                lost, cut[number] = cut[number], False
            return ModelFault("cut", sent=True) if lost else "word " * words

        lease = Lease(calls=100, tokens=10**9, nanodollars=limit, seconds=600, models=("scripted",))
        gateway = bench.open(ScriptedModel(answer), lease)

        def one(number: int) -> tuple[int, int]:
            said = {**HELLO, "messages": [{"role": "user", "content": str(number)}], "max_tokens": sizes[number][0]}
            status, document = ask(gateway.socket, said)
            return status, 1000 * document["usage"]["total_tokens"] if status == 200 else 0

        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(one, range(len(sizes))))
        calls = bench.transcript.calls(1).values()
        lost = sum(call.most.nanodollars for call in calls if call.usage is None)
        took = sum(call.usage.nanodollars for call in calls if call.usage is not None)
        assert {status for status, _ in seen} <= {200, 429}
        assert sum(cost for _, cost in seen) == gateway.used.nanodollars == took <= limit
        assert bench.budget.committed("nanodollars") == took + lost


def test_time_is_up(bench: Bench) -> None:
    """Nothing is asked after the lease's seconds; what was asked before is answered."""
    begun = threading.Event()

    def answer(_request: Request) -> str:
        begun.set()
        time.sleep(3.2)
        return "late"

    lease = Lease(calls=9, tokens=10**6, nanodollars=10**9, seconds=3.0, models=("scripted",))
    gateway = bench.open(ScriptedModel(answer), lease)
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(ask, gateway.socket, HELLO)
        assert early.result()[1]["choices"][0]["message"]["content"] == "late"
    assert begun.is_set()
    assert code(gateway.socket, HELLO) == (429, "lease_expired")
    assert gateway.trouble is None


def test_nothing_is_served_after_the_end(bench: Bench) -> None:
    """The socket is gone, connections that were open are cut, and who is being answered has asked for nothing."""
    asked, go_on = threading.Event(), threading.Event()

    def answer(_request: Request) -> str:
        asked.set()
        go_on.wait(120)
        return "too late to be heard"

    gateway = bench.open(ScriptedModel(answer))
    idle, busy = Line(gateway.socket), Line(gateway.socket)
    idle.connect()
    busy.request("POST", "/v1/chat/completions", json.dumps(HELLO))
    assert asked.wait(60)
    closing = threading.Thread(target=gateway.close)
    closing.start()
    assert idle.sock.recv(10) == b""
    assert closing.is_alive()  # until the call is on the account
    go_on.set()
    closing.join(60)
    assert not closing.is_alive()
    with pytest.raises((http.client.HTTPException, OSError)):
        busy.getresponse()
    with pytest.raises(FileNotFoundError):
        ask(gateway.socket, HELLO)
    assert gateway.used.calls == bench.meter.used(1).calls == 1
    idle.close()
    busy.close()
    gateway.close()


def test_a_lost_call_is_made_anew_and_the_runs_budget_bears_the_loss(bench: Bench) -> None:
    """A program gets as much as if nothing had happened; also in a session that takes up what was asked in this one."""
    lease = Lease(calls=2, tokens=10**6, nanodollars=3000 + MOST, seconds=600, models=("scripted",))
    gateway = bench.open(ScriptedModel([ModelFault("cut", sent=True), "four five", "six seven"]), lease)
    assert [ask(gateway.socket, HELLO)[0] for _ in range(3)] == [200, 200, 429]
    assert gateway.used.nanodollars == bench.meter.used(1).nanodollars == 6000
    assert bench.budget.committed("nanodollars") == MOST + 6000
    assert gateway.trouble is None
    gateway.close()
    silent = ScriptedModel([])
    later = bench.open(silent, lease)
    assert [ask(later.socket, HELLO)[0] for _ in range(3)] == [200, 200, 429]
    assert silent.requests == []


@pytest.mark.parametrize(
    ("fault", "status", "expected", "tries"),
    [
        (ModelFault("the key sk-secret at http://internal:4000 was cut", sent=True), 502, "service_failed", 3),
        (ModelFault("wrong key sk-secret", sent=False), 502, "service_failed", 1),
        (BudgetSpent("sk-secret", "nanodollars"), 429, "budget_spent", 1),
        (Interrupted("sk-secret"), 500, "gateway_failed", 1),
        (ValueError("sk-secret"), 500, "gateway_failed", 1),
    ],
)
def test_what_the_program_cannot_help_ends_its_session(
    bench: Bench, fault: Exception, status: int, expected: str, tries: int
) -> None:
    """It hears no word of what happened, nothing is asked any more, and whoever opened the gateway gets the fault."""

    tried = []

    def relay(_model: Model, request: Request) -> Reply:
        tried.append(request)
        raise fault

    gateway = bench.open(ScriptedModel([]), relay=relay)
    answers = [ask(gateway.socket, HELLO) for _ in range(2)]
    assert [(answer[0], answer[1]["error"]["code"]) for answer in answers] == [
        (status, expected),
        (503, "lease_closed"),
    ]
    assert "secret" not in str(answers)
    assert "internal" not in str(answers)
    assert gateway.trouble is fault
    assert (len(tried), gateway.used) == (tries, Usage())


def test_a_fault_comes_out_whatever_the_program_made_of_it(bench: Bench) -> None:
    """Also in place of the error that it led to: a fault is never the program's failure."""
    model = ScriptedModel(lambda _: ModelFault("no", sent=False))
    for failing in (False, True):

        def session(failing: bool = failing) -> None:
            with open_lease(WIDE, bench.meter.relay(1), [model], folder=bench.folder) as gateway:
                ask(gateway.socket, HELLO)
                if failing:
                    raise SandboxFault("the program crashed")

        with pytest.raises(ModelFault, match="no"):
            session()


def test_a_request_that_a_service_does_not_allow_is_the_programs(bench: Bench) -> None:
    """It gets an error and may go on; again in a session that takes up what was asked in this one."""
    model = ScriptedModel([ModelFault("too long, org-secret", sent=False, unfit=True), "yes"])
    gateway = bench.open(model)
    status, document = ask(gateway.socket, HELLO)
    assert (status, document["error"]["code"]) == (400, "refused")
    assert "secret" not in str(document)
    assert ask(gateway.socket, {**HELLO, "max_tokens": 9})[0] == 200
    gateway.close()
    silent = ScriptedModel([])
    later = bench.open(silent)
    assert code(later.socket, HELLO) == (400, "refused")
    assert ask(later.socket, {**HELLO, "max_tokens": 9})[0] == 200
    assert silent.requests == []


@pytest.mark.parametrize(("status", "unfit"), [(400, True), (413, True), (422, True), (401, False), (404, False)])
def test_a_service_says_whose_fault_a_refusal_is(bench: Bench, status: int, unfit: bool) -> None:
    """A wrong key or a model that is not there ends the session; a request that is not allowed is the program's."""
    with FakeService([failure(status, "no")]) as service:
        model = OpenAIModel(ModelSettings(name="scripted", base_url=service.url, price="1/1"))
        bench.stack.callback(model.close)
        gateway = bench.open(model)
        assert ask(gateway.socket, HELLO)[0] == (400 if unfit else 502)
    assert (gateway.trouble is None) is unfit


def test_what_a_service_does_not_allow_is_sent_so_often_and_no_more(bench: Bench) -> None:
    """It costs nothing, but a service counts it, and whoever else asks would be refused for it."""
    model = ScriptedModel(lambda _: ModelFault("no", sent=False, unfit=True))
    gateway = bench.open(model, replace(WIDE, calls=3))
    codes = [code(gateway.socket, HELLO)[1] for _ in range(20)]
    assert codes == ["refused"] * 13 + ["lease_exhausted"] * 7
    assert len(model.requests) == 13
    assert gateway.used == Usage()
    assert gateway.trouble is None


def test_a_prompt_that_no_price_is_for_is_the_programs_too(bench: Bench) -> None:
    """Else a program could stop the run with a long one."""

    class Priced(ScriptedModel):
        """Its price ends early."""

        def most(self, request: Request) -> Usage:
            """Raises."""
            raise TaskError("give the price of long ones")

    gateway = bench.open(Priced([]))
    assert code(gateway.socket, HELLO) == (400, "context_length_exceeded")
    assert gateway.trouble is None


def test_a_lease_is_made_of_amounts(bench: Bench) -> None:
    """What is none is refused when it is made, and so is a model that is not there."""
    good: dict[str, Any] = {"calls": 1, "tokens": 1, "nanodollars": 1, "seconds": 1.0, "models": ("scripted",)}
    wrong: list[dict[str, Any]] = [
        {"calls": -1}, {"calls": True}, {"tokens": 1.5}, {"nanodollars": float("inf")},
        {"seconds": 0.0}, {"seconds": float("nan")}, {"seconds": float("inf")}, {"models": ()}, {"models": ("a", "a")},
    ]  # fmt: skip
    for each in wrong:
        with pytest.raises(ValueError, match="a lease of"):
            Lease(**{**good, **each})
    with pytest.raises(ValueError, match="names 'scripted', and there are other"):
        Gateway(Lease(**good), bench.meter.relay(1), [ScriptedModel([], name="other")], folder=bench.folder)


def test_a_path_that_is_too_long_is_said(bench: Bench, tmp_path: Path) -> None:
    """What to do about it, too."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with pytest.raises(SandboxFault, match="a shorter TMPDIR may help"):
        Gateway(WIDE, bench.meter.relay(1), [ScriptedModel([])], folder=folder)


def test_leases_are_apart(bench: Bench) -> None:
    """Each has its own socket, and what one spends is not on the other's account."""
    first, second = (bench.open(ScriptedModel(lambda _: "yes")) for _ in range(2))
    assert first.socket != second.socket
    assert ask(first.socket, HELLO)[0] == 200
    assert (first.used.calls, second.used.calls) == (1, 0)
