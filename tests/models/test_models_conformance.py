"""The contract of every model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evolve.models.openai import OpenAIModel
from evolve.models.settings import ModelSettings
from evolve.simulated import SimulatedModel
from evolve.testing.models import ModelSuite, ScriptedModel
from evolve.testing.servers import FakeService, number_answer, responses
from evolve.types import Model


class TestScripted(ModelSuite):
    """A script is a model like others."""

    def make(self) -> Model:
        """One that repeats itself."""
        return ScriptedModel(lambda _: "hello")


class TestSimulated(ModelSuite):
    """So is a simulated one."""

    def make(self) -> Model:
        """With its defaults."""
        return SimulatedModel()


class TestOpenAI(ModelSuite):
    """Over HTTP."""

    api = "chat"

    @pytest.fixture(autouse=True)
    def _service(self) -> Iterator[None]:
        with FakeService(number_answer if self.api == "chat" else [responses("2.5")]) as service:
            self.url = service.url
            yield

    def make(self) -> Model:
        """Asked at the service of this test."""
        return OpenAIModel(
            ModelSettings.model_validate({"name": "fake", "base_url": self.url, "price": "1/2", "api": self.api})
        )


class TestResponses(TestOpenAI):
    """And by the other way to ask."""

    api = "responses"
