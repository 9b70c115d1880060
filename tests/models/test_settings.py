from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from evolve.errors import TaskError
from evolve.models.settings import ModelSettings, choose_models, stored_models

FILE = """
[[model]]
name = "fast"
model = "gpt-5-mini"
weight = 3
temperature = 1

[[model]]
name = "local"
base_url = "http://localhost:8000/v1/"
price = "0/0"
reasoning_effort = "high"
headers = { "X-Team" = "a", "X-Key" = { env = "TEAM_KEY" } }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(FILE)
    return path


def test_models_are_chosen_by_name_and_weight() -> None:
    """At OpenAI, with the price that is known; a name may hold a colon or a sign."""
    one, two = choose_models(["gpt-5-mini", "gpt-4.1=0.5"])
    assert (one.name, one.weight, one.base_url, one.price) == (
        "gpt-5-mini",
        1.0,
        "https://api.openai.com/v1",
        "0.25/0.025/2",
    )
    assert (two.name, two.weight) == ("gpt-4.1", 0.5)
    (odd,) = choose_models(["qwen:7b=q4"], prices=["0/0"])
    assert (odd.name, odd.weight) == ("qwen:7b=q4", 1.0)


def test_a_file_says_how_each_is_asked(file: Path) -> None:
    """All of it when none is named; options go over it."""
    fast, local = choose_models([], file=file)
    assert (fast.service_name, fast.weight, fast.price, fast.bound_name) == (
        "gpt-5-mini",
        3.0,
        "0.25/0.025/2",
        "max_completion_tokens",
    )
    assert (local.base_url, local.price, local.bound_name) == ("http://localhost:8000/v1", "0/0/0", "max_tokens")
    (named,) = choose_models(
        ["fast=2"], file=file, base_url="http://other/v1", api_key_env="K", prices=["9/9", "fast=1/2"]
    )
    assert (named.weight, named.base_url, named.api_key_env, named.price) == (2.0, "http://other/v1", "K", "1/1/2")


def test_what_a_run_stores_gives_the_same_models(file: Path, tmp_path: Path) -> None:
    """Through TOML, all that was resolved, and no key."""
    models = choose_models([], file=file)
    text = tomli_w.dumps({"model": [model.stored() for model in models]})
    (tmp_path / "again.toml").write_text(text)
    assert choose_models([], file=tmp_path / "again.toml") == models
    assert stored_models([model.stored() for model in models], tmp_path) == models
    assert "timeout = 600" in text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"base_url": "localhost:8000"}, "base_url: should be a URL"),
        ({"base_url": "http://me:planted@host/v1"}, "holds no user, password or query"),
        ({"base_url": "http://host/v1?key=planted"}, "holds no user, password or query"),
        ({"headers": {"Authorization": "Bearer planted"}}, "looks like a secret, .* { env = "),
        ({"headers": {"api-key": "planted"}}, "looks like a secret"),
        ({"headers": {"X": {"env": "not a name"}}}, "headers.X"),
        ({"price": "free"}, "a price is dollars"),
        ({"temperature": 9}, r"temperature: .* \(it is 9\)"),
        ({"timeout": 0}, "timeout: "),
        ({"patience": float("inf")}, "patience: "),
        ({"max_tokens": 1.5}, "max_tokens: "),
        ({"weight": -1}, "weight: "),
        ({"api": "old"}, "api: "),
        ({"temprature": 1}, "temprature: unknown; known are name, model"),
        ({"up_to": 5}, "up_to goes with a price"),
        ({"api_key_env": "sk-planted"}, "api_key_env: "),
    ],
)
def test_a_mistake_names_its_key(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    """And repeats nothing that may be a secret."""
    path = tmp_path / "models.toml"
    path.write_text(tomli_w.dumps({"model": [{"name": "m", **settings}]}))
    with pytest.raises(TaskError, match=message) as caught:
        choose_models([], file=path)
    assert str(path) in str(caught.value)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "no valid TOML"),
        ("[model]\nname = 'a'", r"holds \[\[model\]\] tables"),
        ("", r"holds \[\[model\]\] tables"),
        ("[[model]]\nweight = 1", "name: "),
        ("[[model]]\nname = 'a'\n[[model]]\nname = 'a'", "two models are called 'a'"),
    ],
)
def test_a_file_that_is_none_is_named(content: str, message: str, tmp_path: Path) -> None:
    """With what is wrong in it."""
    path = tmp_path / "models.toml"
    path.write_text(content)
    with pytest.raises(TaskError, match=message):
        choose_models([], file=path)
    with pytest.raises(TaskError, match="cannot read"):
        choose_models([], file=tmp_path / "nowhere.toml")


def test_options_that_fit_nothing_are_refused() -> None:
    """By what they say."""
    with pytest.raises(TaskError, match="above 0: 'a=0'"):
        choose_models(["a=0"])
    with pytest.raises(TaskError, match="no model 'b' in this run; there are a"):
        choose_models(["a"], prices=["b=1/1"])
    with pytest.raises(TaskError, match="two models are called 'a'"):
        choose_models(["a", "a=2"], prices=["1/1"])
    with pytest.raises(TaskError, match="price of the model 'unheard' is not known"):
        choose_models(["unheard"])


def test_a_price_from_the_table_holds_for_short_prompts_alone() -> None:
    """Unless a price is given, which is then for all."""
    assert choose_models(["gpt-5.5"])[0].up_to == 272_000
    assert choose_models(["gpt-5.5"], prices=["10/60"])[0].up_to is None
    assert ModelSettings(name="a", price="1/2").priced().price == "1/1/2"


def test_the_environment_says_where_models_are(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither an option nor the file does; it is resolved when a run begins."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    fast, local = choose_models([], file=file)
    assert (fast.base_url, local.base_url) == ("http://elsewhere/v1", "http://localhost:8000/v1")
    (named,) = choose_models(["fast"], file=file, base_url="http://option/v1")
    assert named.base_url == "http://option/v1"
    (inside,) = choose_models(["pretended"], prices=["0/0"], inside={"pretended"})
    assert inside.base_url == "https://api.openai.com/v1"
