"""The client of OpenAI's protocol, against real HTTP servers that answer well, late, wrongly or not at all."""

from __future__ import annotations

import email.utils
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import ModelFault, TaskError
from evolve.models.openai import OpenAIModel
from evolve.models.settings import ModelSettings
from evolve.testing.servers import Asked, FakeService, Served, chat, failure, responses
from evolve.types import Request, Usage

ASK = Request(messages=(("system", "be brief"), ("user", "hello")), max_tokens=50)
KEY = "sk-planted-0123456789abcdef"

Script = list[Served] | Callable[[Asked], Served]


class Bench:
    """Makes services and models, keeps what the models said, and closes all of it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.notices: list[str] = []

    def service(self, script: Script) -> FakeService:
        return self._stack.enter_context(FakeService(script))

    def model(self, where: FakeService | str, **settings: Any) -> OpenAIModel:
        url = where if isinstance(where, str) else where.url
        more = {name: settings.pop(name) for name in ("grace", "pause") if name in settings}
        given = {"name": "fake", "price": "1/0.1/10", "base_url": url, **settings}
        made = OpenAIModel(ModelSettings.model_validate(given), on_notice=self.notices.append, **more)
        self._stack.callback(made.close)
        return made


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ExitStack() as stack:
        yield Bench(stack)


def test_an_answer_comes_with_what_it_took_to_the_token(bench: Bench) -> None:
    """Cached input at its own price; the request says what was asked for, with the key in a header alone."""
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}
    service = bench.service([chat("hi", model="fake-2026-01-01", usage=usage)])
    reply = bench.model(service, temperature=0.5, headers={"X-Team": "a"}).complete(ASK)
    assert (reply.text, reply.finish, reply.model) == ("hi", "stop", "fake-2026-01-01")
    assert reply.usage == Usage(
        calls=1, input_tokens=100, output_tokens=7, nanodollars=40 * 1000 + 60 * 100 + 7 * 10_000
    )
    (asked,) = service.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.document == {
        "model": "fake",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "max_tokens": 50,
        "temperature": 0.5,
    }
    assert (asked.headers["authorization"], asked.headers["x-team"]) == (f"Bearer {KEY}", "a")
    assert bench.notices == []


def test_the_responses_api_is_an_option(bench: Bench) -> None:
    """With the same answer, and reasoning effort where it is wanted."""
    service = bench.service([responses("hi", usage={"input_tokens": 4, "output_tokens": 9, "total_tokens": 13})])
    model = bench.model(service, api="responses", reasoning_effort="low", max_tokens=20)
    reply = model.complete(ASK)
    assert (reply.text, reply.finish, reply.usage.output_tokens) == ("hi", "stop", 9)
    (asked,) = service.asked
    assert asked.path == "/v1/responses"
    assert asked.document["max_output_tokens"] == 20
    assert asked.document["reasoning"] == {"effort": "low"}
    assert asked.document["store"] is False


@pytest.mark.parametrize(
    ("served", "finish", "text"),
    [
        (chat("cut he", finish="length"), "length", "cut he"),
        (chat("", finish="length"), "length", ""),
        (chat("half", finish="content_filter"), "filtered", "half"),
        (chat(None, message={"refusal": "I will not"}), "refusal", "I will not"),
        (chat(""), "empty", ""),
        (chat(None), "empty", ""),
        (chat(" \n"), "empty", " \n"),
        (chat(None, message={"content": [{"type": "text", "text": "in parts"}]}), "stop", "in parts"),
        (chat("", finish="tool_calls"), "empty", ""),
        (Served(body=b'{"choices": [], "model": "fake"}'), "empty", ""),
        (Served(body=b'{"choices": null}'), "empty", ""),
        (Served(body=b'{"choices": [7]}'), "empty", ""),
        (failure(400, "your prompt is bad", "content_filter"), "filtered", "HTTP 400: your prompt is bad"),
    ],
)
def test_an_answer_that_is_not_whole_says_so(bench: Bench, served: Served, finish: str, text: str) -> None:
    """It is an answer all the same, asked for once and paid for."""
    service = bench.service([served])
    reply = bench.model(service).complete(ASK)
    assert (reply.finish, reply.text) == (finish, text)
    assert reply.usage.calls == 1
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("served", "finish"),
    [
        (responses("half", status="incomplete", reason="max_output_tokens"), "length"),
        (responses("half", status="incomplete", reason="content_filter"), "filtered"),
        (responses(""), "empty"),
    ],
)
def test_so_do_those_of_the_responses_api(bench: Bench, served: Served, finish: str) -> None:
    """By its own names for it."""
    assert bench.model(bench.service([served]), api="responses").complete(ASK).finish == finish


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (None, None)),
        ({}, (None, None)),
        ({"prompt_tokens": 10}, (10, None)),
        ({"prompt_tokens": True, "completion_tokens": "5"}, (None, None)),
        ({"prompt_tokens": -1, "completion_tokens": 5}, (None, 5)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (None, None)),
        ({"prompt_tokens": 10, "completion_tokens": 10**30}, (10, None)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}, (10, 30)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}}, (10, 5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 99}}, (10, 5)),
    ],
)
def test_usage_that_is_missing_counts_at_the_most(
    bench: Bench, usage: dict[str, Any] | None, expected: tuple[int | None, int | None]
) -> None:
    """And that is said once; what was thought in secret counts, wherever a service counts it."""
    model = bench.model(bench.service([chat("hi", usage=usage)]))
    most = model.most(ASK)
    replies = [model.complete(ASK) for _ in range(2)]
    asked = most.input_tokens if expected[0] is None else expected[0]
    said = most.output_tokens if expected[1] is None else expected[1]
    assert (replies[0].usage.input_tokens, replies[0].usage.output_tokens) == (asked, said)
    assert replies[0].usage.nanodollars <= most.nanodollars
    missing = [notice for notice in bench.notices if "does not say what a call took" in notice]
    assert len(missing) == (None in expected)


def test_another_model_than_the_one_asked_for_is_said_once(bench: Bench) -> None:
    """A dated version is the same one, and so is one with its maker's name before it."""
    said = ["fake-2026-01-01", "maker/Fake", "fake-0613", "fake:latest", "fake", "fake-mini", "other"]
    names = iter(said)
    model = bench.model(bench.service(lambda _: chat("hi", model=next(names))))
    assert [model.complete(ASK).model for _ in said] == said
    assert len(bench.notices) == 1
    assert "answers as another model, 'fake-mini'" in bench.notices[0]


def test_more_than_the_most_is_said(bench: Bench) -> None:
    """And counted as the service says, for that is what it charges."""
    model = bench.model(bench.service([chat("hi", usage={"prompt_tokens": 10, "completion_tokens": 51})]))
    assert model.complete(ASK).usage.output_tokens == 51
    assert "50 were the most expected" in bench.notices[0]


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (Served(body=b"{not json"), "no JSON"),
        (Served(body=b"[" * 100_000), "no JSON"),
        (Served(body=b"\xff\xfe"), "no JSON"),
        (Served(body=b"[1]"), "no answer"),
        (Served(body=b""), "no JSON"),
        (Served(body=b'{"error": {"message": "upstream fell over"}}'), "upstream fell over"),
        (chat("x" * 1000, cut=100), "broke before the answer was whole"),
        (Served(body=b'{"a": "' + b"x" * 10 * 2**20 + b'"}'), "more than 8 MiB"),
        (failure(504, "gateway timeout"), "HTTP 504: gateway timeout"),
        (chat("late", after=300.0), "no whole answer within 0.5 seconds"),
        (chat("drop by drop", drip=0.1), "no whole answer within 0.5 seconds"),
    ],
    ids=["no json", "deep", "binary", "list", "nothing", "error in 200", "cut", "10 MB", "504", "hang", "drip"],
)
def test_what_may_have_been_served_is_a_fault_at_once(bench: Bench, served: Served, message: str) -> None:
    """Asked once and never again here: whether to ask anew is a question of money."""
    service = bench.service([served])
    begun = time.monotonic()
    with pytest.raises(ModelFault, match=message) as caught:
        bench.model(service, timeout=0.5 if served.after or served.drip else 60).complete(ASK)
    assert caught.value.sent
    assert len(service.asked) == 1
    assert time.monotonic() - begun < 120


def test_headers_that_drip_do_not_pass_the_deadline_either(bench: Bench) -> None:
    """It is one for the whole call, whatever the server sends in between."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):  # who asked has left
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(0.05):
                connection.sendall(b"X-Drip: x\r\n")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        model = bench.model(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeout=0.4)
        begun = time.monotonic()
        with pytest.raises(ModelFault, match=r"within 0\.4 seconds"):
            model.complete(ASK)
        assert time.monotonic() - begun < 60
    finally:
        ended.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_cost_nothing_is_tried_again(bench: Bench, status: int) -> None:
    """Until the answer comes, with growing pauses."""
    service = bench.service([failure(status, retry_after_ms="20"), failure(status, retry_after_ms="20"), chat("hi")])
    reply = bench.model(service).complete(ASK)
    assert (reply.text, reply.usage.calls, len(service.asked)) == ("hi", 1, 3)
    assert service.asked[0].document == service.asked[2].document


@pytest.mark.parametrize("status", [429, 500])
def test_without_retry_after_the_pause_is_our_own(bench: Bench, status: int) -> None:
    """About a second at first, with jitter."""
    service = bench.service([failure(status), chat("hi")])
    begun = time.monotonic()
    assert bench.model(service).complete(ASK).text == "hi"
    assert time.monotonic() - begun > 0.4


@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds"])
def test_retry_after_is_honoured_by_all_who_ask(bench: Bench, form: str) -> None:
    """As seconds, as a date and in milliseconds: nobody asks before."""
    moments: list[float] = []

    def answer(asked: Asked) -> Served:
        moments.append(time.monotonic())
        rest = {
            "seconds": {"retry_after": "4"},
            "milliseconds": {"retry_after_ms": "4000", "retry_after": "900"},
            "date": {"retry_after": email.utils.formatdate(time.time() + 5.0, usegmt=True)},
        }[form]
        return failure(429, **rest) if asked.number == 0 else chat("hi")

    model = bench.model(bench.service(answer))
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(model.complete, ASK)
        while not moments:
            time.sleep(0.01)
        time.sleep(2.0)  # more than enough for the first one to hear of it
        others = [pool.submit(model.complete, ASK) for _ in range(2)]
        assert {future.result().text for future in (first, *others)} == {"hi"}
    assert min(moments[1:]) - moments[0] > 3.5


def test_a_rest_beyond_all_patience_stops_the_run(bench: Bench) -> None:
    """Naming how long the service wants to be left alone."""
    service = bench.service([failure(429, "daily limit", retry_after="86400")])
    with pytest.raises(ModelFault, match=r"wants 86400 seconds of rest \(HTTP 429: daily limit\)") as caught:
        bench.model(service).complete(ASK)
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (failure(401, "bad key"), "bad key; the key is missing, wrong or expired: set .* OPENAI_API_KEY"),
        (failure(403), "not allowed to use this model"),
        (failure(404, "no such model"), "no such model; there is no such model.*--model and --base-url"),
        (failure(400, "max_tokens is unknown"), "max_tokens is unknown; the request is not one"),
        (failure(429, "pay first", "insufficient_quota"), "no credit left: add some"),
        (failure(418), "will not answer"),
    ],
)
def test_a_lasting_refusal_names_the_cause_and_the_fix(bench: Bench, served: Served, message: str) -> None:
    """After one request, which cost nothing."""
    service = bench.service([served])
    with pytest.raises(ModelFault, match=message) as caught:
        bench.model(service).complete(ASK)
    assert not caught.value.sent
    assert len(service.asked) == 1


def test_a_service_that_is_down_is_probed_by_one_and_comes_back(bench: Bench) -> None:
    """The others wait meanwhile, nothing is lost, and a person hears of both."""
    down = threading.Event()
    down.set()
    service = bench.service(lambda _: failure(503, "maintenance", retry_after_ms="1") if down.is_set() else chat("hi"))
    model = bench.model(service, pause=0.2)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(model.complete, ASK) for _ in range(8)]
        while not bench.notices:
            time.sleep(0.01)
        time.sleep(0.1)
        begun = len(service.asked)
        time.sleep(1.0)
        assert len(service.asked) - begun <= 8  # at 0.2, 0.4, 0.8 seconds and so on, and not eight times that
        down.clear()
        assert [future.result().text for future in futures] == ["hi"] * 8
    assert "is down (HTTP 503: maintenance); calls wait" in bench.notices[0]
    assert "answers again, after" in bench.notices[-1]


def test_patience_ends_with_a_fault_that_cost_nothing(bench: Bench) -> None:
    """For all who wait, so that the run stops and can be resumed."""
    with socket.socket() as deaf, ThreadPoolExecutor(6) as pool:
        deaf.bind(("127.0.0.1", 0))  # and it does not listen, nor does anybody else there
        model = bench.model(f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", patience=1.0, pause=0.1)
        futures = [pool.submit(model.complete, ASK) for _ in range(6)]
        for future in futures:
            with pytest.raises(ModelFault, match=r"down for \d+ seconds? \(no connection .*\); resume when") as caught:
                future.result()
            assert not caught.value.sent
    assert "no connection" in bench.notices[0]


def test_faults_that_may_have_cost_something_count_as_down_too(bench: Bench) -> None:
    """So that a service that breaks every answer does not eat the budget."""
    service = bench.service([Served(body=b"nonsense")])
    model = bench.model(service, pause=30.0)
    for _ in range(5):
        with pytest.raises(ModelFault):
            model.complete(ASK)
    assert "is down (what came is no JSON" in bench.notices[0]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(model.complete, ASK)
        time.sleep(0.2)
        assert len(service.asked) == 5
        model.close()
        with pytest.raises(ModelFault, match="stopped before this request left"):
            waiting.result()


@pytest.mark.parametrize("served", [failure(429, retry_after="600"), failure(500)])
def test_a_stop_ends_every_wait(bench: Bench, served: Served) -> None:
    """Promptly, and nothing was paid for."""
    service = bench.service([served])
    model = bench.model(service)
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(model.complete, ASK) for _ in range(4)]
        while not service.asked:
            time.sleep(0.01)
        time.sleep(0.1)
        begun = time.monotonic()
        model.close()
        model.close()
        for future in futures:
            with pytest.raises(ModelFault) as caught:
                future.result()
            assert not caught.value.sent
        assert time.monotonic() - begun < 60
    with pytest.raises(ModelFault, match="stopped"):
        model.complete(ASK)


@pytest.mark.parametrize("grace", [0.1, 120.0])
def test_a_stop_leaves_a_moment_to_answers_that_are_paid_for(bench: Bench, grace: float) -> None:
    """What does not come in it may have been served."""
    service = bench.service([chat("hi", after=1.0 if grace > 1 else 300.0)])
    model = bench.model(service, grace=grace)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(model.complete, ASK)
        while not service.asked:
            time.sleep(0.01)
        model.close()
        if grace > 1:
            assert future.result().text == "hi"
        else:
            with pytest.raises(ModelFault, match="stopped before the answer came") as caught:
                future.result()
            assert caught.value.sent


def test_many_calls_are_in_flight_at_a_time(bench: Bench) -> None:
    """A hundred threads wait for one."""
    everybody = threading.Barrier(100)

    def answer(_asked: Asked) -> Served:
        everybody.wait(300)
        return chat("hi")

    model = bench.model(bench.service(answer), timeout=600)
    with ThreadPoolExecutor(100) as pool:
        assert {reply.text for reply in pool.map(lambda _: model.complete(ASK), range(100))} == {"hi"}


def test_requests_a_minute_are_kept_by_all_threads_together(bench: Bench) -> None:
    """A tenth of them at once, and then steadily."""
    moments: list[float] = []

    def answer(_asked: Asked) -> Served:
        moments.append(time.monotonic())
        return chat("hi")

    begun = time.monotonic()
    model = bench.model(bench.service(answer), requests_per_minute=120)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: model.complete(ASK), range(16)))
    assert max(moments) - begun > 1.2  # three of them or four at two a second


def test_a_call_that_waits_for_its_turn_is_not_out_of_patience(bench: Bench) -> None:
    """Limits a minute are the user's own; patience is for what the service does."""
    model = bench.model(bench.service([chat("hi")]), requests_per_minute=60, patience=0.5)
    with ThreadPoolExecutor(9) as pool:
        assert {reply.text for reply in pool.map(lambda _: model.complete(ASK), range(9))} == {"hi"}


def test_a_service_that_never_has_room_ends_patience(bench: Bench) -> None:
    """The fault says what it said last, and nothing was paid."""
    model = bench.model(bench.service([failure(429, retry_after_ms="50")]), patience=0.4)
    with pytest.raises(ModelFault, match=r"no room for a call for \d+ seconds \(HTTP 429: no\)") as caught:
        model.complete(ASK)
    assert not caught.value.sent


def test_a_service_that_fails_is_not_said_to_be_busy(bench: Bench) -> None:
    """One call alone is too few faults for it to count as down."""
    model = bench.model(bench.service([failure(500)]), patience=0.4)
    with pytest.raises(ModelFault, match=r"has not answered for \d+ seconds? \(HTTP 500"):
        model.complete(ASK)


def test_the_key_is_in_nothing_that_is_kept(bench: Bench) -> None:
    """Not in errors, answers, notices or what the model shows of itself, though the service repeats it."""
    service = bench.service(
        [chat(f"your key is {KEY}", model=KEY), failure(401, f"Incorrect API key: {KEY}"), Served(body=KEY.encode())]
    )
    model = bench.model(service)
    reply = model.complete(ASK)
    assert reply.text == "your key is [secret]"
    said = [repr(model), str(model), repr(reply)]
    assert str(model).startswith(f"fake at {service.url}, 1/0.1/10 dollars per million tokens")
    for _ in range(2):
        with pytest.raises(ModelFault) as caught:
            model.complete(ASK)
        said.append(repr(caught.value) + repr(caught.value.__cause__))
    assert KEY not in "".join([*said, *bench.notices])


def test_a_key_that_is_not_there_is_asked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its variable; only a server of one's own may do without."""
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(TaskError, match="needs a key: set the environment variable OPENAI_API_KEY"):
        OpenAIModel(ModelSettings(name="fake", price="1/1"))
    with pytest.raises(TaskError, match="variable OTHER_KEY, which should hold the key of 'fake', is not set"):
        bench.model("http://localhost:1/v1", api_key_env="OTHER_KEY")
    monkeypatch.setenv("OTHER_KEY", "two\nlines")
    with pytest.raises(TaskError, match="OTHER_KEY holds no key") as caught:
        bench.model("http://localhost:1/v1", api_key_env="OTHER_KEY")
    assert "two" not in str(caught.value)
    with pytest.raises(TaskError, match="variable TEAM, for the header X-Key of 'fake', is not set"):
        bench.model("http://localhost:1/v1", headers={"X-Key": {"env": "TEAM"}})
    service = bench.service([chat("hi")])
    assert bench.model(service).complete(ASK).text == "hi"
    monkeypatch.setenv("TEAM", "planted-header-secret")
    assert bench.model(service, headers={"X-Key": {"env": "TEAM"}}).complete(ASK).text == "hi"
    assert service.asked[1].headers["x-key"] == "planted-header-secret"


@given(texts=st.lists(st.text(), max_size=4), bound=st.integers(1, 10**6), own=st.none() | st.integers(1, 10**6))
def test_the_most_is_a_bound(texts: list[str], bound: int, own: int | None) -> None:
    """No tokenizer makes more tokens than a text has bytes, and no answer is longer than the bound."""
    settings = ModelSettings(name="m", price="0.3/0.1/7", base_url="http://localhost/v1", max_tokens=own)
    request = Request(messages=tuple(("user", text) for text in texts), max_tokens=bound)
    most = OpenAIModel(settings).most(request)
    assert most.input_tokens > sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert most.output_tokens == min(bound, own or bound)
    assert most.nanodollars == 300 * most.input_tokens + 7000 * most.output_tokens


def test_a_prompt_beyond_what_its_price_is_for_is_refused(bench: Bench) -> None:
    """Before it costs anything; the message gives the option."""
    model = bench.model("http://localhost:1/v1", up_to=100)
    with pytest.raises(TaskError, match=r"up to 100 tokens, .*--price fake=IN/OUT"):
        model.most(ASK)


def test_text_that_no_service_takes_is_mended(bench: Bench) -> None:
    """Half of a pair of surrogates, as a candidate's output may hold, is no reason to stop a run."""
    service = bench.service([chat("hi \ud800")])
    request = Request(messages=(("user", "a\ud800b"),), max_tokens=10)
    assert bench.model(service).complete(request).finish == "stop"
    assert service.asked[0].text == "a?b"
