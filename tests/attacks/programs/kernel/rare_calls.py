"""Makes system calls that no program has an honest use for, where most holes of kernels are found."""

from typing import Any


def attack(world: Any) -> list[str]:
    """With arguments that do nothing, should one of them be let through."""
    found = []
    calls: dict[str, tuple[Any, ...]] = {
        "bpf": (0, None, 0),
        "perf_event_open": (None, 0, -1, -1, 0),
        "keyctl": (0, -3, 0, 0, 0),
        "add_key": (None, None, None, 0, 0),
        "request_key": (None, None, None, 0),
        "ptrace": (-1, 0, 0, 0),
        "kcmp": (0, 0, 0, 0, 0),
        "process_madvise": (-1, None, 0, 0, 0),
        "vmsplice": (-1, None, 0, 0),
        "modify_ldt": (99, None, 0),
        "acct": (b"/none",),
        "init_module": (None, 0, None),
        "finit_module": (-1, None, 0),
        "delete_module": (b"none", 0),
        "kexec_load": (0, 99, None, -1),
        "iopl": (4,),
        "ioperm": (-1, -1, 4),
        "sethostname": (b"x", -1),
        "setdomainname": (b"x", -1),
        "vhangup": (),
        "fanotify_init": (-1, 0),
        "lookup_dcookie": (0, None, 0),
        "move_pages": (-1, 0, None, None, None, 0),
        "migrate_pages": (-1, 0, None, None),
        "memfd_secret": (-1,),
        "pidfd_getfd": (-1, -1, 0),
        "shmget": (0, 0, 0),
        "semget": (0, -1, 0),
        "msgget": (-1, 0),
        "mq_open": (None, 0, 0, None),
    }
    for name, arguments in calls.items():
        if name != "vhangup":  # without arguments, so there is no harmless way to try it
            found += world.reached(name, *arguments)
    return found
