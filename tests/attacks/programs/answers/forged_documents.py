"""Replaces what makes its answers into data, and sends what no honest one would have made."""

from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"
QUESTIONS = 33

_FORGED: list[tuple[bytes, bytes]] = [
    (b'{"$array":["float64",[1099511627775,8,8]]}', b"12345678"),
    (b'{"$array":["float64",[8589934592,8589934592]]}', b""),
    (b'{"$array":["float64",[-1]]}', b"12345678"),
    (b'{"$array":["float64",[0,1099511627775,1099511627775]]}', b""),
    (b'{"$array":["float64",[1.0]]}', b"12345678"),
    (b'{"$array":["float64",[true]]}', b"12345678"),
    (b'{"$array":["object",[1]]}', b"12345678"),
    (b'{"$array":["O8",[1]]}', b"12345678"),
    (b'{"$array":["float64",[2]]}', b"12345678"),
    (b'{"$array":["float64",' + b"[1," * 40 + b"1" + b"]" * 40 + b"]}", b"12345678"),
    (b'{"$bytes":-1}', b""),
    (b'{"$bytes":9223372036854775808}', b""),
    (b'[{"$bytes":4},{"$bytes":5}]', b"12345678"),
    (b'{"$bytes":1}', b"12345678"),
    (b'{"$float":"1e9"}', b""),
    (b'{"$float":1}', b""),
    (b'{"$complex":["1",1]}', b""),
    (b'{"$dict":[["a",1],["a",2]]}', b""),
    (b'{"$dict":[[["a"],1]]}', b""),
    (b'{"$pickle":"gASVFAAAAAAAAACMBXByaW50lJOUjAJoaZSFlFKULg=="}', b""),
    (b'{"$bytes":8,"$float":"nan"}', b"12345678"),
    (b'{"a":1,"a":2}', b""),
    (b"NaN", b""),
    (b"-Infinity", b""),
    (b"1 2", b""),
    (b"", b""),
    (b"\xff\xfe", b""),
    (b"\xef\xbb\xbf1", b""),
    (b"1" * 5000, b""),
    (b"[" * 100_000, b""),
    (b"[" * 100_000 + b"]" * 100_000, b""),
    (b"[" + b"[]," * 1_300_000 + b"[]]", b""),
    (b"{" + b",".join(b'"%d":0' % number for number in range(2)) + b',"$x":0}', b""),
]


def attack(world: Any) -> list[str]:
    """In the module that speaks with the supervisor, which is in this process."""
    honest = world.harness().pack
    world.harness().pack = lambda value: _FORGED[value] if type(value) is int else honest(value)
    return []


def solve(_world: Any, question: int) -> int:
    """Which of them to send."""
    return question
