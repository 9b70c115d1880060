"""The configuration of another tool: values by dotted keys, looked at for their types, and which nobody asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evolve.errors import TaskError

__all__ = ["Configuration"]


class Configuration:
    """What is in a file named `name`, as nested tables. Every method raises `TaskError` for a value of another kind,
    with the file, the key and what it should be; a key that is missing or null has the `default`."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        self.name = name
        self._values = values
        self._used: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> Configuration:
        """A YAML file. Raises `TaskError` when it is none, or no table."""
        import yaml  # noqa: PLC0415 - only for folders of this kind

        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise TaskError(f"cannot read {path}: {error.strerror}") from error
        except (yaml.YAMLError, ValueError) as error:
            raise TaskError(f"{path} is no valid YAML: {error}") from error
        if not isinstance(values, dict | None):
            raise TaskError(f"{path} is no table of settings, but {type(values).__name__}")
        return cls(values or {}, path.name)

    def under(self, other: Configuration) -> Configuration:
        """This with the values of `other` over it."""
        return Configuration(_merged(self._values, other._values), other.name or self.name)

    def number(self, key: str, default: float) -> float:
        """A finite number above 0."""
        value = self.value(key)
        if value is None:
            return default
        if not _is_number(value) or not 0 < value < math.inf:
            raise self._wrong(key, value, "a number above 0")
        return float(value)

    def count(self, key: str, default: int | None = None, *, least: int = 1) -> int | None:
        """A whole number from `least` on."""
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self._wrong(key, value, f"a whole number from {least} on")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def text(self, key: str, default: str = "") -> str:
        """Some text."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self._wrong(key, value, "text")
        return value

    def numbers(self, key: str, default: list[float]) -> list[float]:
        """A list of finite numbers."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, list) or not all(_is_number(item) and math.isfinite(item) for item in value):
            raise self._wrong(key, value, "a list of numbers")
        return list(map(float, value))

    def names(self, key: str, default: list[str]) -> list[str]:
        """A list of texts."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, value, "a list of names")
        return list(value)

    def value(self, key: str) -> Any:
        """Whatever is there, or None."""
        self._used.add(key)
        found: Any = self._values
        for part in key.split("."):
            if not isinstance(found, dict):
                return None
            found = found.get(part)
        return found

    def unused(self) -> list[str]:
        """The keys that nobody has asked for."""
        return list(self._unused(self._values, ""))

    def _unused(self, table: Mapping[str, Any], above: str) -> Iterator[str]:
        for name, value in table.items():
            key = f"{above}{name}"
            if key in self._used:
                continue
            if isinstance(value, dict) and value:
                yield from self._unused(value, f"{key}.")
            else:
                yield key

    def _wrong(self, key: str, value: object, wanted: str) -> TaskError:
        return TaskError(f"{self.name}: {key} is {str(value)[:100]!r}, and should be {wanted}")


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
