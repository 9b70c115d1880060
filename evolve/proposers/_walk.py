"""One walk over a syntax tree that finds the sites, the blocks, and what the scopes bind."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from evolve.proposers._sites import BIT_OR, CONDITIONAL, LOOSE, NOT, OR, POWER, SIGN, Block, Kind, Scope, Site
from evolve.proposers._sites import precedence as tightness
from evolve.syntax import number

__all__ = ["Walk", "is_elif"]

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_ORDERING = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_NUMERIC_CALLS = frozenset(["abs", "min", "max", "sum", "len", "round", "int", "float", "pow"])
_NUMERIC_ARGUMENTS = frozenset(["abs", "round", "int", "float", "pow"])
_NUMERIC_MODULES = frozenset(["math", "np", "numpy"])
_NUMERIC_TYPES = frozenset(["int", "float"])
_INTEGER_CALLS = frozenset(["range", "islice", "randrange", "randint", "zeros", "ones", "eye", "arange", "linspace"])
_SEEDING = frozenset(["seed", "default_rng", "Random", "RandomState", "SeedSequence", "PRNGKey", "manual_seed"])
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_NO_NUMBER = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.JoinedStr, ast.ListComp, ast.SetComp, ast.DictComp)


class Walk:
    """Walks a module. `inside` says of a statement whether all of it may change."""

    def __init__(self, tree: ast.Module, inside: Callable[[ast.stmt], bool]) -> None:
        self.sites: list[Site] = []
        self.blocks: list[Block] = []
        self.module = Scope("", None)
        self.names: set[str] = set()  # those that any scope binds
        self._inside = inside
        self._scope = self.module
        self._line = 0
        self._open = False  # whether the statement that is being walked may change
        self._integer = False  # whether the expression that is being walked must be an integer
        self._function = False
        self._assigned: list[tuple[Site, str, Scope]] = []
        self._named: dict[int, str] = {}
        self._block(tree.body, self.module, function=False)
        for site, name, scope in self._assigned:
            site.integer = site.integer or name in scope.integers
        for site in self.sites:
            site.name = self._named.get(id(site.node), "")

    # statements

    def _block(self, statements: list[ast.stmt], scope: Scope, *, function: bool) -> None:
        outer = self._scope, self._function, self._open
        self._scope, self._function = scope, function
        free = statements if self._open else [statement for statement in statements if self._inside(statement)]
        # what follows a `return` is never run, so that to edit it would be to waste a trial
        end = next((at for at, statement in enumerate(free, 1) if isinstance(statement, _LEAVING)), len(free))
        if free:
            complete = len(free) == len(statements)
            self.blocks.append(Block(free[:end], free[end:], scope, function, complete))
        inside = set(map(id, free[:end]))
        for statement in statements:
            self._open = id(statement) in inside
            self._line = statement.lineno
            _STATEMENTS.get(statement.__class__, Walk.other)(self, statement)
        self._scope, self._function, self._open = outer

    def other(self, node: ast.AST) -> None:
        """A node without a rule of its own: its expressions are walked, and are no sites themselves."""
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._block(value, self._scope, function=self._function)
                continue
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.expr):
                    self._expression(child)
                elif isinstance(child, ast.AST):
                    self.other(child)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name)
        scope = self._parameters(node.name, node.args)
        self._block(node.body, scope, function=True)

    def _parameters(self, name: str, arguments: ast.arguments) -> Scope:
        outer = self._scope.outer if self._scope.of_class else self._scope
        scope = Scope(name or self._scope.name, outer)
        positional = [*arguments.posonlyargs, *arguments.args]
        for argument in [*positional, *arguments.kwonlyargs]:
            scope.bound[argument.arg] = 0
            self.names.add(argument.arg)
            if isinstance(argument.annotation, ast.Name) and argument.annotation.id in _NUMERIC_TYPES:
                scope.numbers.add(argument.arg)
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                scope.bound[extra.arg] = 0
                self.names.add(extra.arg)
        pairs = [
            *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if default is not None and self._site(default, CONDITIONAL, whole=True) is Kind.NUMBER:
                scope.numbers.add(argument.arg)
                self._assigns(default, argument.arg, scope)
        return scope

    def class_(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self._block(node.body, Scope(node.name, self._scope, of_class=True), function=False)

    def import_(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def return_(self, node: ast.Return) -> None:
        if node.value is not None:
            self._site(node.value, CONDITIONAL, whole=True)

    def assign(self, node: ast.Assign) -> None:
        kind = self._site(node.value, CONDITIONAL, whole=True)
        for target in node.targets:
            self._target(target, kind)
            if isinstance(target, ast.Name):
                self._assigns(node.value, target.id, self._scope)
            elif isinstance(target, ast.Attribute):
                self._name(node.value, target.attr)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for name, value in zip(target.elts, node.value.elts, strict=False):
                    if isinstance(name, ast.Name):
                        self._name(value, name.id)

    def annotated(self, node: ast.AnnAssign) -> None:
        kind = Kind.UNKNOWN
        if node.value is not None:
            kind = self._site(node.value, CONDITIONAL, whole=True)
            if isinstance(node.target, ast.Name):
                self._assigns(node.value, node.target.id, self._scope)
        if isinstance(node.annotation, ast.Name) and node.annotation.id in _NUMERIC_TYPES:
            kind = Kind.NUMBER
        self._target(node.target, kind)

    def augmented(self, node: ast.AugAssign) -> None:
        arithmetic = isinstance(node.op, _ARITHMETIC) and not _no_number(node.value)
        kind = self._site(node.value, CONDITIONAL, Kind.NUMBER if arithmetic else Kind.UNKNOWN)
        self._target(node.target, kind)

    def for_(self, node: ast.For | ast.AsyncFor) -> None:
        self._expression(node.iter)
        self._loop(node.target, node.iter)
        self._block(node.body, self._scope, function=self._function)
        self._block(node.orelse, self._scope, function=self._function)

    def test(self, node: ast.While | ast.If) -> None:
        self._site(node.test, CONDITIONAL, Kind.TRUTH)
        self._block(node.body, self._scope, function=self._function)
        last = node.orelse[0] if len(node.orelse) == 1 else None
        if isinstance(last, ast.If) and is_elif(node, last):
            self._line = last.lineno
            self.test(last)
        else:
            self._block(node.orelse, self._scope, function=self._function)

    def _loop(self, target: ast.expr, source: ast.expr) -> None:
        """What a loop binds; counters are numbers."""
        name = source.func.id if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) else ""
        if name == "enumerate" and isinstance(target, ast.Tuple) and target.elts:
            self._target(target.elts[0], Kind.NUMBER)
        self._target(target, Kind.NUMBER if name == "range" else Kind.UNKNOWN)

    def _target(self, node: ast.expr, kind: Kind) -> None:
        if isinstance(node, ast.Name):
            self._bind(node.id)
            if kind is Kind.NUMBER:
                self._scope.numbers.add(node.id)
        elif isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                self._target(element, Kind.UNKNOWN)
        elif isinstance(node, ast.Starred):
            self._target(node.value, Kind.OTHER)
        else:
            self._expression(node)

    def _bind(self, name: str) -> None:
        self._scope.bound.setdefault(name, self._line)
        self.names.add(name)

    def _assigns(self, value: ast.expr, name: str, scope: Scope) -> None:
        """Remember a name that a site is assigned to: whether it must stay an integer shows later."""
        self._name(value, name)
        if self._open and self.sites and self.sites[-1].node is value:
            self._assigned.append((self.sites[-1], name, scope))

    def _name(self, value: ast.expr, name: str) -> None:
        for node in value.elts if isinstance(value, ast.Tuple | ast.List) else (value,):
            self._named[id(node)] = name

    # expressions

    def _site(
        self, node: ast.expr, need: int, role: Kind = Kind.UNKNOWN, *, integer: bool = False, whole: bool = False
    ) -> Kind:
        """Note an expression that may be replaced, where a value of kind `role` is expected. Gives its kind."""
        outer, self._integer = self._integer, integer
        kind = self._expression(node) or role
        self._integer = outer
        if isinstance(node, ast.Name) and (kind is Kind.NUMBER or integer):
            owner = self._scope.find(node.id, self._line + 1)
            if owner is not None:
                (owner.integers if integer else owner.numbers).add(node.id)
                if kind is Kind.NUMBER:
                    owner.numbers.add(node.id)
        if self._open and not isinstance(node, LOOSE):
            self.sites.append(Site(node, kind, need, self._scope, self._line, integer, whole))
        return kind

    def _expression(self, node: ast.expr) -> Kind:
        """Walk the parts of an expression; its kind as far as its own form tells."""
        handler = _EXPRESSIONS.get(node.__class__)
        if handler is not None:
            return handler(self, node)
        self.other(node)
        return Kind.OTHER

    def name(self, _: ast.Name) -> Kind:
        return Kind.UNKNOWN

    def constant(self, node: ast.Constant) -> Kind:
        if isinstance(node.value, bool):
            return Kind.TRUTH
        return Kind.NUMBER if isinstance(node.value, int | float) else Kind.OTHER

    def binary(self, node: ast.BinOp) -> Kind:
        own = tightness(node)
        left, right = (own + 1, SIGN) if own == POWER else (own, own + 1)
        numeric = isinstance(node.op, _ARITHMETIC) and not (_no_number(node.left) or _no_number(node.right))
        role = Kind.NUMBER if numeric else Kind.UNKNOWN
        # `n * [0]` repeats a list
        integer = (self._integer and not isinstance(node.op, ast.Div)) or (
            not numeric and isinstance(node.op, ast.Mult)
        )
        first = self._site(node.left, left, role, integer=integer)
        # a fraction as exponent makes a complex number of a negative base
        fixed = own == POWER and isinstance(node.right, ast.Constant) and isinstance(node.right.value, int)
        kinds = first, self._site(node.right, right, role, integer=integer or fixed)
        return Kind.NUMBER if numeric and Kind.OTHER not in kinds else Kind.OTHER

    def unary(self, node: ast.UnaryOp) -> Kind:
        if isinstance(node.op, ast.Not):
            self._site(node.operand, NOT, Kind.TRUTH)
            return Kind.TRUTH
        if number(node):
            return Kind.NUMBER  # a literal and its signs are one site
        self._site(node.operand, SIGN, Kind.NUMBER, integer=self._integer)
        return Kind.NUMBER

    def compare(self, node: ast.Compare) -> Kind:
        numeric = all(isinstance(op, _ORDERING) for op in node.ops)
        for part in (node.left, *node.comparators):
            self._site(part, BIT_OR, Kind.NUMBER if numeric else Kind.UNKNOWN)
        return Kind.TRUTH

    def boolean(self, node: ast.BoolOp) -> Kind:
        for part in node.values:
            self._site(part, tightness(node) + 1, Kind.TRUTH)
        return Kind.TRUTH

    def conditional(self, node: ast.IfExp) -> Kind:
        integer = self._integer
        self._site(node.test, OR, Kind.TRUTH)
        kinds = self._site(node.body, OR, integer=integer), self._site(node.orelse, CONDITIONAL, integer=integer)
        return kinds[0] or kinds[1]

    def call(self, node: ast.Call) -> Kind:
        name, numeric, role = "", False, Kind.UNKNOWN
        if isinstance(node.func, ast.Name):
            name = node.func.id
            numeric = name in _NUMERIC_CALLS
            if name in _NUMERIC_ARGUMENTS or (name in {"min", "max"} and len(node.args) > 1):
                role = Kind.NUMBER
        elif isinstance(node.func, ast.Attribute):
            name = node.func.attr
            numeric = isinstance(node.func.value, ast.Name) and node.func.value.id in _NUMERIC_MODULES
            role = Kind.NUMBER if numeric and node.func.value.id == "math" else role  # type: ignore[attr-defined]
        self._integer = self._integer and name in {"min", "max", "abs"}
        self._expression(node.func)
        inherited = self._integer
        for at, argument in enumerate(node.args):
            integer = inherited or name in _INTEGER_CALLS or (name == "round" and at == 1)
            if name in _SEEDING:
                self._name(argument, "seed")
            if isinstance(argument, ast.Starred):
                self._expression(argument.value)
            else:
                self._site(argument, CONDITIONAL, Kind.NUMBER if integer else role, integer=integer)
        for keyword in node.keywords:
            self._name(keyword.value, keyword.arg or "")
            self._site(keyword.value, CONDITIONAL)
        return Kind.NUMBER if numeric else Kind.UNKNOWN

    def attribute(self, node: ast.Attribute) -> Kind:
        self._expression(node.value)
        return Kind.UNKNOWN

    def subscript(self, node: ast.Subscript) -> Kind:
        self._expression(node.value)
        if not isinstance(node.slice, ast.Slice):
            self._site(node.slice, CONDITIONAL, integer=True)
            return Kind.UNKNOWN
        for part in (node.slice.lower, node.slice.upper, node.slice.step):
            if part is not None:
                self._site(part, CONDITIONAL, Kind.NUMBER, integer=True)
        return Kind.OTHER

    def sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Kind:
        for element in node.elts:
            if isinstance(element, ast.Starred):
                self._expression(element.value)
            else:
                self._site(element, CONDITIONAL)
        return Kind.OTHER

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Kind:
        outer, line = self._scope, self._line
        self._scope = Scope(outer.name, outer)
        for generator in node.generators:
            self._expression(generator.iter)
            self._line = 0
            self._loop(generator.target, generator.iter)
            self._line = line
            for test in generator.ifs:
                self._site(test, OR, Kind.TRUTH)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self._site(part, CONDITIONAL)
        self._scope = outer
        return Kind.OTHER

    def lambda_(self, node: ast.Lambda) -> Kind:
        outer = self._scope
        self._scope = self._parameters("", node.args)
        self._site(node.body, CONDITIONAL)
        self._scope = outer
        return Kind.OTHER

    def formatted(self, _: ast.JoinedStr) -> Kind:
        return Kind.OTHER  # its parts have no true places before Python 3.12

    def walrus(self, node: ast.NamedExpr) -> Kind:
        kind = self._site(node.value, CONDITIONAL)
        self._target(node.target, kind)
        return kind


def is_elif(outer: ast.stmt, inner: ast.stmt) -> bool:
    """Whether the `if` in the `else` of another one is written `elif`: then it is no statement of its own."""
    return isinstance(outer, ast.If) and isinstance(inner, ast.If) and inner.col_offset == outer.col_offset


def _no_number(node: ast.expr) -> bool:
    """Whether an operand is by its form no number, so that `+` or `*` is no arithmetic."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, int | float)
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice)
    return isinstance(node, _NO_NUMBER)


_STATEMENTS: dict[type[ast.AST], Callable[[Walk, Any], None]] = {
    ast.FunctionDef: Walk.define,
    ast.AsyncFunctionDef: Walk.define,
    ast.ClassDef: Walk.class_,
    ast.Import: Walk.import_,
    ast.ImportFrom: Walk.import_,
    ast.Return: Walk.return_,
    ast.Assign: Walk.assign,
    ast.AnnAssign: Walk.annotated,
    ast.AugAssign: Walk.augmented,
    ast.For: Walk.for_,
    ast.AsyncFor: Walk.for_,
    ast.While: Walk.test,
    ast.If: Walk.test,
}
_EXPRESSIONS: dict[type[ast.AST], Callable[[Walk, Any], Kind]] = {
    ast.Name: Walk.name,
    ast.Constant: Walk.constant,
    ast.BinOp: Walk.binary,
    ast.UnaryOp: Walk.unary,
    ast.Compare: Walk.compare,
    ast.BoolOp: Walk.boolean,
    ast.IfExp: Walk.conditional,
    ast.Call: Walk.call,
    ast.Attribute: Walk.attribute,
    ast.Subscript: Walk.subscript,
    ast.List: Walk.sequence,
    ast.Tuple: Walk.sequence,
    ast.Set: Walk.sequence,
    ast.ListComp: Walk.comprehension,
    ast.SetComp: Walk.comprehension,
    ast.GeneratorExp: Walk.comprehension,
    ast.DictComp: Walk.comprehension,
    ast.Lambda: Walk.lambda_,
    ast.JoinedStr: Walk.formatted,
    ast.NamedExpr: Walk.walrus,
}
