"""A model behind any service that speaks OpenAI's protocol.

A call has one deadline from its first byte to its last, a stop ends every wait at once, and a hundred calls at a time
cost one thread beside those that wait for them: that is why the calls are made on an event loop of their own, though
everything around is plain threads. The client's own retries are off, because a retry that may cost something is a call,
for which the budget has to be asked: only what certainly cost nothing is tried again here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evolve.errors import ModelFault, TaskError
from evolve.models.answers import Answer, Tokens, read_chat, read_responses
from evolve.models.background import Background, Closed
from evolve.models.faults import Trouble, connection_trouble, status_trouble
from evolve.models.gate import Gate
from evolve.models.prices import Price
from evolve.models.settings import DEFAULT_KEY, OPENAI_URL, FromEnvironment, ModelSettings
from evolve.types import Reply, Request, Usage

if TYPE_CHECKING:
    import openai

__all__ = ["OpenAIModel"]

_ANSWER_BYTES = 8 * 2**20
"""Of a whole answer. The longest that models write have about a million."""
_TRIES = 10
"""Of one call while the service answers others."""
_CONNECT = 15.0
_SCRUBBED = "[secret]"
_SHORTEST_SECRET = 6
"""A placeholder for a key, such as "none", is a word that texts may hold."""


class OpenAIModel:
    """One model of a service, asked as `settings` say. May be used by many threads at once.

    Args:
        on_notice: hears, on another thread, in a sentence, what a person should know: that the service is down, that it
            is another model that answers, that usage is not reported. What it raises is dropped.
        grace: seconds that `close` leaves to calls under way, whose answers are paid for.
        pause: seconds before the first try of a service that is down; they grow from try to try.

    Raises `TaskError` when the key, or a header that the environment should have, is not there.
    """

    def __init__(
        self,
        settings: ModelSettings,
        *,
        on_notice: Callable[[str], None] = lambda _: None,
        grace: float = 30.0,
        pause: float = 5.0,
    ) -> None:
        self.name = settings.name
        self._settings = settings.priced()
        self._price = Price.parse(self._settings.price)
        self._on_notice = on_notice
        self._grace, self._pause = grace, pause
        self._key = _key(settings)
        self._headers = {name: _header(settings, name, value) for name, value in settings.headers.items()}
        named = [self._headers[name] for name, value in settings.headers.items() if isinstance(value, FromEnvironment)]
        self._secrets = [secret for secret in (self._key, *named) if len(secret) >= _SHORTEST_SECRET]
        self._said: set[str] = set()
        self._background = Background(f"model {self.name}")
        self._client: openai.AsyncOpenAI | None = None
        self._gate: Gate | None = None

    def complete(self, request: Request) -> Reply:
        """Ask, and wait for the whole answer. Tries again what certainly cost nothing.

        Raises `ModelFault`, which says whether the request may have been served.
        """
        try:
            return self._background.run(self._complete(request))
        except Closed as closed:
            raise ModelFault(f"{self._where}: the run was stopped before the answer came", sent=closed.begun) from None

    def most(self, request: Request) -> Usage:
        """The most that one answer may take: a token has at least one byte.

        Raises `TaskError` when the prompt may be longer than what its price is for.
        """
        return self._settings.most(request)

    def close(self) -> None:
        """Calls that wait for their turn end now; those under way have a moment to bring their answers."""

        async def last() -> None:
            if self._client is not None:
                await self._client.close()

        self._background.call(lambda: self._gate.close() if self._gate is not None else None)
        self._background.close(last, self._grace)

    def __str__(self) -> str:
        """What a person wants to see before money is spent."""
        what = f"{self._settings.service_name} at {self._settings.base_url}"
        return f"{what}, {self._settings.price} dollars per million tokens of input, cached input and output"

    @property
    def _where(self) -> str:
        return f"the model {self.name} at {self._settings.base_url}"

    async def _complete(self, request: Request) -> Reply:
        self._open_client()  # which takes a second or more the first time: no part of an answer's, or of patience
        gate = self._open_gate()
        most = self.most(request)
        guess = most.input_tokens // 4 + most.output_tokens  # limits a minute are no budget: what is likely will do
        since: float | None = None
        tries = 0
        while True:
            probe = await gate.enter(guess, since)
            begun = time.monotonic()
            try:
                answer = await self._ask(request)
                gate.answered()
                reply = self._reply(answer, most, time.monotonic() - begun)
                gate.correct(reply.usage.input_tokens + reply.usage.output_tokens - guess)
            except Trouble as trouble:
                tries += 1
                since = begun if since is None else since
                pause = self._pause_after(trouble, tries, probe=probe)
            else:
                return reply
            finally:
                gate.leave(probe=probe)
            await gate.sleep(pause)

    def _pause_after(self, trouble: Trouble, tries: int, *, probe: bool) -> float:
        """Seconds until this call may be tried again, if the gate lets it. Raises `ModelFault` when it may not."""
        assert self._gate is not None
        gate = self._gate
        why = gate.trouble = self._scrub(str(trouble))
        if trouble.kind in {"busy", "refused", "unfit"}:
            gate.answered()
        else:
            gate.failed(why, probe=probe)
        if trouble.kind in {"refused", "unfit"}:
            raise ModelFault(f"{self._where} refuses: {why}", sent=False, unfit=trouble.kind == "unfit")
        if trouble.kind == "lost":
            raise ModelFault(f"{self._where}: {why}", sent=True)
        if trouble.kind == "down" and not gate.down and tries >= _TRIES:
            raise ModelFault(f"{self._where} failed {tries} times, the last time with {why}; resume later", sent=False)
        if trouble.after is not None:
            gate.hold(trouble.after, why)
            return 0.0
        return 0.0 if gate.down else min(0.5 * 2**tries, 30.0) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    async def _ask(self, request: Request) -> Answer:
        """One request, and its answer. Raises `Trouble`."""
        client, timeout = self._open_client(), self._settings.timeout
        import openai  # noqa: PLC0415 - takes half a second, and is loaded by now

        try:
            async with asyncio.timeout(timeout):
                data = await self._fetch(client, request)
        except Trouble:
            raise
        except TimeoutError:
            raise Trouble("lost", f"no whole answer within {timeout:g} seconds") from None
        except openai.APIStatusError as error:
            trouble = status_trouble(
                error.status_code, error.response.headers, error.body, key=self._settings.api_key_env
            )
            if trouble.kind == "filtered":  # the prompt was read for that, and some services charge for it
                return Answer(self._scrub(str(trouble)), "filtered", "", Tokens(None, 0))
            raise trouble from None
        except Exception as error:  # noqa: BLE001 - the transport's, of a package that depends on the client's version
            raise connection_trouble(error) from None
        return read_chat(data) if self._settings.api == "chat" else read_responses(data)

    async def _fetch(self, client: openai.AsyncOpenAI, request: Request) -> bytes:
        messages = [
            {"role": role, "content": text.encode("utf-8", "replace").decode()} for role, text in request.messages
        ]
        wanted: dict[str, Any] = {"model": self._settings.service_name}
        temperature = self._settings.temperature if request.temperature is None else request.temperature
        if temperature is not None:
            wanted["temperature"] = temperature
        effort, bound = self._settings.reasoning_effort, self._settings.bound(request)
        if self._settings.api == "chat":
            wanted |= {"messages": messages, self._settings.bound_name: bound}
            wanted |= {"reasoning_effort": effort} if effort else {}
            call = client.chat.completions.with_streaming_response.create(**wanted)
        else:
            wanted |= {"input": messages, "max_output_tokens": bound, "store": False}
            wanted |= {"reasoning": {"effort": effort}} if effort else {}
            call = client.responses.with_streaming_response.create(**wanted)
        data = bytearray()
        async with call as response:
            async for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _ANSWER_BYTES:
                    raise Trouble("lost", f"an answer of more than {_ANSWER_BYTES // 2**20} MiB")
        return bytes(data)

    def _reply(self, answer: Answer, most: Usage, seconds: float) -> Reply:
        tokens = answer.tokens
        asked = most.input_tokens if tokens.input is None else tokens.input
        said = most.output_tokens if tokens.output is None else tokens.output
        if (tokens.input is None or tokens.output is None) and answer.finish != "filtered":
            self._say_once("does not say what a call took; each counts at the most that it may have taken")
        if asked > most.input_tokens or said > most.output_tokens:
            self._say_once(
                f"counted {asked} tokens of input and {said} of output where {most.input_tokens} and "
                f"{most.output_tokens} were the most expected; they are counted as it says"
            )
        if tokens.input is None:
            money = self._price.most(input_tokens=asked, output_tokens=said)
        else:
            money = self._price.nanodollars(input_tokens=asked, output_tokens=said, cached_tokens=tokens.cached)
        model = self._scrub(answer.model)
        if model and not _same(model, self._settings.service_name):
            self._say_once(f"answers as another model, {model!r:.100}; its price is taken to be the same")
        usage = Usage(calls=1, input_tokens=asked, output_tokens=said, nanodollars=money)
        return Reply(text=self._scrub(answer.text), finish=answer.finish, model=model, usage=usage, seconds=seconds)

    def _open_gate(self) -> Gate:
        if self._gate is None:
            self._gate = Gate(
                self._where,
                patience=self._settings.patience,
                requests_per_minute=self._settings.requests_per_minute,
                tokens_per_minute=self._settings.tokens_per_minute,
                pause=self._pause,
                on_notice=self._say,
            )
        return self._gate

    def _open_client(self) -> openai.AsyncOpenAI:
        if self._client is None:
            import openai  # noqa: PLC0415 - takes half a second, which only those wait for who ask models

            self._client = openai.AsyncOpenAI(
                api_key=self._key,
                base_url=self._settings.base_url,
                max_retries=0,
                timeout=openai.Timeout(None, connect=min(_CONNECT, self._settings.timeout)),
                # plain, so that the bound on an answer's size is one on what has to be kept of it
                default_headers={"Accept-Encoding": "identity", **self._headers},
            )
        return self._client

    def _scrub(self, text: str) -> str:
        """Without the key, which some services repeat."""
        for secret in self._secrets:
            text = text.replace(secret, _SCRUBBED)
        return text

    def _say_once(self, text: str) -> None:
        kind = " ".join(text.split()[:3])
        if kind not in self._said:
            self._said.add(kind)
            self._say(f"{self._where} {text}")

    def _say(self, text: str) -> None:
        with contextlib.suppress(Exception):  # foreign code, which must not cost an answer that is paid for
            self._on_notice(text)


def _same(said: str, asked: str) -> bool:
    """Whether two names may be of one model: a dated version of it, or with the name of its maker before it."""
    short, long = sorted((name.lower().rsplit("/", 1)[-1] for name in (said, asked)), key=len)
    return long.startswith(short) and re.match(r"$|[-@:](\d{3,}|latest)", long.removeprefix(short)) is not None


def _key(settings: ModelSettings) -> str:
    name = settings.api_key_env
    key = os.environ.get(name, "").strip()
    if not key and settings.base_url == OPENAI_URL:
        raise TaskError(
            f"the model {settings.name!r} needs a key: set the environment variable {name}, name another one with "
            f"--api-key-env, or ask a server of your own with --base-url"
        )
    if not key and name != DEFAULT_KEY:
        raise TaskError(f"the environment variable {name}, which should hold the key of {settings.name!r}, is not set")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise TaskError(f"the environment variable {name} holds no key: there are characters in it that no key has")
    return key or "none"


def _header(settings: ModelSettings, name: str, value: str | FromEnvironment) -> str:
    if isinstance(value, str):
        return value
    if not (content := os.environ.get(value.env, "").strip()):
        raise TaskError(f"the environment variable {value.env}, for the header {name} of {settings.name!r}, is not set")
    return content
