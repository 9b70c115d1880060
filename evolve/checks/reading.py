"""What an evaluator's own text does with the text of a program: whether it would run it in its own process."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evolve.checks.finding import Finding
from evolve.syntax import is_python, parse
from evolve.types import Program

__all__ = ["runs_the_program"]

_RUNNERS = frozenset(
    {"exec", "eval", "compile", "__import__", "exec_module", "import_module", "run_path", "spec_from_file_location"}
    | {"run", "call", "check_call", "check_output", "Popen", "system"}
)
"""What runs text or a file. Methods of the program itself, such as `program.run`, run it where it belongs."""
_SOURCES = frozenset({"files", "read"})

_FIX = "call it through program.call, program.map or program.run, which run it in a sandbox of its own"


def runs_the_program(files: Program) -> Iterator[Finding]:
    """A finding for each place where the text of the program reaches something that runs it.

    A name holds that text when it was assigned from `program.files` or `program.read(...)`, or from what holds it, in
    the same function. So it can be fooled; whoever does that knows what they do.
    """
    for path, content in files.files.items():
        tree = parse(content) if is_python(path) else None
        for function in ast.walk(tree) if tree is not None else ():
            if isinstance(function, ast.FunctionDef) and function.args.args:
                for line in sorted(_Reader(function).lines()):
                    text = f"{path}:{line} runs text of the program itself, where the program can set its score"
                    yield Finding("error", "isolation", text, _FIX)


@dataclass
class _Reader:
    """Looks at one function, whose first parameter may be the program."""

    function: ast.FunctionDef

    def lines(self) -> set[int]:
        """Where something that runs text is given the program's."""
        self._program = self.function.args.args[0].arg
        self._held: set[str] = set()
        before = -1
        while len(self._held) != before:  # until nothing new is found to hold it
            before = len(self._held)
            for node in ast.walk(self.function):
                self._spread(node)
        return {
            node.lineno
            for node in ast.walk(self.function)
            if isinstance(node, ast.Call) and self._runs(node.func) and self._holds([*node.args, *node.keywords])
        }

    def _spread(self, node: ast.AST) -> None:
        targets: list[ast.AST] = []
        if isinstance(node, ast.Assign) and self._holds([node.value]):
            targets = [*node.targets]
        elif isinstance(node, ast.For) and self._holds([node.iter]):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and self._holds([*node.args]):
            targets = [node.func.value] * node.func.attr.startswith("write")  # the file that the text is in now
        for target in targets:
            self._held |= {inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name)} - {self._program}

    def _holds(self, nodes: list[ast.expr | ast.keyword]) -> bool:
        """Whether the text of the program is in one of these expressions."""
        for node in nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and inner.id in self._held:
                    return True
                if isinstance(inner, ast.Attribute) and inner.attr in _SOURCES and self._is_program(inner.value):
                    return True
        return False

    def _runs(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute):
            return function.attr in _RUNNERS and not self._is_program(function.value)
        return isinstance(function, ast.Name) and function.id in _RUNNERS

    def _is_program(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == self._program
