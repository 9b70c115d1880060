"""User ids in a session that has more than one: the harness's, the zygote's, and another one for each candidate.

The session's first process starts as root of its container, with four capabilities (capabilities(7)). It gives up root
at once, for an id of nobody's, and keeps three: KILL, for candidates that shall end, and SETUID and SETGID, with which
it takes a candidate's id for as long as it fills and empties the folders of that one. So it needs no power over files.
The zygote has SETUID and SETGID, for its forks; they give up both before they read a byte. SETPCAP only serves to empty
the bounding set, so that no program can ever bring a capability back, and goes with root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Collection, Iterator

import proc

_KILL, _SETGID, _SETUID, _SETPCAP = 5, 6, 7, 8
_SET_PDEATHSIG, _GET_PDEATHSIG, _SET_DUMPABLE, _KEEPCAPS, _BOUNDING_DROP, _NO_NEW_PRIVILEGES = 1, 2, 4, 8, 24, 38
_AMBIENT, _AMBIENT_RAISE, _AMBIENT_CLEAR = 47, 2, 4
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_NOBODYS = range(1_900_000_000, 2_100_000_000)  # above what systemd and containers give out, below 2**31
_OVERFLOW = 65_534  # what the kernel shows for ids that it cannot name here
_FEWEST = 1000
_NONE = 2**32 - 1  # an id that nobody can have
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
for _set in (_libc.setfsuid, _libc.setfsgid):
    _set.argtypes = [ctypes.c_uint32]
    _set.restype = ctypes.c_uint32


class Users:
    """Makes this process the first of a session with many users. `own` and `zygote` are ids, and so is `candidate`:
    of the one whose turn it is, since `another` was asked for.

    Raises `OSError` when there are not enough ids, or when a capability is missing.
    """

    def __init__(self) -> None:
        self._death = _death_signal()
        self._ids = spare_ids(_ranges("uid_map"), _ranges("gid_map"))
        self._next = int.from_bytes(os.urandom(8), "big") % len(self._ids)
        self.own, self.zygote = self._another(), self._another()
        self.candidate = self.own
        _leave_root(self.own)
        self._still_ours()

    def another(self) -> int:
        """An id that no candidate of this session has had; or the one that was longest ago, when all have."""
        self.candidate = self._another()
        while self.candidate in {self.own, self.zygote}:
            self.candidate = self._another()
        return self.candidate

    def _another(self) -> int:
        self._next = (self._next + 1) % len(self._ids)
        return self._ids[self._next]

    @contextlib.contextmanager
    def as_candidate(self) -> Iterator[None]:
        """Make, see and remove files, those of /proc included, as the candidate does.

        That is setfsuid(2), which is about files alone: nothing that runs as the candidate can reach us meanwhile.
        """
        self._files_of(self.candidate)
        try:
            yield
        finally:
            self._files_of(self.own)

    def _files_of(self, user: int) -> None:
        _libc.setfsgid(user)
        _libc.setfsuid(user)
        if (_libc.setfsuid(_NONE), _libc.setfsgid(_NONE)) != (user, user):  # they report what was, and no errors
            raise PermissionError(f"the files of user {user} cannot be made")
        self._still_ours()

    def running(self) -> list[int]:
        """Every process of the candidate, wherever it hangs in the tree."""
        return [pid for pid in proc.processes() if pid > 1 and self._is_its(pid)]

    def _is_its(self, pid: int) -> bool:
        try:
            lines = proc.lines(f"/proc/{pid}/status")
        except OSError:
            return False  # it ended meanwhile
        ids = next((line.split()[1:] for line in lines if line.startswith(b"Uid:")), [])
        return str(self.candidate).encode() in ids

    def kill_all(self) -> None:
        """Kill every process of the candidate at one moment of the kernel's, however fast it forks.

        That is kill(2) of -1 by a process that may reach no others: its effective id is the candidate's, its real one
        ours, so that the candidate cannot kill it in its turn.
        """
        pid = os.fork()
        if pid == 0:
            try:
                os.setresuid(-1, self.candidate, -1)
                _set_capabilities(())
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)

    def become_zygote(self) -> None:
        """In a fork, before it executes the zygote: take its id, and keep what its own forks need."""
        _take(self.zygote)
        kept = (_SETUID, _SETGID)
        _set_capabilities(kept, inheritable=kept)
        for capability in kept:
            _prctl(_AMBIENT, _AMBIENT_RAISE, capability)

    def _still_ours(self) -> None:
        """The kernel forgets at each change of user with whom we shall die."""
        if self._death:
            _prctl(_SET_PDEATHSIG, self._death)


def become(user: int) -> None:
    """In a fork: take this id for good, give up everything else, and make sure. Raises `OSError` when it did not work.

    Whatever was to happen at the parent's death is forgotten by that.
    """
    _take(user)
    _prctl(_AMBIENT, _AMBIENT_CLEAR)
    _set_capabilities(())
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _prctl(_SET_DUMPABLE, 1)  # its own to look at, as for any process
    problems = differences(user)
    if problems:
        raise PermissionError(f"a candidate's process is not what it should be: {', '.join(problems)}")


def differences(user: int) -> list[str]:
    """In what this process is more than one of that user without any privilege, as the kernel tells it (proc(5))."""
    lines = [line.decode(errors="replace") for line in proc.lines("/proc/self/status")]
    told = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    wanted = {"Uid": [str(user)] * 4, "Gid": [str(user)] * 4, "Groups": [], "NoNewPrivs": ["1"]}
    wanted |= {f"Cap{name}": ["0" * 16] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
    return [f"{name} is {' '.join(told.get(name, []))}" for name, value in wanted.items() if told.get(name) != value]


def spare_ids(users: Collection[range], groups: Collection[range]) -> range:
    """Ids that the kernel knows here, of users and of groups, and that nobody is likely to have.

    Raises `OSError` when there are fewer than 1,000: an engine that is run by an ordinary user gets them from
    /etc/subuid and /etc/subgid.
    """
    best = range(0)
    for one in users:
        for other in groups:
            both = range(max(one.start, other.start), min(one.stop, other.stop))
            best = max(best, both, key=len)
    if best.start <= _NOBODYS.start and best.stop >= _NOBODYS.stop:
        return _NOBODYS
    upper = range(max(best.start + len(best) // 2, 1), best.stop)
    if _OVERFLOW in upper:
        upper = max(range(upper.start, _OVERFLOW), range(_OVERFLOW + 2, upper.stop), key=len)
    if len(upper) < _FEWEST:
        raise OSError(
            f"candidates need user ids of their own, and here are {len(upper)} to spare: give the user who runs the "
            "engine 65536 of them in /etc/subuid and /etc/subgid"
        )
    return upper


def _ranges(name: str) -> list[range]:
    with open(f"/proc/self/{name}", encoding="ascii") as file:
        lines = [[int(word) for word in line.split()] for line in file]
    return [range(first, first + count) for first, _, count in lines]


def _leave_root(user: int) -> None:
    kept = (_KILL, _SETUID, _SETGID)
    # before the bounding set is empty, since nothing can be inherited that is not in it
    _set_capabilities((*kept, _SETPCAP), inheritable=(_SETUID, _SETGID))
    capability = 0
    while _libc.prctl(_BOUNDING_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    _prctl(_KEEPCAPS, 1)
    _take(user)
    _set_capabilities(kept, inheritable=(_SETUID, _SETGID))
    _prctl(_NO_NEW_PRIVILEGES, 1)


def _take(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _set_capabilities(kept: Collection[int], inheritable: Collection[int] = ()) -> None:
    """capset(2): what is permitted is effective as well."""
    bits, inherited = (sum(1 << capability for capability in each) for each in (kept, inheritable))
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, inherited, 0, 0, 0)  # effective, permitted, inheritable; all below 32
    if _libc.capset(ctypes.byref(header), ctypes.byref(data)):
        raise _error("capset")


def _death_signal() -> int:
    number = ctypes.c_int(0)
    _libc.prctl(_GET_PDEATHSIG, ctypes.addressof(number), 0, 0, 0)
    return number.value


def _prctl(option: int, first: int, second: int = 0) -> None:
    if _libc.prctl(option, first, second, 0, 0):
        raise _error(f"prctl {option}")


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
