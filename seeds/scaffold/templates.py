"""Renders the prompts in the folder `prompts`: as much of Jinja as they use, by making Python of them.

{{ value | filter }}, {% if %}, {% elif %}, {% else %}, {% for %}, {% filter %} and {% include %}.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).with_name("prompts")
TAG = re.compile(r"((?:^[ \t]*)?\{%.*?%\}\n?|\{\{.*?\}\})", re.MULTILINE | re.DOTALL)
LANGUAGES = {
    ".py": "python", ".cpp": "cpp", ".cc": "cpp", ".c": "c", ".rs": "rust", ".js": "javascript", ".ts": "typescript",
    ".go": "go", ".java": "java", ".jl": "julia", ".sql": "sql", ".cu": "cuda",
}


def render(name, values):
    """The prompt of that name."""
    out = [[]]
    scope = {**viewed(values), **FILTERS, "none": None, "out": out}
    scope["include"] = lambda file: exec(python(file), scope)
    scope["include"](f"{name}.md.j2")
    return tidy("".join(out[0]))


def python(file):
    """A template as Python text, which puts what the template says into the last list of `out`."""
    lines, depth, filters = [], 0, []
    for number, part in enumerate(TAG.split((FOLDER / file).read_text(encoding="utf-8").removesuffix("\n"))):
        # filters have names of their own: `number` is one, and a value too
        inside = re.sub(r"\|\s*(\w+)", r"| to_\1", part.strip()[2:-2].strip())
        word, _, rest = inside.partition(" ")
        if number % 2 == 0:
            line = f"out[-1].append({part!r})"
        elif part.startswith("{{"):
            line = f"out[-1].append(str({inside}))"
        elif word == "filter":
            filters.append(f"to_{rest}")
            line = "out.append([])"
        elif word == "endfilter":
            line = f"text = ''.join(out.pop()); out[-1].append(text | {filters.pop()})"
        elif word in ("endif", "endfor"):
            depth -= 1
            continue
        elif word == "include":
            line = f"include({rest})"
        else:
            depth -= word in ("elif", "else")
            lines.append("    " * depth + inside + ":")
            depth += 1
            continue
        lines.append("    " * depth + line)
    return "\n".join(lines)


class View(dict):
    """A dict whose items are attributes too."""

    def __getattr__(self, name):
        return self[name]


def viewed(value):
    """The value with a view in the place of each dict."""
    if isinstance(value, dict):
        return View((key, viewed(item)) for key, item in value.items())
    return [viewed(item) for item in value] if isinstance(value, (list, tuple)) else value


class Filter:
    """What stands behind a bar: `value | name`, or `value | name(argument)`."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __call__(self, *arguments):
        return Filter(self.function, *arguments)

    def __ror__(self, value):
        return self.function(value, *self.arguments)


def fenced(text, path=""):
    """Text of somebody else between fences that do not occur in it, so that nothing in it ends them."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    dot = path.rfind(".")
    language = LANGUAGES.get(path[dot:], "") if dot >= 0 else ""
    return "{}{}\n{}\n{}".format(ticks, language, text.strip("\n"), ticks)


def number(value):
    """A score in six digits."""
    return "nothing" if value is None else f"{value:.6g}"


def tidy(text):
    """With a blank line before a heading, and never two in a row; what is in fences stays as it is."""
    lines, ticks = [], ""
    for line in text.strip().split("\n"):
        run = re.match("`{3,}", line)
        if run and not ticks:
            ticks = run.group()
        elif line == ticks:
            ticks = ""
        if not ticks and line.startswith("#") and lines and lines[-1]:
            lines.append("")
        if ticks or line.strip() or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"


FILTERS = {
    "to_fenced": Filter(fenced),
    "to_number": Filter(number),
    "to_length": Filter(len),
    "to_join": Filter(lambda items, between="": between.join(map(str, items))),
}
