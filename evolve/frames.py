"""Frames: the only thing that crosses the border between engine, evaluator and candidate.

A frame is a JSON object and any number of raw byte strings:

    4 bytes   length of the whole rest, big endian
    4 bytes   length of the head, big endian
    head      a JSON object in UTF-8; its key "buffers" lists the lengths of the buffers
    buffers   one after the other

Values (arguments, results) travel inside of a frame as two buffers, which whoever relays them need not look into: a
JSON document, and the raw bytes of its arrays and byte strings in the order of the document. Nothing is ever pickled,
so what arrives is plain data, built anew on the receiving side.

This file is standard library only and imports nothing of `evolve`: it is copied beside the harness that runs inside a
sandbox, so both ends speak from the same source. It is loaded before each candidate: imports here cost every trial.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import chain
from math import isfinite, prod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ["DataError", "Frame", "FrameError", "Incoming", "encode", "pack", "read", "unpack", "write"]

_CHUNK = 2**16
HEAD_BYTES = 16 * 2**20
"""A longer head is refused."""
DOCUMENT_BYTES = 32 * 2**20
"""A longer JSON document is refused: long data belongs in an array."""
VALUES = 2_000_000
"""A document of more values is refused, so that a few megabytes of "[],[]," cannot fill the memory."""
DEPTH = 64
"""Values nested deeper than this are refused."""


class FrameError(ValueError):
    """What came is not a frame, or is longer than the limit."""


class TooLong(FrameError):
    """A frame is longer than the limit."""


class DataError(ValueError):
    """A value that cannot cross, or bytes that are no value."""


class Frame:
    """`head` is plain JSON data; `buffers` are raw bytes that the head speaks of by index."""

    __slots__ = ("buffers", "head")

    def __init__(self, head: dict[str, Any], buffers: tuple[bytes, ...] = ()) -> None:
        self.head = head
        self.buffers = buffers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and (self.head, self.buffers) == (other.head, other.buffers)

    def __hash__(self) -> int:
        return hash(self.buffers)

    def __repr__(self) -> str:
        return f"Frame({self.head!r}, {len(self.buffers)} buffers)"


def encode(frame: Frame) -> bytes:
    """The frame as it goes over the wire. Raises `FrameError` when the head is no JSON or all is over 4 GiB."""
    try:
        head = _encoder.encode({**frame.head, "buffers": [len(buffer) for buffer in frame.buffers]}).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"the head of a frame is no JSON: {error}") from None
    total = 4 + len(head) + sum(map(len, frame.buffers))
    if total >= 2**32 or len(head) > HEAD_BYTES:
        raise TooLong(f"a frame of {total} bytes with a head of {len(head)} is too long")
    return b"".join((total.to_bytes(4, "big"), len(head).to_bytes(4, "big"), head, *frame.buffers))


def decode(body: bytes | bytearray | memoryview) -> Frame:
    """The frame whose bytes after the first four are `body`. Raises `FrameError`."""
    size = int.from_bytes(body[:4], "big")
    if len(body) < 4 or size > min(len(body) - 4, HEAD_BYTES):
        raise FrameError("the head of a frame is longer than the frame or the limit")
    try:
        head = _head.decode(bytes(body[4 : 4 + size]).decode())
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the head of a frame is no JSON: {error}") from None
    lengths = head.pop("buffers", None) if isinstance(head, dict) else None
    if (
        not isinstance(lengths, list)
        or not all(type(length) is int and length >= 0 for length in lengths)
        or sum(lengths) != len(body) - 4 - size
    ):
        raise FrameError("the buffers of a frame are not as long as its head says")
    start, buffers = 4 + size, []
    for length in lengths:
        buffers.append(bytes(body[start : start + length]))
        start += length
    return Frame(head, tuple(buffers))


class Incoming:
    """Puts frames together from bytes as they come; holds at most a frame of `limit` bytes and what was fed with it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def __len__(self) -> int:
        """How many bytes are waiting."""
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Take what was read. Raises `TooLong` as soon as a frame announces more than the limit."""
        self._data += data
        self._announced()

    def _announced(self) -> int | None:
        if len(self._data) < 4:
            return None
        total = int.from_bytes(self._data[:4], "big")
        if total > self._limit:
            raise TooLong(f"a frame of {total} bytes came, the limit is {self._limit}")
        return total

    @property
    def ready(self) -> bool:
        """Whether a whole frame is there."""
        total = self._announced()
        return total is not None and len(self._data) >= 4 + total

    def take(self) -> Frame | None:
        """The next whole frame, or None when more bytes are needed. Raises `FrameError`."""
        if not self.ready:
            return None
        end = 4 + int.from_bytes(self._data[:4], "big")
        with memoryview(self._data) as data, data[4:end] as body:
            frame = decode(body)
        del self._data[:end]
        return frame


def read(fd: int, limit: int) -> Frame | None:
    """The next frame from a blocking descriptor, or None at its end. Raises `FrameError` or `OSError`."""
    start = _exactly(fd, 4)
    if not start:
        return None
    total = int.from_bytes(start, "big")
    if total > limit:
        raise TooLong(f"a frame of {total} bytes came, the limit is {limit}")
    body = _exactly(fd, total)
    if len(start) < 4 or len(body) < total:
        raise FrameError("a frame ended in the middle")
    return decode(body)


def _exactly(fd: int, count: int) -> bytes | memoryview:
    data = os.read(fd, min(count, _CHUNK))
    if len(data) == count or not data:
        return data
    body = memoryview(bytearray(count))  # once, and not again for each piece that comes
    body[: len(data)] = data
    filled = len(data)
    while filled < count and (came := os.readv(fd, [body[filled:]])):
        filled += came
    return body[:filled]


def write(fd: int, frame: Frame) -> None:
    """Send a frame over a blocking descriptor. Raises `FrameError` or `OSError`."""
    rest = memoryview(encode(frame))
    while rest:
        rest = rest[os.write(fd, rest) :]


# Values. In the document an array is {"$array": [dtype, shape]}, bytes {"$bytes": length}, a float that JSON has no
# word for {"$float": "nan" | "inf" | "-inf"}, a complex number {"$complex": [real, imaginary]}, and a dict that has a
# key with a dollar in front {"$dict": [[key, value], ...]}.

_DTYPES = {  # name -> bytes per item, struct's letter, and whether the letter is repeated (complex)
    "bool": (1, "?"),
    "int8": (1, "b"),
    "int16": (2, "h"),
    "int32": (4, "i"),
    "int64": (8, "q"),
    "uint8": (1, "B"),
    "uint16": (2, "H"),
    "uint32": (4, "I"),
    "uint64": (8, "Q"),
    "float16": (2, "e"),
    "float32": (4, "f"),
    "float64": (8, "d"),
    "complex64": (8, "ff"),
    "complex128": (16, "dd"),
}
_SCALARS = {int, float, str, bool, type(None)}
_BITS = 14_284  # 4300 decimal digits, what Python converts between int and text by default


def pack(value: object) -> tuple[bytes, bytes]:
    """A value as a JSON document and the raw bytes it speaks of.

    JSON values, tuples (which arrive as lists), bytes, complex numbers, numpy scalars (which arrive as plain numbers)
    and numpy arrays of booleans and numbers can cross. Raises `DataError`, which says where in the value it stands.
    """
    for strict in (False, True):  # the second pass looks at every float; the first one leaves that to the encoder in C
        blob: list[Any] = []
        try:
            plain = _plain(value, blob, strict, 0)
            document = _encoder.encode(plain).encode()
        except RecursionError:
            raise DataError(f"values nested deeper than {DEPTH} cannot cross") from None
        except DataError:
            raise
        except ValueError as error:
            if strict:
                raise DataError(str(error)) from None
            continue
        return document, b"".join(blob)
    raise AssertionError


def _plain(value: Any, blob: list[Any], strict: bool, depth: int) -> Any:  # noqa: C901, PLR0911, PLR0912 - kinds
    kind = type(value)
    if kind in _SCALARS:
        return _scalar(value) if strict else value
    if depth > DEPTH:
        raise DataError(f"values nested deeper than {DEPTH} cannot cross")
    if kind is list or kind is tuple:
        if not strict:
            kinds = set(map(type, value))
            # the usual case, a long list of short lists of scalars, is settled without a step of Python per item
            if kinds <= _SCALARS or (kinds <= {list, tuple} and set(map(type, chain.from_iterable(value))) <= _SCALARS):
                return value
        return [_inside(item, blob, strict, depth, index) for index, item in enumerate(value)]
    if kind is dict:
        return _plain_dict(value, blob, strict, depth)
    if kind in (bytes, bytearray, memoryview):
        data = bytes(value)
        blob.append(data)
        return {"$bytes": len(data)}
    if kind is complex:
        return {"$complex": [_scalar(value.real), _scalar(value.imag)]}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.ndarray):
            return _plain_array(value, blob, numpy)
        if isinstance(value, numpy.generic):
            return _plain_array_item(value, strict)
    # subclasses of plain types cross as what they are underneath, whatever their methods say
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _scalar(int.__int__(value))
    if isinstance(value, float):
        return _scalar(float.__float__(value))
    if isinstance(value, list | tuple):
        items = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return [_inside(item, blob, strict, depth, index) for index, item in enumerate(items)]
    if isinstance(value, dict):
        return _plain_dict(dict(dict.items(value)), blob, strict, depth)
    raise DataError(f"{_named(kind)} cannot cross: use numbers, text, bytes, lists, dicts and numeric arrays")


def _inside(value: object, blob: list[Any], strict: bool, depth: int, where: object) -> Any:
    try:
        return _plain(value, blob, strict, depth + 1)
    except DataError as error:
        if depth > 8:  # the path to something very deep helps nobody
            raise
        raise DataError(f"[{where!r}] {error}") from None


def _plain_dict(value: dict[Any, Any], blob: list[Any], strict: bool, depth: int) -> Any:
    for key in value:
        if type(key) is not str:
            raise DataError(f"the key {str(key)[:40]!r} is {_named(type(key))}: keys are text")
    items = {key: _inside(item, blob, strict, depth, key) for key, item in value.items()}
    if any(key.startswith("$") for key in items):
        return {"$dict": [[key, item] for key, item in items.items()]}
    return items


def _scalar(value: Any) -> Any:
    if type(value) is float and not isfinite(value):
        return {"$float": repr(value)}
    if type(value) is int and value.bit_length() > _BITS:
        raise DataError(f"an integer of {value.bit_length()} bits cannot cross")
    return value


def _plain_array(array: Any, blob: list[Any], numpy: Any) -> Any:
    array = numpy.asarray(array)
    name = array.dtype.name
    if name not in _DTYPES or array.dtype.hasobject:
        raise DataError(f"an array of dtype {name} cannot cross: use booleans, integers, floats or complex numbers")
    plain = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    blob.append(plain.tobytes())
    return {"$array": [name, list(array.shape)]}


def _plain_array_item(value: Any, strict: bool) -> Any:
    item = value.item()
    if type(item) is complex:
        return {"$complex": [_scalar(item.real), _scalar(item.imag)]}
    if type(item) not in _SCALARS:
        raise DataError(f"a numpy {value.dtype.name} cannot cross")
    return _scalar(item) if strict else item


def _named(kind: type) -> str:
    name = str(kind.__name__)[:60]
    return f"an object of type {name!r}"


def unpack(document: bytes, blob: bytes) -> Any:
    """The value that `pack` made these from. Arrays are numpy arrays where numpy is installed, nested lists elsewhere.

    Raises `DataError` for anything that `pack` would not have written: what it returns is plain data throughout.
    """
    if len(document) > DOCUMENT_BYTES:
        raise DataError(f"a JSON document of {len(document)} bytes; the limit is {DOCUMENT_BYTES}: return an array")
    openings = document.count(b"[") + document.count(b"{")
    if document.count(b",") + openings > VALUES:
        raise DataError(f"more than {VALUES} values: return an array")
    reader = _Blob(blob)
    try:
        decoder = json.JSONDecoder(object_pairs_hook=reader.pairs, parse_constant=_no_constant)
        value = decoder.decode(document.decode())
        if openings > DEPTH:
            _check_depth(value)
    except RecursionError:
        raise DataError(f"values are nested deeper than {DEPTH}") from None
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"what came is no JSON value: {error}") from None
    reader.finish()
    return value


def _check_depth(value: object) -> None:
    level: list[Any] = [value] if type(value) in (list, dict) else []
    for _ in range(DEPTH + 2):
        inner: Iterable[Any] = chain.from_iterable(item.values() if type(item) is dict else item for item in level)
        level = [item for item in inner if type(item) in (list, dict)]
        if not level:
            return
    raise DataError(f"values are nested deeper than {DEPTH}")


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(items)
    if len(made) != len(items):
        raise DataError("a JSON object holds the same key twice")
    return made


def _no_constant(name: str) -> Any:
    raise DataError(f"{name} is no JSON")


_head = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


class _Blob:
    """The raw bytes behind a document, used up once, from front to back: no two values can claim the same bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._start = 0

    def finish(self) -> None:
        if self._start != len(self._data):
            raise DataError("there are bytes that belong to no value")

    def _next(self, length: object) -> memoryview:
        if type(length) is not int or not 0 <= length <= len(self._data) - self._start:
            raise DataError("a value claims bytes that are not there")
        self._start += length
        return memoryview(self._data)[self._start - length : self._start]

    def pairs(self, items: list[tuple[str, Any]]) -> Any:
        """What a JSON object stands for. The decoder calls this for the innermost one first, from front to back."""
        if len(items) == 1 and items[0][0].startswith("$"):
            return self._special(*items[0])
        made = _unique(items)
        if any(key.startswith("$") for key in made):
            raise DataError("a JSON object holds a key that is set apart")
        return made

    def _special(self, word: str, content: Any) -> Any:
        match word, content:
            case "$float", "nan" | "inf" | "-inf":
                return float(content)
            case "$complex", [int() | float() as real, int() | float() as imaginary]:
                return complex(real, imaginary)
            case "$bytes", length:
                return bytes(self._next(length))
            case "$dict", [*items]:
                return self._dict(items)
            case "$array", [str(name), [*shape]]:
                return self._array(name, shape)
        raise DataError(f"{word!r} is no kind of value")

    def _dict(self, items: Iterable[Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for item in items:
            match item:
                case [str(key), value] if key not in made:
                    made[key] = value
                case _:
                    raise DataError("a dict is a list of different keys with their values")
        return made

    def _array(self, name: str, shape: list[Any]) -> Any:
        if name not in _DTYPES:
            raise DataError(f"an array of dtype {name[:40]!r} cannot cross")
        if len(shape) > 32 or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
            raise DataError("a shape is a list of at most 32 sizes")
        size, letter = _DTYPES[name]
        count = prod(shape)
        if not count and prod(filter(None, shape)) > VALUES:
            raise DataError(f"no array has shape {shape}")
        data = self._next(count * size)
        try:
            import numpy as np  # noqa: PLC0415 - only who is sent an array pays for it
        except ImportError:
            return _nested(data, letter, count, shape)
        try:
            return np.frombuffer(data, np.dtype(name).newbyteorder("<")).astype(name).reshape(shape)
        except ValueError as error:
            raise DataError(f"no array has shape {shape}: {error}") from None


def _nested(data: memoryview, letter: str, count: int, shape: list[int]) -> Any:
    import struct  # noqa: PLC0415 - only where there is no numpy

    if count > VALUES:
        raise DataError(f"an array of more than {VALUES} items cannot cross to where numpy is not installed")
    flat: list[Any] = list(struct.unpack(f"<{count * len(letter)}{letter[0]}", data))
    if len(letter) == 2:
        flat = [complex(*pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
    return _nest(flat, shape)


def _nest(flat: list[Any], shape: list[int]) -> Any:
    if len(shape) < 2:
        return flat if shape else flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nest(flat[start * step : (start + 1) * step], shape[1:]) for start in range(shape[0])]
