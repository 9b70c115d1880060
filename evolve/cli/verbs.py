"""A group of verbs, each in the module of its name, which is imported when the verb is used."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

__all__ = ["Verbs"]


class Verbs(click.Group):
    """Finds a verb in the module of its name in `package`. `verbs` are the names, in order, and what help says."""

    def __init__(self, *arguments: Any, package: str, verbs: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._package, self._verbs = package, verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._verbs:
            return None
        found = import_module(f"{self._package}.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a verb that there is not is wrong usage, with the one that may have been meant."""
        if not ctx.resilient_parsing and args[0] not in self._verbs and not args[0].startswith("-"):
            close = get_close_matches(args[0], self._verbs, n=1)
            ctx.fail(
                f"there is no verb {args[0]!r}; "
                + (f"did you mean {close[0]!r}?" if close else f"there are {', '.join(self._verbs)}")
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*self._verbs.items()])
