"""The system call filter of the sandboxes, from one source: `sandbox/seccomp.json`.

The file is in the format of Docker and Podman, which take it as it is. Bubblewrap wants a compiled filter, which is
made here: a classic BPF program over `struct seccomp_data` (seccomp(2), linux/seccomp.h, linux/bpf_common.h).
Anything the profile does not name is refused with EPERM, what is newer than the table of numbers with ENOSYS (so that
libraries fall back), and a call through another architecture's entry (i386, x32) ends the process.
"""

from __future__ import annotations

import json
import platform
import struct
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evolve.resources import bundled

__all__ = ["compile_profile", "profile"]

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL, _ABOVE, _AT_LEAST = 0x15, 0x25, 0x35  # BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data

_KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOW = 0xFFFFFFFF

_Instruction = tuple[int, int, int, int]
"""(code, jump if true, jump if false, operand)"""


def profile() -> str:
    """The filter as JSON, as `--security-opt seccomp=` takes it."""
    return (bundled("sandbox") / "seccomp.json").read_text(encoding="utf-8")


def compile_profile(machine: str | None = None, *, without: Collection[str] = ()) -> bytes | None:
    """The filter as BPF, as `bwrap --seccomp` takes it, or None for a machine whose numbers are not known.

    `machine` is as `platform.machine()` says it; `without` names calls to refuse although the profile allows them.
    """
    machine = machine or platform.machine()
    tables: dict[str, dict[str, int]] = json.loads((bundled("sandbox") / "syscalls.json").read_text(encoding="utf-8"))
    if machine not in _AUDIT_ARCH:
        return None
    rules = [
        {**rule, "names": [name for name in rule["names"] if name not in without]}
        for rule in json.loads(profile())["syscalls"]
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in _program(_AUDIT_ARCH[machine], tables[machine], rules))


def _program(arch: int, numbers: Mapping[str, int], rules: list[dict[str, Any]]) -> Iterator[_Instruction]:
    yield (_LOAD, 0, 0, _ARCH)
    yield (_EQUAL, 1, 0, arch)
    yield (_RETURN, 0, 0, _KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    yield (_AT_LEAST, 0, 1, _X32)
    yield (_RETURN, 0, 0, _KILL)
    yield (_ABOVE, 0, 1, max(numbers.values()))
    yield (_RETURN, 0, 0, _ERRNO | _ENOSYS)
    plain = {numbers[name] for rule in rules if not _special(rule) for name in rule["names"] if name in numbers}
    for first, last in _ranges(plain):
        yield (_AT_LEAST, 0, 2, first)
        yield (_ABOVE, 1, 0, last)
        yield (_RETURN, 0, 0, _ALLOW)
    for rule in filter(_special, rules):
        for name in rule["names"]:
            if name in numbers:
                yield from _rule(numbers[name], rule)
    yield (_RETURN, 0, 0, _ERRNO | _EPERM)


def _special(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("args")) or rule["action"] != "SCMP_ACT_ALLOW"


def _rule(number: int, rule: Mapping[str, Any]) -> Iterator[_Instruction]:
    """One call whose arguments are looked at. All conditions of a rule must hold; else the next rule is tried."""
    action = _ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else _ERRNO | int(rule.get("errnoRet", _EPERM))
    body: list[_Instruction] = []
    for condition in rule.get("args", ()):
        body += _condition(condition)
    # A condition that fails jumps to the end of the rule, where the call's number is loaded again
    body = [
        (code, yes, len(body) - at if no == _FAIL else no, operand) for at, (code, yes, no, operand) in enumerate(body)
    ]
    yield (_EQUAL, 0, len(body) + 2, number)
    yield from body
    yield (_RETURN, 0, 0, action)
    yield (_LOAD, 0, 0, _NUMBER)


_FAIL = 255


def _condition(condition: Mapping[str, Any]) -> list[_Instruction]:
    # The kernel's arguments are 64 bits wide and every machine in the table is little endian
    offset = _ARGUMENTS + 8 * int(condition["index"])
    value, second = int(condition["value"]), int(condition.get("valueTwo", 0))
    match condition["op"]:
        case "SCMP_CMP_EQ":
            masks, wanted = (_LOW, _LOW), value
        case "SCMP_CMP_MASKED_EQ":
            masks, wanted = (value & _LOW, value >> 32), second
        case unknown:
            raise ValueError(f"seccomp.json: {unknown} is not an operator that can be compiled")
    lines: list[_Instruction] = []
    for half, mask in enumerate(masks):
        if mask:
            lines += [(_LOAD, 0, 0, offset + 4 * half), (_AND, 0, 0, mask)]
            lines += [(_EQUAL, 0, _FAIL, (wanted >> 32 * half) & _LOW)]
    return lines


def _ranges(numbers: Collection[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours: {1, 2, 3, 7} is (1, 3), (7, 7)."""
    ordered = sorted(numbers)
    first = ordered[0]
    for number, following in zip(ordered, [*ordered[1:], -1], strict=True):
        if following != number + 1:
            yield first, number
            first = following
