from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import TaskError
from evolve.models.prices import Price, known_price, user_prices


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of settings of this test's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = user_prices()
    path.parent.mkdir()
    return path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.25/2", "0.25/0.25/2"),
        ("0.25/0.025/2.00", "0.25/0.025/2"),
        ("0/0", "0/0/0"),
        (" 1 / 30 ", "1/1/30"),
        ("1e-3/1", "0.001/0.001/1"),
    ],
)
def test_a_price_is_read_as_it_is_written(text: str, shown: str) -> None:
    """Two or three numbers; it reads what it shows."""
    assert str(Price.parse(text)) == shown
    assert Price.parse(shown) == Price.parse(text)


@pytest.mark.parametrize(
    "text", ["", "1", "1/2/3/4", "a/b", "-1/2", "nan/1", "1/inf", "1e9/1", "1/1e-999999999", "1,5/2"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(TaskError, match=r"such as 0\.25/2"):
        Price.parse(text)


tokens = st.integers(0, 10**7)
money = st.decimals(0, 1000, places=6)


@given(fresh=tokens, cached=tokens, said=tokens, prices=st.tuples(money, money, money))
def test_money_is_rounded_up_once(fresh: int, cached: int, said: int, prices: tuple[object, object, object]) -> None:
    """Never below the exact amount, less than a nano-dollar above it, and never above the most."""
    price = Price.parse("/".join(map(str, prices)))
    one, other, third = (Fraction(str(each)) for each in prices)
    exact = (fresh * one + cached * other + said * third) * 1000
    got = price.nanodollars(input_tokens=fresh + cached, output_tokens=said, cached_tokens=cached)
    assert got == math.ceil(exact)
    assert got <= price.most(input_tokens=fresh + cached, output_tokens=said)


def test_prices_that_come_along_have_a_date_and_a_source() -> None:
    """And are what their source says: dollars per million tokens."""
    price = known_price("gpt-5-mini")
    assert str(price) == "0.25/0.025/2"
    assert known_price("gpt-5.5").up_to == 272_000
    table = (Path(__file__).parents[2] / "evolve" / "models" / "prices.toml").read_text()
    assert table.count("[[price]]") == table.count("\ndate = ") == table.count('\nsource = "https://') >= 5


def test_the_users_prices_go_over_ours(own: Path) -> None:
    """By the same names, and for more models."""
    own.write_text(
        '[[price]]\nname = "gpt-5-mini"\ninput = 1\noutput = 3.5\n[[price]]\nname = "mine"\ninput=0\noutput=0\n'
    )
    assert str(known_price("gpt-5-mini")) == "1/1/3.5"
    assert str(known_price("mine")) == "0/0/0"
    assert str(known_price("gpt-4.1")) == "2/0.5/8"


def test_an_unknown_price_asks_for_one(own: Path) -> None:
    """With the option, and what to write into which file; written there, it is known."""
    with pytest.raises(TaskError) as caught:
        known_price("new-model")
    said = str(caught.value)
    assert "--price new-model=IN/OUT" in said
    assert str(own) in said
    own.write_text(said.partition(f"{own}:\n")[2])
    assert str(known_price("new-model")) == "0.25/0.25/2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "no valid TOML"),
        ('price = "x"', "holds \\[\\[price\\]\\] tables"),
        ("[[price]]\ninput = 1", "has no name"),
        ('[[price]]\nname = "a"\ninput = 1', "a: output is dollars per million tokens, not None"),
        ('[[price]]\nname = "a"\ninput = true\noutput = 1', "a: input is dollars"),
        ('[[price]]\nname = "a"\ninput = -1\noutput = 1', "a: input is dollars"),
        ('[[price]]\nname = "a"\ninput = 1\noutput = nan', "a: output is dollars"),
        ('[[price]]\nname = "a"\ninput = 1\noutput = 1\nin = 3', "a: in: unknown"),
        ('[[price]]\nname = "a"\ninput = 1\noutput = 1\nup_to = 0', "a: up_to is a whole number"),
    ],
)
def test_a_mistake_in_the_users_file_is_named(own: Path, content: str, message: str) -> None:
    """With the file, the model and the key."""
    own.write_text(content)
    with pytest.raises(TaskError, match=message) as caught:
        known_price("gpt-4.1")
    assert str(own) in str(caught.value)
