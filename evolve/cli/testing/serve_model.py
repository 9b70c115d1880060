"""`evolve testing serve-model`: the simulated model as a service."""

from __future__ import annotations

import click

__all__ = ["command"]

RATES = ("good", "bad", "malformed", "refused", "slow", "failing")


@click.command(name="serve-model")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of its random choices.")
@click.option("--latency", type=click.FloatRange(min=0), default=0.0, show_default=True, help="Seconds for an answer.")
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="KIND=SHARE",
    help=f"How many answers are of a kind: {', '.join(RATES)}. May be given several times.",
)
def command(port: int, seed: int, latency: float, rates: tuple[str, ...]) -> None:
    """Serve a simulated model over OpenAI's protocol, on this machine alone, until Ctrl-C.

    It answers prompts with random edits of the program in them. Use it with
    `evolve run TASK --model simulated --base-url http://127.0.0.1:PORT/v1 --price 0/0`.
    """
    from evolve.simulated import Rates, SimulatedModel
    from evolve.simulated_server import serve

    given = dict(_rate(text) for text in rates)
    model = SimulatedModel(rates=Rates(**given), seed=seed, seconds=latency)
    with serve(model, port) as server:
        click.echo(f"http://127.0.0.1:{server.server_port}/v1")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("", err=True)


def _rate(text: str) -> tuple[str, float]:
    kind, _, share = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if kind not in RATES or not 0 <= value <= 1:
        raise click.BadParameter(f"{text!r} is no rate: give KIND=SHARE, such as bad=0.2", param_hint="--rate")
    return kind, value
