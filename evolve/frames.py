"""Frames: the only thing that crosses the border between engine, evaluator and candidate.

A frame is a JSON object and any number of raw byte strings:

    4 bytes   length of the whole rest, big endian
    4 bytes   length of the head, big endian
    head      a JSON object in UTF-8; its key "buffers" lists the lengths of the buffers
    buffers   one after the other

This file is standard library only and imports nothing of `evolve`: it is copied beside the harness that runs inside a
sandbox, so both ends speak from the same source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Frame"]


@dataclass(frozen=True)
class Frame:
    """`head` is plain JSON data; `buffers` are raw bytes that the head speaks of by index."""

    head: dict[str, Any]
    buffers: tuple[bytes, ...] = ()
