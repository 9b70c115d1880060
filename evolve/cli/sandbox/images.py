"""What the verbs about images share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evolve.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import APIClient

__all__ = ["wanted_by"]


def wanted_by(client: APIClient) -> Callable[[str], str | None]:
    """A function that says which image a task would use now; None when it is not there, or the task is not."""
    from evolve.sandboxes.images import find_image
    from evolve.task import Task

    def wanted(task: str) -> str | None:
        try:
            return find_image(client, Task.load(task).surroundings.recipe)
        except TaskError:
            return None

    return wanted
