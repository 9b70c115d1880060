"""Which models to ask, and how: from names, options and a file of settings to one record each."""

from __future__ import annotations

import math
import os
import re
import reprlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evolve.errors import TaskError
from evolve.models.prices import Price, known_price
from evolve.types import Request, Usage

__all__ = ["DEFAULT_KEY", "OPENAI_URL", "FromEnvironment", "ModelSettings", "choose_models", "stored_models"]

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_KEY = "OPENAI_API_KEY"

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

_OVERHEAD, _MESSAGE_OVERHEAD = 64, 16
"""Tokens that a service may put around a prompt, and around each of its messages."""

_SECRET = re.compile(r"auth|cookie|key|password|secret|token", re.IGNORECASE)


class FromEnvironment(BaseModel):
    """A value that is only named: the environment variable that holds it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    env: Variable


class ModelSettings(BaseModel):
    """One model of a run. All of it is written into the run's config, so there is no key in it, only a key's name."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Name
    """How options, transcripts and commits call it."""
    model: Name | None = None
    """What the service calls it; by default its name."""
    weight: Positive = 1.0
    """How often it is asked, next to the others."""
    api: Literal["chat", "responses"] = "chat"
    """Which of the protocol's two ways to ask: chat completions, or responses."""
    base_url: str = OPENAI_URL
    api_key_env: Variable = DEFAULT_KEY
    """The environment variable with the key. A server that is not OpenAI's is asked without one when it is unset."""
    headers: dict[Name, str | FromEnvironment] = {}
    """Sent with each request; what is secret is named: `{ env = "VARIABLE" }`."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Where the prompt does not ask for another one; None leaves it to the service."""
    reasoning_effort: Name | None = None
    max_tokens: Count | None = None
    """The most tokens of one answer, reasoning included, whatever the prompt would allow."""
    limit_name: Literal["max_tokens", "max_completion_tokens"] | None = None
    """How chat completions call that bound; by default as OpenAI does there, and as everybody else does elsewhere."""
    timeout: Positive = 600.0
    """Seconds for one whole call, from the first byte sent to the last one received."""
    patience: Positive = 1800.0
    """Seconds that a service may be down, or a call may wait for its turn, before the run stops."""
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    price: str = ""
    """Dollars per million tokens, IN/OUT or IN/CACHED/OUT; by default what the table of prices says."""
    up_to: Count | None = None
    """The tokens of input up to which the price holds."""

    @field_validator("base_url")
    @classmethod
    def _no_secret_in_the_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("should be a URL such as http://localhost:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("is written into the run, so it holds no user, password or query; use headers for those")
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _no_secret_in_a_header(cls, value: dict[str, str | FromEnvironment]) -> dict[str, str | FromEnvironment]:
        for name, content in value.items():
            if isinstance(content, str) and _SECRET.search(name):
                raise ValueError(
                    f'{name} looks like a secret, which is only named here: {name} = {{ env = "VARIABLE" }}'
                )
        return value

    @field_validator("price")
    @classmethod
    def _is_a_price(cls, value: str) -> str:
        try:
            return str(Price.parse(value)) if value else ""
        except TaskError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _priced_as_a_whole(self) -> Self:
        if self.up_to is not None and not self.price:
            raise ValueError("up_to goes with a price")
        return self

    @property
    def service_name(self) -> str:
        """What the service calls the model."""
        return self.model or self.name

    @property
    def bound_name(self) -> str:
        """How this service calls the bound on an answer of chat completions: one that it does not know it ignores, or
        refuses."""
        if self.limit_name is not None:
            return self.limit_name
        host = urlsplit(self.base_url).hostname or ""
        return "max_completion_tokens" if host.endswith(("openai.com", "azure.com")) else "max_tokens"

    def priced(self) -> ModelSettings:
        """With its price, from the table where none was given. Raises `TaskError` when nobody knows it."""
        if self.price:
            return self
        known = known_price(self.service_name)
        return self.model_copy(update={"price": str(known), "up_to": known.up_to})

    def bound(self, request: Request) -> int:
        """The most tokens that the answer to a request may have."""
        return min(request.max_tokens, self.max_tokens or request.max_tokens)

    def most(self, request: Request) -> Usage:
        """The most that one answer may take, where there is a price: a token has at least one byte.

        Raises `TaskError` when the prompt may be longer than what its price is for.
        """
        asked = _OVERHEAD + sum(
            _MESSAGE_OVERHEAD + len(text.encode("utf-8", "surrogatepass")) for _, text in request.messages
        )
        if self.up_to is not None and asked > self.up_to:
            raise TaskError(
                f"the price of {self.name} holds for prompts of up to {self.up_to} tokens, and this one has {asked} "
                f"bytes; make prompts shorter, or give the price of long ones: --price {self.name}=IN/OUT"
            )
        said = self.bound(request)
        money = Price.parse(self.price).most(input_tokens=asked, output_tokens=said)
        return Usage(calls=1, input_tokens=asked, output_tokens=said, nanodollars=money)

    def stored(self) -> dict[str, Any]:
        """What a run's config says of it."""
        return self.model_dump(exclude_none=True)


def choose_models(
    names: Sequence[str],
    *,
    file: Path | None = None,
    base_url: str | None = None,
    api_key_env: str | None = None,
    prices: Sequence[str] = (),
    inside: Collection[str] = (),
    usual: Sequence[Mapping[str, Any]] = (),
) -> tuple[ModelSettings, ...]:
    """The models that these options ask for, each with a price.

    Args:
        names: NAME or NAME=WEIGHT; without any, all of the file.
        file: `[[model]]` tables, one a model.
        base_url, api_key_env: for all of them, over what the file says. Where neither says where, the environment
            variable OPENAI_BASE_URL does, as it does for OpenAI's own client.
        prices: IN/OUT for all of them, or NAME=IN/OUT for one.
        inside: names of models that answer in this process, for which the environment does not count.
        usual: tables as in a file, for models of these names that the file says nothing of.

    Raises `TaskError`, naming the option or the key.
    """
    told = {table["name"]: table for table in _tables(file)} if file is not None else {}
    wanted = [_weighted(name) for name in names] or [(name, None) for name in told]
    known = {**{str(table["name"]): table for table in usual}, **told}
    given, common = _prices(prices, [name for name, _ in wanted])
    over = {"base_url": base_url, "api_key_env": api_key_env}
    models = []
    for name, weight in wanted:
        table = {**known.get(name, {"name": name}), **{key: value for key, value in over.items() if value is not None}}
        if name not in inside and (elsewhere := os.environ.get("OPENAI_BASE_URL")):
            table.setdefault("base_url", elsewhere)
        if weight is not None:
            table["weight"] = weight
        if (price := given.get(name, common)) is not None:
            table |= {"price": price, "up_to": None}
        models.append(_validated(table, f"the model {name!r}").priced())
    _distinct([model.name for model in models], "--model")
    return tuple(models)


def stored_models(tables: Sequence[Mapping[str, Any]], where: Path) -> tuple[ModelSettings, ...]:
    """The models of a run, from its config at `where`. Raises `TaskError`."""
    return tuple(_validated(table, str(where)) for table in tables)


def _weighted(given: str) -> tuple[str, float | None]:
    name, equals, weight = given.rpartition("=")
    if not equals:
        return given, None
    try:
        value = float(weight)
    except ValueError:
        return given, None  # a name with a sign in it
    if not 0 < value < math.inf:
        raise TaskError(f"the weight of a model is a number above 0: {given!r} has none")
    return name, value


def _prices(prices: Sequence[str], names: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Prices by model, and the one for all others."""
    given: dict[str, str] = {}
    common: str | None = None
    for text in prices:
        name, equals, price = text.rpartition("=")
        Price.parse(price)
        if not equals:
            common = price
        elif name in names:
            given[name] = price
        else:
            raise TaskError(f"--price {text}: there is no model {name!r} in this run; there are {', '.join(names)}")
    return given, common


def _tables(file: Path) -> list[dict[str, Any]]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TaskError(f"cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaskError(f"{file} is no valid TOML: {error}") from error
    rows = table.get("model")
    if table.keys() - {"model"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TaskError(f'{file} holds [[model]] tables, each with a name, and nothing else: [[model]], name = "..."')
    for row in rows:
        _validated(row, str(file))
    _distinct([row["name"] for row in rows], str(file))
    return rows


def _distinct(names: Sequence[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise TaskError(
                f"{where}: two models are called {name!r}; to have one model twice, call one of them otherwise and say "
                f'in a model file what the service calls it: model = "{name}"'
            )


def _validated(table: Mapping[str, Any], where: str) -> ModelSettings:
    try:
        return ModelSettings.model_validate(table)
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            key = ".".join(str(part) for part in detail["loc"] if part not in {"str", "FromEnvironment"})
            message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
            if detail["type"] == "extra_forbidden":
                message = f"unknown; known are {', '.join(ModelSettings.model_fields)}"
            # what was given may be a secret that went to the wrong place
            shown = (
                ""
                if key.startswith(("headers", "base_url", "api_key_env"))
                else f" (it is {reprlib.repr(detail['input'])})"
            )
            problems.append(f"  {key}: {message}{shown}" if key else f"  {message}")
        raise TaskError(f"{where} has a mistake:\n" + "\n".join(problems)) from None
