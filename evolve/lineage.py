"""The lineage: every trial is a commit of an ordinary git repository.

Commits are written by one long-lived `git fast-import`, so a trial costs no process. Their ids are computed here, so a
parent can be named before git has stored it. What is in git follows from the journal: objects that a killed process
lost are written again, with the same ids, when the journal is replayed.

Branches: `best` follows the best program and is what the work tree shows; `lane/<name>` follows the best of each lane;
`trials` is the ledger, from which every trial is reachable; `adopted` has a commit for each decision about the program
that makes what comes next. A person may commit, edit and stage in the run: see
`evolve.checkout`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import git

from evolve.checkout import Checkout
from evolve.errors import LineageError, StorageError
from evolve.importer import IDENTITY, Importer
from evolve.journal import encode_evaluation, encode_usage
from evolve.objects import MODE_EXECUTABLE, MODE_FILE, MODE_TREE, blob_id, commit_id, tree_id
from evolve.repository import Stored, open_repository
from evolve.types import Json, Program, Trial, Usage

__all__ = ["LEDGER_EVERY", "Lineage", "commit_message", "read_object", "read_program", "trial_commit"]

LEDGER_EVERY = 50
"""Trials and events of a gate in one commit of the ledger."""

_CHECKPOINT_TRIALS = 100
_PACKS = 40
"""Packs that one `fast-import` may leave before they are put together."""

_MAX_BODY = 2000
_SCISSORS = "-" * 24 + " >8 " + "-" * 24  # git reads no trailers below such a line, and those above it instead
_EXCLUDED = "/.evolve/"


class Lineage:
    """Writes trials as commits into the repository at `path`, which is made when it is not there.

    Args:
        path: the work tree; its `.git` is beside the run's `.evolve`.
        started: seconds since the epoch; trial n is dated `started + n`.
        config: the resolved settings, kept in the ledger's tree as `config.toml`.
        hold: a file descriptor that the git process inherits; with the run's lock on it, no second session begins
            before the git process of a killed one has ended.
        on_notice: hears what a person did to branches or work tree, and what became of it.

    Raises `LineageError` when git fails or contradicts the journal, `StorageError` when the disk refuses.
    """

    def __init__(
        self,
        path: Path,
        *,
        started: int,
        config: bytes = b"",
        hold: int | None = None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path
        self.started = started
        self.config = config
        self._hold = hold
        self._ids: list[bytes] = []
        self._ledger: list[Trial] = []
        self._noted: list[tuple[int, Mapping[str, Json]]] = []
        self._ledger_tip: str | None = None
        self.budget: Mapping[str, Json] = {}
        """What the last commit of the ledger says of the budget."""
        self._decision_tip: str | None = None
        self._branches: dict[str, str] = {}
        self._pointed: set[str] = set()
        self._since_checkpoint = 0
        self._checkpoints = 0
        self._importer: Importer | None = None
        self._news = False
        """Whether something was recorded, or a branch moved, since the last checkpoint."""
        self._stored: Stored | None = None
        """What git has already, while the journal is replayed."""
        try:
            new = not (path / ".git").exists()
            self._repository = git.Repo.init(path, initial_branch="best") if new else open_repository(path)
            self._checkout = Checkout(self._repository, self._made, on_notice)
            self._configure()
            for leftover in (path / ".git" / "objects" / "pack").glob("tmp_*"):
                leftover.unlink()
            for leftover in (path / ".git").glob("fast_import_crash_*"):
                leftover.unlink()
        except git.GitError as error:
            raise LineageError(f"{path} is no usable git repository: {error}") from error
        except OSError as error:
            raise StorageError(f"cannot write to {path}: {error.strerror}") from error

    def _configure(self) -> None:
        """Settings of ours, in a new repository and in a clone."""
        with self._repository.config_writer() as config:
            # what is packed here is packed by us, and files are checked out as they were scored
            config.set_value("gc", "auto", "0")
            config.set_value("core", "autocrlf", "false")
            config.set_value("fastimport", "unpackLimit", "0")
            # git follows from the journal, which is synced; git need not be
            config.set_value("core", "fsync", "none")
            # what a branch was at, should a person commit in the moment in which the engine moves it
            config.set_value("core", "logAllRefUpdates", "true")
        exclude = self.path / ".git" / "info" / "exclude"
        exclude.parent.mkdir(exist_ok=True)
        lines = exclude.read_text().splitlines() if exclude.exists() else []
        if _EXCLUDED not in lines:
            exclude.write_text("\n".join([*lines, _EXCLUDED]) + "\n")

    def commit(self, number: int) -> str:
        """The commit id of a trial that was recorded. Raises `IndexError`."""
        return self._ids[number].hex()

    def has(self, number: int) -> bool:
        """Whether a trial of this number was recorded."""
        return 0 <= number < len(self._ids) and self._ids[number] != b""

    def record(self, trial: Trial, base: Program | None) -> str:
        """Write a trial as a commit, unless it is there already; return its id.

        Trials are recorded in the order of tell. `base` is the program of the trial's first parent.
        """
        parents = [self.commit(parent) for parent in trial.parents]
        commit = trial_commit(trial, parents, self.started)
        while len(self._ids) <= trial.number:
            self._ids.append(b"")
        self._ids[trial.number] = bytes.fromhex(commit)
        self._ledger.append(trial)
        if not self._is_there(commit):
            changes: list[bytes] = []
            if base is None:
                changes.append(b"deleteall\n")
            old = base.files if base is not None else {}
            changes += [b"D " + _quote(path) + b"\n" for path in old if path not in trial.program.files]
            changes += [
                _modify(trial.program.mode(path), path, content)
                for path, content in trial.program.files.items()
                if base is None or old.get(path) != content or base.mode(path) != trial.program.mode(path)
            ]
            self._import().commit(commit, parents, self.started + trial.number, commit_message(trial), changes)
        self._since_checkpoint += 1
        if self._since_checkpoint >= _CHECKPOINT_TRIALS:
            self.checkpoint()
        return commit

    def program(self, number: int) -> Program:
        """Read the program of a recorded trial back from git. Raises `LineageError`."""
        self.flush()
        return read_program(self._repository, self.commit(number))

    @property
    def unledgered(self) -> int:
        """How many trials were recorded, and events of a gate noted, since the last commit of the ledger."""
        return len(self._ledger) + len(self._noted)

    def ledger(self, budget: Mapping[str, Json]) -> None:
        """Commit the ledger: what was recorded since the last time, with the config and the `budget` as of now."""
        files = {
            "budget.json": _json_line(budget),
            "config.toml": self.config,
            "evaluations.jsonl": b"".join(_json_line(_ledger_line(trial)) for trial in self._ledger),
        }
        if self._noted:
            files["gate.jsonl"] = b"".join(_json_line({"after": after, **event}) for after, event in self._noted)
        numbers = [trial.number for trial in self._ledger]
        parents = [*([self._ledger_tip] if self._ledger_tip else []), *map(self.commit, numbers)]
        message = f"Ledger: {_contents(numbers, len(self._noted))}\n"
        when = self.started + max(numbers, default=len(self._ids) - 1)
        tree = tree_id({path: (MODE_FILE, blob_id(content)) for path, content in files.items()})
        commit = _commit_id(tree, parents, when, message)
        if not self._is_there(commit):
            changes = [b"deleteall\n", *(_modify(MODE_FILE, path, content) for path, content in files.items())]
            self._import().commit(commit, parents, when, message, changes)
        self._ledger_tip, self.budget = commit, budget
        self._ledger.clear()
        self._noted.clear()
        self.point("trials", commit)

    def note(self, event: Mapping[str, Json]) -> None:
        """Have the ledger keep an event of a gate, in its place among the trials."""
        self._noted.append((len(self._ledger), event))

    def adopt_first(self, number: int) -> None:
        """Have the branch `adopted` begin with a trial, before anything was decided."""
        if self._decision_tip is None:
            self._decision_tip = self.commit(number)
            self.point("adopted", self._decision_tip)

    def decide(self, number: int, program: Program, message: str, *, told: int) -> str:
        """Commit a decision about trial `number` to the branch `adopted`; return its id.

        Its tree is the `program` that is adopted from here on, its parents are the decision before, or the trial that
        `adopt_first` named, and the trial, and its date is that of trial `told`, the last one when it was made. So
        `git log --first-parent adopted` tells what was decided, and what is adopted is checked out like any branch.
        """
        parents = [*([self._decision_tip] if self._decision_tip else []), self.commit(number)]
        when = self.started + told
        commit = _commit_id(program.tree, parents, when, message)
        if not self._is_there(commit):
            files = [_modify(program.mode(path), path, content) for path, content in program.files.items()]
            self._import().commit(commit, parents, when, message, [b"deleteall\n", *files])
        self._decision_tip = commit
        self.point("adopted", commit)
        return commit

    def point(self, branch: str, commit: str) -> None:
        """Make a branch name a commit, from the next checkpoint on."""
        self._branches[branch] = commit
        self._pointed.add(commit)
        self._news = True

    def _made(self, commit: str) -> bool:
        return commit in self._pointed or bytes.fromhex(commit) in self._ids

    def checkpoint(self) -> None:
        """Have git store what was recorded and move the branches, if there is anything new. Does not wait."""
        self._since_checkpoint = 0
        if not self._news or (self._importer is None and (self._stored is not None or not self._branches)):
            return
        importer = self._import()
        if self._stored is None:  # where branches were long ago is of no interest
            for branch, commit in self._branches.items():
                self._checkout.keep(branch)
                importer.point(branch, commit)
            self._branches.clear()
        importer.checkpoint()
        self._news = bool(self._branches)
        self._checkpoints += 1
        if self._checkpoints % _PACKS == 0:
            self._consolidate()

    def flush(self) -> None:
        """A checkpoint, and wait until git has done it; then show the best program in the work tree."""
        self.checkpoint()
        if self._importer is not None:
            self._importer.wait()

    def show(self, number: int, tree: str) -> bool:
        """Make the work tree show the program of a trial, the best, which has this tree id.

        False when something that a person did is in the way; `on_notice` heard what it was.
        """
        self.flush()
        return self._checkout.show(self.commit(number), tree)

    def close(self) -> None:
        """End the git processes, with everything stored. May be called twice. Raises `LineageError`."""
        try:
            if self._branches and not (self._importer and self._importer.dead):
                self.checkpoint()
            if self._importer is not None:
                importer, self._importer = self._importer, None
                importer.close()
        finally:
            self._repository.close()

    def _import(self) -> Importer:
        if self._importer is None:
            self._importer = Importer(self._repository, self._hold)
        self._news = True
        return self._importer

    def begin_replay(self) -> None:
        """From here to `end_replay`, look first whether git has a commit already."""
        self._stored = Stored(self._repository)

    def end_replay(self) -> None:
        """What is recorded from here on is new."""
        self._stored = None
        self._repository.git.clear_cache()

    def _is_there(self, commit: str) -> bool:
        return self._stored is not None and commit in self._stored

    def _consolidate(self) -> None:
        """Put small packs together so that their number stays logarithmic in that of the trials."""
        if self._importer is not None:
            importer, self._importer = self._importer, None
            importer.close()
        try:
            # window 0: keep the deltas that fast-import made, look for no others
            self._repository.git.repack("-d", "-q", "--geometric=2", "--no-write-bitmap-index", "--window=0")
        except git.GitCommandError as error:
            raise LineageError(f"git repack failed in {self.path}: {error.stderr.strip()}") from error


def trial_commit(trial: Trial, parents: Sequence[str], started: int) -> str:
    """The id of a trial's commit, whose parents have these ids, in a run that started then."""
    return _commit_id(trial.program.tree, parents, started + trial.number, commit_message(trial))


def commit_message(trial: Trial) -> str:
    """Subject, body and trailers of a trial's commit. Nothing measured and nothing held out goes into it."""
    evaluation, usage = trial.evaluation, trial.usage
    trailers: list[tuple[str, object]] = [("Trial", trial.number), ("Status", evaluation.status)]
    if evaluation.score is not None:
        trailers.append(("Score", repr(evaluation.score)))
    trailers.append(("Operator", _one_line(trial.operator)))
    if trial.lane:
        trailers.append(("Lane", _one_line(trial.lane)))
    if trial.duplicate_of is not None:
        trailers.append(("Duplicate-Of", trial.duplicate_of))
    if usage != Usage():
        trailers += [("Calls", usage.calls), ("Tokens", usage.input_tokens + usage.output_tokens)]
        trailers.append(("Dollars", f"{usage.nanodollars // 10**9}.{usage.nanodollars % 10**9:09d}"))
    if usage.evaluations:
        trailers.append(("Evaluations", usage.evaluations))
    subject = _one_line(trial.summary)[:200] or _one_line(trial.operator)
    body = _printable(evaluation.feedback.replace("\0", "").replace("\r", "")).strip()
    if len(body) > _MAX_BODY:
        body = body[:_MAX_BODY].rstrip() + " ..."
    said = "\n\n".join([subject, *([body] if body else [])]).replace(_SCISSORS, "- >8 -")
    told = "\n".join(f"{key}: {value}" for key, value in trailers)
    return f"{said}\n\n{told}\n"


def read_program(repository: git.Repo, commit: str) -> Program:
    """The program that a commit holds. Raises `LineageError`."""
    try:
        head = read_object(repository, commit).split(b"\n", 1)[0]
        entries = dict(_walk(repository, head.removeprefix(b"tree ").decode(), ""))
        files = {path: read_object(repository, blob) for path, (_, blob) in entries.items()}
        return Program(files, frozenset(path for path, (mode, _) in entries.items() if mode == MODE_EXECUTABLE))
    except (git.GitError, ValueError) as error:
        raise LineageError(f"cannot read the program of commit {commit} in {repository.git_dir}: {error}") from error


def read_object(repository: git.Repo, name: str) -> bytes:
    """The content of an object, through git's one long-lived `cat-file`. Raises `ValueError` when it is not there."""
    return repository.git.get_object_data(name)[3]


def _walk(repository: git.Repo, tree: str, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    data = read_object(repository, tree)
    while data:
        head, _, rest = data.partition(b"\0")
        mode, name = head.decode().split(" ", 1)
        entry, data = rest[:20].hex(), rest[20:]
        if mode == MODE_TREE:
            yield from _walk(repository, entry, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", (mode, entry)


def _contents(numbers: Sequence[int], events: int) -> str:
    """What a commit of the ledger has, in words."""
    if numbers:
        return f"{len(numbers)} trials, {min(numbers)} to {max(numbers)}"
    return f"{events} events" if events else "the budget"


def _ledger_line(trial: Trial) -> dict[str, Json]:
    return {
        "number": trial.number,
        "parents": list(trial.parents),
        "operator": trial.operator,
        "summary": trial.summary,
        **({"lane": trial.lane} if trial.lane else {}),
        **({"note": dict(trial.note)} if trial.note else {}),
        **({"usage": encode_usage(trial.usage)} if trial.usage != Usage() else {}),
        **({"duplicate_of": trial.duplicate_of} if trial.duplicate_of is not None else {}),
        **encode_evaluation(trial.evaluation, measured=False),
    }


def _printable(text: str) -> str:
    """The text without what commands a terminal, hides from the eye, or is no text at all."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _commit_id(tree: str, parents: Sequence[str], when: int, message: str) -> str:
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {IDENTITY} {when} +0000", f"committer {IDENTITY} {when} +0000", "", message]
    return commit_id("\n".join(lines).encode())


def _modify(mode: str, path: str, content: bytes) -> bytes:
    return b"M %b inline %b\ndata %d\n%b\n" % (mode.encode(), _quote(path), len(content), content)


def _quote(path: str) -> bytes:
    """A path in fast-import's C style; `path_problem` keeps backslashes and line ends out of it."""
    return b'"' + path.encode().replace(b'"', b'\\"') + b'"'


def _json_line(value: Mapping[str, Json]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False).encode(errors="replace") + b"\n"
