"""In a candidate's process: imports the user's evaluator and calls its functions. Nothing from here is believed."""

import asyncio
import importlib.util
import inspect
import os
import sys
from collections.abc import Mapping

from evolve_form import place

_NAME = "evaluation_module"  # as evaluators find themselves in sys.modules
_STAGES = ("evaluate", "evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
_DEEP = 20
_LONG = 10_000  # characters of what something looks like that is no data


def prepare(entry, seed):
    """Import the evaluator, once; which functions it has."""
    module = sys.modules.get(_NAME)
    if module is None:
        place.enter()
        module = _imported(os.path.join(place.FOLDER, entry))
    place.seed(seed)
    return [name for name in _STAGES if callable(getattr(module, name, None))]


def stage(function, name, wanted, last):
    """What `function` says of the program. An exception is told of in one word, and goes on its way when it was the
    `last` attempt."""
    try:
        result = getattr(sys.modules[_NAME], function)(place.program(name, wanted))
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
    except Exception:
        if last:
            raise
        return {"raised": True}
    metrics = getattr(result, "metrics", result)
    if not isinstance(metrics, Mapping):
        return {"wrong": _shown(result)}
    artifacts = getattr(result, "artifacts", None)
    return {"metrics": _plain(metrics, _DEEP), "artifacts": _plain(artifacts or {}, _DEEP)}


def _imported(path):
    spec = importlib.util.spec_from_file_location(_NAME, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[_NAME]
        raise
    return module


async def _awaited(result):
    return await result


def _plain(value, deep):
    """The value as data that can cross; what is none becomes the text that it is shown as."""
    if hasattr(value, "tolist"):  # arrays and numbers of numpy and the like
        value = value.tolist()
    if value is None or isinstance(value, bool | str | bytes | float):
        return value
    if isinstance(value, int) and value.bit_length() < 64:
        return value
    if deep and isinstance(value, Mapping):
        return {str(key): _plain(item, deep - 1) for key, item in value.items()}
    if deep and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, deep - 1) for item in value]
    return _shown(value)


def _shown(value):
    try:
        return repr(value)[:_LONG]
    except Exception:  # noqa: BLE001 - the code of whoever made the object
        return f"an object of type {type(value).__name__!r}"
