"""What runs inside every sandbox: `python -I -u main.py candidate|evaluator SETTINGS`.

Frames come on standard input and leave on standard output; standard error is for last words. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> int:
    """Serve one session until the engine closes it or is gone."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    role, settings = sys.argv[1], json.loads(sys.argv[2])
    if role == "evaluator":
        if sys.flags.hash_randomization:
            # sets of text come in the same order in every evaluator; -I would ignore the variable, so without it
            argv = [sys.executable, "-s", "-P", "-u", __file__, *sys.argv[1:]]
            os.execve(sys.executable, argv, {**os.environ, "PYTHONHASHSEED": "0"})
        import evaluator  # noqa: PLC0415 - neither role pays for the other

        return evaluator.serve(settings)
    import supervisor  # noqa: PLC0415

    return supervisor.serve(settings)


if __name__ == "__main__":
    sys.exit(main())
