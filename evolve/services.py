"""The models that a search asks: chosen by options, remembered by a run, and made of their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from evolve.errors import TaskError
from evolve.models.openai import OpenAIModel
from evolve.models.settings import OPENAI_URL, ModelSettings, choose_models, stored_models
from evolve.options import Options
from evolve.run import Run
from evolve.simulated import SimulatedModel
from evolve.types import Model, Request, Usage

__all__ = ["Models", "answers_here", "choose_asked", "make_models", "models_of", "most_of", "moved"]

Models: TypeAlias = Sequence[tuple[Model, float]]
"""The models of a run, each with its weight."""


def choose_asked(options: Options, usual: Sequence[Mapping[str, Any]] = ()) -> tuple[ModelSettings, ...]:
    if not options.models and options.model_file is None:
        for name in ("base_url", "api_key_env", "prices"):
            if getattr(options, name):
                raise TaskError(f"there are no models for what {name} says: name one with --model")
        return ()
    prices = list(options.prices)
    if options.base_url is None and not prices and "simulated" in (name.partition("=")[0] for name in options.models):
        prices.append("simulated=0/0")
    return choose_models(
        options.models,
        file=Path(options.model_file) if options.model_file is not None else None,
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        prices=prices,
        inside={"simulated"},
        usual=usual,
    )


def make_models(
    models: Sequence[ModelSettings],
    on_notice: Callable[[str], None],
    service: Callable[..., Model] = OpenAIModel,
    *,
    seed: int,
) -> Models:
    """The models of a run with that seed, which is also the simulated one's: runs of other seeds hear other answers."""
    return tuple(
        (
            SimulatedModel(model.name, seed=seed) if answers_here(model) else service(model, on_notice=on_notice),
            model.weight,
        )
        for model in models
    )


def most_of(model: ModelSettings) -> Callable[[Request], Usage]:
    """`Model.most` of a model that is not there."""
    return SimulatedModel(model.name).most if answers_here(model) else model.priced().most


def answers_here(model: ModelSettings) -> bool:
    """Whether it is the one that is simulated in this process."""
    return model.service_name == "simulated" and model.base_url == OPENAI_URL


def models_of(run: Run) -> tuple[ModelSettings, ...]:
    """The models of the last session."""
    tables = run.config.get("models", [])
    for event in run.events("opened"):
        tables = event.get("models", tables)
    return stored_models(tables, run.state / "config.toml")


def moved(model: ModelSettings, **given: str | None) -> ModelSettings:
    """The model, asked somewhere else. Raises `TaskError` for an address that is none."""
    over = {name: value for name, value in given.items() if value is not None}
    return stored_models([{**model.stored(), **over}], Path(f"the model {model.name!r}"))[0]
