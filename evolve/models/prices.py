"""What tokens cost: exactly, and never assumed.

Prices are dollars per million tokens, as services publish them, kept as fractions. Money is whole nano-dollars (1e-9
dollars), rounded up once for each call, so that sums are exact and never too small. One dollar per million tokens is
1,000 nano-dollars a token.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from evolve.errors import TaskError

__all__ = ["Price", "known_price", "user_prices"]

_TABLE = Path(__file__).with_name("prices.toml")
_FORM = "dollars per million tokens as IN/OUT or IN/CACHED/OUT, such as 0.25/2 or 0.25/0.025/2"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens of input, of input that the service had seen before, and of output.

    It holds for requests of `up_to` tokens of input; None: for all.
    """

    input: Fraction
    cached: Fraction
    output: Fraction
    up_to: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """From IN/OUT or IN/CACHED/OUT. Raises `TaskError`."""
        parts = [_amount(part) for part in text.split("/")]
        if len(parts) not in {2, 3} or any(part is None for part in parts):
            raise TaskError(f"a price is {_FORM}; it cannot be {text!r}")
        numbers = [part for part in parts if part is not None]
        return cls(numbers[0], numbers[-2], numbers[-1])

    def __str__(self) -> str:
        """As `parse` reads it."""
        return "/".join(_decimal(part) for part in (self.input, self.cached, self.output))

    def nanodollars(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """What a call costs, rounded up. `cached_tokens` are those of the input that were cached."""
        fresh = input_tokens - cached_tokens
        return math.ceil(1000 * (fresh * self.input + cached_tokens * self.cached + output_tokens * self.output))

    def most(self, *, input_tokens: int, output_tokens: int) -> int:
        """The most nano-dollars that a call may cost, whatever of its input is cached."""
        dearest = max(self.input, self.cached)
        return math.ceil(1000 * (input_tokens * dearest + output_tokens * self.output))


def user_prices() -> Path:
    """The file of the user's own prices, which need not be there."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "evolve" / "prices.toml"


def known_price(model: str) -> Price:
    """What tokens of `model` cost, as the user's file says or else ours.

    Raises `TaskError` when neither does, with what to write where, and for a file that is none.
    """
    own = user_prices()
    for path in (own, _TABLE):
        for name, price in _read(path):
            if name == model:
                return price
    raise TaskError(
        f"the price of the model {model!r} is not known, and none is assumed. Give it in dollars per million tokens: "
        f"--price {model}=IN/OUT on the command line (0/0 for a server of your own), or in {own}:\n"
        f'  [[price]]\n  name = "{model}"\n  input = 0.25\n  output = 2.00'
    )


def _read(path: Path) -> Iterator[tuple[str, Price]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TaskError(f"{path} is no valid TOML: {error}") from error
    rows = table.get("price")
    if table.keys() - {"price"} or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TaskError(f"{path} holds [[price]] tables and nothing else")
    for row in rows:
        yield _row(row, path)


def _row(row: dict[str, Any], path: Path) -> tuple[str, Price]:
    name, up_to = row.get("name"), row.get("up_to")
    if not isinstance(name, str) or not name:
        raise TaskError(f"{path}: a [[price]] has no name")
    if unknown := row.keys() - {"name", "input", "cached", "output", "up_to", "date", "source"}:
        raise TaskError(f"{path}: [[price]] {name}: {min(unknown)}: unknown; there are input, cached, output, up_to")
    if up_to is not None and (type(up_to) is not int or up_to < 1):
        raise TaskError(f"{path}: [[price]] {name}: up_to is a whole number of tokens, not {up_to!r}")
    values: dict[str, Fraction] = {}
    for key in ("input", "cached", "output"):
        given = row.get(key, row.get("input") if key == "cached" else None)
        amount = _amount(str(given)) if isinstance(given, int | Decimal) else None
        if amount is None or isinstance(given, bool):
            raise TaskError(f"{path}: [[price]] {name}: {key} is dollars per million tokens, not {given!r}")
        values[key] = amount
    return name, Price(**values, up_to=up_to)


def _amount(text: str) -> Fraction | None:
    """A finite number of at least 0 and below a million, else None."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    # a bound on the exponent keeps a fraction from filling the memory
    if not value.is_finite() or not 0 <= value < 10**6 or int(value.as_tuple().exponent) < -30:
        return None
    return Fraction(value)


def _decimal(value: Fraction) -> str:
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
