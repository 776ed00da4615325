"""How source is mutated: one small change to one function's tree, with a name that does not move with lines."""

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
    ast.Div: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_KEEPS = {"Event", "Point", "Interlock"}
"Calls whose keywords are text for people. `strict` of a zip is left alone, too: it says what is so anyway."
Edit = Callable[[ast.AST], ast.AST]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change."""

    module: str
    name: str
    "Function, what stood there, what stands there now."
    function: str
    lines: range
    "Of the statement that is changed."
    code: CodeType
    "The whole module, changed."


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _expressions(node: ast.AST) -> Iterator[ast.AST]:
    """What an expression could be instead."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            yield _changed(node, ops=[_COMPARISONS[type(operator)]()])
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield _changed(node, op=_OPERATORS[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Call():
            yield from _calls(node)


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name = ast.unparse(node.func).rpartition(".")[2]
    if name in _CALLS:
        yield _changed(node, func=ast.Name(_CALLS[name], ast.Load()))
    if name in _KEEPS:
        return
    for place, keyword in enumerate(node.keywords):
        if keyword.arg not in {None, "strict"}:
            yield _changed(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """What a statement could be instead."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Continue():
            yield ast.Pass()
        case ast.Return(value=ast.Constant(value=False | None)):
            pass  # None is as false as that
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.If(orelse=[]):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Name(id=name)]) if node.lineno and _is_again(node, name):
            yield ast.Pass()


def _is_again(node: ast.Assign, name: str) -> bool:
    """Whether the name is made from what it was: without the statement, that stays."""
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node.value))


def mutants(module: str, path: str, source: str) -> Iterator[Mutant]:
    """Every change of a module's functions; tables, signatures and annotations are left alone."""
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for function in _functions(tree):
        for holder, field, place, node, lines in _places(function):
            for new in (*_expressions(node), *_statements(node)):
                name = f"{module} {function.name}: {_short(node)} => {_short(new)}"
                seen[name] += 1
                number = f" #{seen[name]}" if seen[name] > 1 else ""
                ast.copy_location(new, node)
                _put(holder, field, place, new)
                code = compile(ast.fix_missing_locations(tree), path, "exec")
                yield Mutant(module, name + number, function.name, lines, code)
                _put(holder, field, place, node)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    inner = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for part in ast.walk(node)
        if isinstance(part, ast.FunctionDef) and part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node not in inner:
            yield node


_Place = tuple[ast.AST, str, int, ast.AST, range]


def _places(function: ast.FunctionDef) -> Iterator[_Place]:
    """Each node of a function's body with where it hangs (its holder, the field, the place in a list) and its lines."""
    waiting: list[_Place] = [
        (function, "body", place, node, _lines(node)) for place, node in enumerate(function.body)
    ]
    while waiting:
        holder, field, place, node, lines = waiting.pop(0)
        yield holder, field, place, node, lines
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_comment", "args"} and not isinstance(
                node, ast.Call
            ):
                continue
            for at, part in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(part, ast.keyword) and part.arg == "strict":
                    continue
                if isinstance(part, ast.AST):
                    its = _lines(part) if isinstance(part, ast.stmt) else lines
                    waiting.append((node, name, at if isinstance(value, list) else -1, part, its))


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _put(holder: ast.AST, field: str, place: int, node: ast.AST) -> None:
    if place < 0:
        setattr(holder, field, node)
    else:
        getattr(holder, field)[place] = node


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"
