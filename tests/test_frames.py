"""The codec: what goes in comes out, and what nobody would have sent is refused."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve import frames
from evolve.frames import DataError, Frame, FrameError, Incoming, TooLong, decode, encode, pack, unpack

MIB = 2**20
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=40)
values = st.recursive(
    scalars | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
heads = st.dictionaries(
    st.text().filter(lambda key: key != "buffers"), st.integers() | st.text() | st.lists(st.booleans())
)


@given(heads, st.lists(st.binary(max_size=200), max_size=5), st.integers(1, 50))
def test_a_frame_comes_out_of_the_pieces_it_was_cut_into(head: dict[str, Any], buffers: list[bytes], size: int) -> None:
    """Wherever the stream is cut, the frames are the same, and two in a row stay two."""
    frame = Frame(head, tuple(buffers))
    wire = encode(frame) * 2
    incoming = Incoming(MIB)
    found = []
    for start in range(0, len(wire), size):
        incoming.feed(wire[start : start + size])
        while (taken := incoming.take()) is not None:
            found.append(taken)
    assert found == [frame, frame]
    assert len(incoming) == 0


@given(st.binary(max_size=60))
def test_bytes_that_are_no_frame_are_refused(body: bytes) -> None:
    """Whatever comes, it is a frame or a `FrameError`."""
    try:
        frame = decode(body)
    except FrameError:
        return
    assert isinstance(frame.head, dict)


@pytest.mark.parametrize(
    "head",
    [
        b'{"buffers":[1]}',
        b'{"buffers":[-1,1]}',
        b'{"buffers":[true]}',
        b'{"buffers":7}',
        b"{}",
        b"[]",
        b'{"a":1,"a":2,"buffers":[]}',
        b'{"a":NaN,"buffers":[]}',
        b'{"a":Infinity,"buffers":[]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_head_that_does_not_fit_is_refused(head: bytes) -> None:
    """Wrong lengths, keys twice, constants that are no JSON, nesting without end."""
    with pytest.raises(FrameError):
        decode(len(head).to_bytes(4, "big") + head)


def test_a_frame_that_announces_too_much_is_refused_before_it_is_there() -> None:
    """Four bytes suffice: nothing is allocated for what they promise."""
    incoming = Incoming(1000)
    with pytest.raises(TooLong, match="4294967295"):
        incoming.feed(b"\xff\xff\xff\xff")


def test_blocking_ends_read_what_the_other_writes() -> None:
    """`write` and `read` over a pipe that is smaller than the frame; the end of the stream is None."""
    reader, writer = os.pipe()
    frame = Frame({"a": [1]}, (bytes(3 * MIB), b"", b"x"))

    def send() -> None:
        frames.write(writer, frame)
        os.close(writer)

    thread = threading.Thread(target=send)
    thread.start()
    assert frames.read(reader, 4 * MIB) == frame
    assert frames.read(reader, 4 * MIB) is None
    thread.join()
    os.close(reader)


def test_a_stream_that_ends_in_a_frame_is_no_end() -> None:
    """Half a frame is an error, whichever half."""
    for count in (2, 6):
        reader, writer = os.pipe()
        os.write(writer, encode(Frame({"a": 1}))[:count])
        os.close(writer)
        with pytest.raises(FrameError):
            frames.read(reader, MIB)
        os.close(reader)


@given(values)
def test_plain_data_arrives_as_it_was(value: Any) -> None:
    """Every JSON value, bytes and complex numbers, whatever the keys are called."""
    assert unpack(*pack(value)) == value


@given(st.recursive(st.floats() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nan_and_infinity_cross_as_values(value: Any) -> None:
    """The evaluator is the one to judge them, so they have to reach it."""
    assert repr(unpack(*pack(value))) == repr(value)


@pytest.mark.parametrize(
    "name",
    ["bool", "int8", "uint16", "int32", "uint64", "float16", "float32", "float64", "complex64", "complex128"],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 2, 3, 4)])
def test_numeric_arrays_arrive_with_dtype_and_shape(name: str, shape: tuple[int, ...]) -> None:
    """Whatever their byte order and memory layout were; what arrives can be written to."""
    array = np.asarray(np.arange(math.prod(shape)).reshape(shape) * 1.5, dtype=name)
    for sent in (
        array,
        np.array(array, order="F"),
        array.astype(array.dtype.newbyteorder(">")),
        array.T.copy().T,
    ):
        (arrived,) = unpack(*pack([sent]))
        assert arrived.dtype == np.dtype(name)
        assert arrived.dtype.isnative
        assert arrived.shape == shape
        np.testing.assert_array_equal(arrived, array)
        assert arrived.flags.writeable


def test_tuples_arrive_as_lists_and_numpy_scalars_as_numbers() -> None:
    """The types that arrive are those of JSON."""
    value = {
        "a": (1, (2.5, [3])),
        "b": np.float32(0.5),
        "c": np.int64(7),
        "d": np.bool_(True),
        "e": np.complex64(1 + 2j),
    }
    arrived = unpack(*pack(value))
    assert arrived == {"a": [1, [2.5, [3]]], "b": 0.5, "c": 7, "d": True, "e": 1 + 2j}
    assert [type(arrived[key]) for key in "bcde"] == [float, int, bool, complex]
    assert math.isnan(unpack(*pack(np.float64("nan"))))


class _Float(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __float__(self) -> float:
        return 1e9

    def __repr__(self) -> str:
        return "1e9"


class _List(list[object]):
    def __iter__(self) -> Any:
        return iter([7])


class _Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "lie"


def test_objects_that_lie_arrive_as_what_they_are_underneath() -> None:
    """No method of a subclass has a say, and nothing of it arrives."""
    arrived = unpack(*pack([_Float(2.5), _List([1, 2]), _Text("truth")]))
    assert arrived == [2.5, [1, 2], "truth"]
    assert [type(item) for item in arrived] == [float, list, str]


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({1: 2}, "the key '1' is an object of type 'int': keys are text"),
        ([0, {"x": {3}}], r"\[1\] \['x'\] an object of type 'set' cannot cross"),
        (object(), "an object of type 'object' cannot cross"),
        (np.array(["a"]), "an array of dtype str32 cannot cross"),
        (np.array([None]), "an array of dtype object cannot cross"),
        (np.datetime64("2020-01-01"), "a numpy datetime64"),
        (10**5000, "an integer of 16610 bits cannot cross"),
        (_nested(100), "nested deeper than 64"),
        (_nested(100_000), "nested deeper than 64"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_cross_says_where_it_is(value: object, problem: str) -> None:
    """The message is for whoever wrote the value."""
    with pytest.raises(DataError, match=problem):
        pack(value)


def test_large_integers_cross_up_to_4300_digits() -> None:
    """Python's own limit between integers and text."""
    for value in (2**63, -(2**64), 10**400, 10**4299):
        assert unpack(*pack(value)) == value


@pytest.mark.parametrize(
    ("document", "blob"),
    [
        (b"NaN", b""),
        (b"-Infinity", b""),
        (b'{"a":1,"a":1}', b""),
        (b'{"$dict":[["a",1],["a",2]]}', b""),
        (b'{"$dict":[[1,1]]}', b""),
        (b'{"$float":"1e9"}', b""),
        (b'{"$float":1}', b""),
        (b'{"$what":1}', b""),
        (b'{"$a":1,"b":2}', b""),
        (b'{"$bytes":3}', b"ab"),
        (b'{"$bytes":-1}', b"ab"),
        (b'{"$bytes":true}', b"a"),
        (b"1", b"left over"),
        (b'{"$array":["float64",[1]]}', b"1234567"),
        (b'{"$array":["float64",[1]]}', b"123456789"),
        (b'{"$array":["float64",[-1]]}', b""),
        (b'{"$array":["float64",[1099511627776]]}', b""),
        (b'{"$array":["float64",[2147483648,2147483648,2147483648]]}', b"12345678"),
        (b'{"$array":["float64",[0,1000000000000]]}', b""),
        (b'{"$array":["float64",[true]]}', b"12345678"),
        (b'{"$array":["float64",[1.0]]}', b"12345678"),
        (b'{"$array":["object",[1]]}', b"12345678"),
        (b'{"$array":["O",[1]]}', b"12345678"),
        (b'{"$array":["float64",' + json.dumps([1] * 33).encode() + b"]}", b"12345678"),
        (b"[" * 65 + b"]" * 65 + b",", b""),
        (b"[" * 70 + b"]" * 70, b""),
        (b"[" * 1_000_000, b""),
        (b"[" + b"[]," * 2_000_000 + b"[]]", b""),
        (b"1" * 5000, b""),
        (b"\xff", b""),
        (b"", b""),
    ],
    ids=lambda part: part[:30].decode(errors="replace") if isinstance(part, bytes) else None,
)
def test_forged_values_are_refused(document: bytes, blob: bytes) -> None:
    """Forged shapes and lengths, keys twice, constants, nesting, floods: a `DataError` and nothing else."""
    with pytest.raises(DataError):
        unpack(document, blob)


def test_two_values_cannot_claim_the_same_bytes() -> None:
    """So a short frame cannot become a long list of large arrays."""
    array = b'{"$array":["uint8",[4]]}'
    assert len(unpack(b"[" + array + b"," + array + b"]", b"12345678")) == 2
    with pytest.raises(DataError, match="bytes that are not there"):
        unpack(b"[" + array + b"," + array + b"]", b"1234")


@given(st.binary(max_size=100), st.binary(max_size=16))
def test_whatever_bytes_come_they_are_data_or_a_data_error(document: bytes, blob: bytes) -> None:
    """Nothing else is ever raised."""
    try:
        unpack(document, blob)
    except DataError:
        return


def test_without_numpy_arrays_arrive_as_nested_lists(tmp_path: Path) -> None:
    """In an interpreter that has no numpy; and nothing there needs it to pack."""
    sent = {
        "a": np.array([[1, 2], [3, 4]], dtype="int16"),
        "b": np.array([1 + 2j]),
        "c": np.zeros((2, 0)),
        "d": np.array(True),
        "e": np.array([0.5], dtype="float16"),
    }
    (tmp_path / "frames.py").write_bytes(Path(frames.__file__).read_bytes())
    (tmp_path / "numpy.py").write_text("raise ImportError('not installed')\n")
    document, blob = pack(sent)
    code = f"import frames; print(frames.unpack({document!r}, {blob!r})); print(frames.pack([1, b'x']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    expected = {"a": [[1, 2], [3, 4]], "b": [1 + 2j], "c": [[], []], "d": True, "e": [0.5]}
    assert done.stdout.splitlines() == [repr(expected), repr((b'[1,{"$bytes":1}]', b"x"))]


def test_an_array_too_large_for_lists_is_refused_without_numpy(tmp_path: Path) -> None:
    """A byte of an array becomes eight of a list."""
    (tmp_path / "frames.py").write_bytes(Path(frames.__file__).read_bytes())
    (tmp_path / "numpy.py").write_text("raise ImportError('not installed')\n")
    code = """
import frames
try:
    frames.unpack(b'{"$array":["uint8",[3000000]]}', bytes(3000000))
except frames.DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "numpy is not installed" in done.stdout


def test_the_wire_is_what_the_module_says() -> None:
    """Lengths are big endian; the head names the lengths of the buffers."""
    wire = encode(Frame({"op": "x"}, (b"ab", b"c")))
    head = b'{"op":"x","buffers":[2,1]}'
    assert wire == struct.pack(">II", 4 + len(head) + 3, len(head)) + head + b"abc"
