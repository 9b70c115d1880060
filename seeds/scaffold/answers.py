"""From a model's answer to changed files: SEARCH/REPLACE blocks, or code in fences."""

from __future__ import annotations

import ast
import re

BLOCK = re.compile(r"^<<<<<<< SEARCH\n(.*?)^=======\n(.*?)^>>>>>>> REPLACE", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^(`{3,})[\w+-]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"


class Refused(Exception):
    """An answer that is no change of the program; the text says to the model what to do about it."""


def applied(answer, files):
    """The files that the answer changes, path -> text, of those that may change. Raises `Refused`."""
    answer = answer.replace("\r\n", "\n")
    changed = dict(files)
    blocks = list(BLOCK.finditer(answer))
    for block in blocks:
        search, replace = block.groups()
        path = named(answer, block.start(), files) or holding(search, changed)
        if changed[path].count(search) != 1 or not search.strip():
            first = next(iter(search.split("\n"))).strip()
            raise Refused(f"the lines under SEARCH that begin with {first!r} have to be in {path} once")
        changed[path] = changed[path].replace(search, replace)
    for fence in FENCE.finditer(answer) if not blocks else ():
        path = named(answer, fence.start(), files)
        if path or len(files) == 1:
            path = path or next(iter(files))
            changed[path] = rewritten(changed[path], fence[2], path)
    found = {path: text for path, text in changed.items() if text != files[path]}
    if not found:
        raise Refused("there is no change in it, or it does not say which file: give it in the form that was asked for")
    for path, text in found.items():
        if path.endswith(".py"):
            checked(text, path)
    return found


def named(answer, at, files):
    """The file whose path stands in the last line before a place in the answer."""
    lines = answer[:at].rstrip().rsplit("\n", 1)
    return next((path for path in sorted(files, key=len, reverse=True) if path in lines[-1]), None)


def holding(search, files):
    """The file that has these lines. Raises `Refused` when there is not just one."""
    found = [path for path, text in files.items() if search in text]
    if len(found) != 1:
        raise Refused("the lines under SEARCH have to be in one file once: copy them exactly, with their indentation")
    return found[0]


def rewritten(text, code, path):
    """A file with what stood in a fence: all of it, all between its markers, or some of its functions."""
    if START in code or (START not in text and not path.endswith(".py")):
        return code
    if path.endswith(".py"):
        new, old = functions(code, path), functions(text, path)
        if new and new.keys() < old.keys():
            for name in sorted(new, key=lambda name: old[name], reverse=True):
                (low, high), (first, last) = old[name], new[name]
                lines = text.split("\n")
                text = "\n".join([*lines[:low], *code.split("\n")[first:last], *lines[high:]])
            return text
    if START not in text:
        return code
    head, tail = text.index("\n", text.index(START)) + 1, text.rindex("\n", 0, text.index(END)) + 1
    return text[:head] + code + text[tail:]


def functions(text, path):
    """The functions and classes of a Python text, by name: the first line, and the one after the last."""
    found = [node for node in checked(text, path).body if hasattr(node, "name")]
    return {node.name: (min([node, *node.decorator_list], key=start).lineno - 1, node.end_lineno) for node in found}


def start(node):
    """Where it begins."""
    return node.lineno


def checked(text, path):
    """Python text as a tree. Raises `Refused`."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise Refused(f"{path} would be no valid Python any more: {error}") from None
