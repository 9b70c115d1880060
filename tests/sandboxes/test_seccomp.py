"""The filter on system calls says in BPF what the profile says in JSON."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.sandboxes.seccomp import compile_profile, profile

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS: dict[str, dict[str, int]] = json.loads((bundled("sandbox") / "syscalls.json").read_text())
RULES: list[dict[str, Any]] = json.loads(profile())["syscalls"]
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
ATTACKED = (
    "add_key",
    "bpf",
    "chroot",
    "clock_settime",
    "delete_module",
    "fsopen",
    "init_module",
    "io_uring_enter",
    "io_uring_setup",
    "kexec_load",
    "keyctl",
    "mount",
    "move_mount",
    "mq_open",
    "msgget",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "reboot",
    "request_key",
    "semget",
    "setns",
    "settimeofday",
    "shmget",
    "swapon",
    "umount2",
    "unshare",
    "userfaultfd",
    "vmsplice",
)
MACHINES = st.sampled_from(sorted(ARCH))


def compiled(machine: str, without: frozenset[str] = frozenset()) -> bytes:
    """The filter for a machine that is known."""
    program = compile_profile(machine, without=without)
    assert program is not None
    return program


def execute(program: bytes, arch: int, number: int, arguments: list[int]) -> int:
    """What the kernel would do: a machine for the few instructions that are used (linux/bpf_common.h)."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments)
    lines = list(struct.iter_unpack("=HBBI", program))
    at, value = 0, 0
    while True:
        code, yes, no, operand = lines[at]
        at += 1
        match code:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                value &= operand
            case 0x15:
                at += yes if value == operand else no
            case 0x25:
                at += yes if value > operand else no
            case 0x35:
                at += yes if value >= operand else no
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def meant(name: str, arguments: list[int]) -> int:
    """What the profile says of a call, read as Docker reads it."""
    for rule in RULES:
        if name in rule["names"] and all(holds(condition, arguments) for condition in rule.get("args", ())):
            return ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else 0x00050000 | rule["errnoRet"]
    return EPERM


def holds(condition: dict[str, Any], arguments: list[int]) -> bool:
    """Whether one condition on an argument holds."""
    value = arguments[condition["index"]]
    if condition["op"] == "SCMP_CMP_MASKED_EQ":
        return bool(value & condition["value"] == condition["valueTwo"])
    assert condition["op"] == "SCMP_CMP_EQ"
    return bool(value == condition["value"])


@pytest.mark.parametrize("machine", sorted(ARCH))
def test_every_call_is_answered_as_the_profile_says(machine: str) -> None:
    """Every call that the machine has, without arguments."""
    program = compiled(machine)
    for name, number in NUMBERS[machine].items():
        assert execute(program, ARCH[machine], number, [0] * 6) == meant(name, [0] * 6), name


@given(
    machine=MACHINES,
    name=st.sampled_from(sorted({name for rule in RULES if rule.get("args") for name in rule["names"]})),
    first=st.one_of(
        st.sampled_from([0, 1, 2, 10, 16, 17, 40, 0x10000000, 0x20000, 0x7E020000, 0xFFFFFFFF, 2**32 + 1, 2**40]),
        st.integers(0, 2**64 - 1),
    ),
)
def test_arguments_are_looked_at_as_the_profile_says(machine: str, name: str, first: int) -> None:
    """All 64 bits of them."""
    arguments = [first, 0, 0, 0, 0, 0]
    assert execute(compiled(machine), ARCH[machine], NUMBERS[machine][name], arguments) == meant(name, arguments)


@given(machine=MACHINES, number=st.integers(0, 2**32 - 1))
def test_other_ways_into_the_kernel_end_the_process(machine: str, number: int) -> None:
    """The tables of i386, and x32's numbers, know calls under other numbers."""
    i386 = 0x40000003
    program = compiled(machine)
    assert execute(program, i386, number, [0] * 6) == KILL
    assert execute(program, ARCH[machine], number | 0x40000000, [0] * 6) == KILL


@given(machine=MACHINES, above=st.integers(1, 1000))
def test_calls_of_the_future_do_not_exist(machine: str, above: int) -> None:
    """So that libraries fall back on what they did before."""
    number = max(NUMBERS[machine].values()) + above
    assert execute(compiled(machine), ARCH[machine], number, [0] * 6) == ENOSYS


def test_a_call_can_be_taken_away() -> None:
    """For a sandbox that has no other way to bound what it does."""
    number = NUMBERS["x86_64"]["memfd_create"]
    assert execute(compiled("x86_64"), ARCH["x86_64"], number, [0] * 6) == ALLOW
    assert execute(compiled("x86_64", frozenset({"memfd_create"})), ARCH["x86_64"], number, [0] * 6) == EPERM


def test_a_machine_without_numbers_has_no_filter() -> None:
    """The driver then says that it does not protect from unusual calls."""
    assert compile_profile("riscv64") is None


def test_the_profile_names_calls_that_exist() -> None:
    """A misspelt name would silently be refused."""
    named = {name for rule in RULES for name in rule["names"]}
    assert named <= NUMBERS["x86_64"].keys()
    assert NUMBERS["aarch64"].keys() <= NUMBERS["x86_64"].keys()


@pytest.mark.parametrize(
    "name",
    ATTACKED,
)
def test_what_attacks_use_is_refused(name: str) -> None:
    """Calls that got through other sandboxes, or that have been ways out of them."""
    for machine, numbers in NUMBERS.items():
        assert execute(compiled(machine), ARCH[machine], numbers[name], [0] * 6) == EPERM
