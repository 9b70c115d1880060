"""The way to the models: OpenAI's chat completions, in HTTP, over a Unix socket.

Whoever listens there holds the key, counts every call against a lease, and says no when that is used up. What a program
would score can be asked there, too, a few times.
"""

from __future__ import annotations

import http.client
import json
import os
import socket


class NoAnswer(Exception):
    """The gateway said no, or the model did."""


class Connection(http.client.HTTPConnection):
    """HTTP over the socket at a path."""

    def __init__(self, path):
        super().__init__("gateway")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def post(path, document):
    """What whoever listens answers. Raises `NoAnswer` when that is no."""
    connection = Connection(os.environ["EVOLVE_GATEWAY"])
    try:
        connection.request("POST", path, json.dumps(document).encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise NoAnswer(f"the gateway answered {response.status}: {content[:500].decode(errors='replace')}")
    return json.loads(content)


def evaluate(files):
    """What the parent would score with these files, in the form that `propose` returns: a dict with `score`, None when
    there is none, `status`, `metrics`, `instances` and `feedback`. Raises `NoAnswer` for files that cannot be proposed,
    and when the `context["evaluations"]` that there are have been used up."""
    return post("/v1/evaluations", {"files": files})


def asker(context):
    """A function of messages, pairs of role and text, that gives a model's answer; of several models one is drawn."""

    def ask(messages, dice):
        request = {
            "model": dice.choice(context["models"]),
            "messages": [{"role": role, "content": text} for role, text in messages],
            "max_tokens": context["max_tokens"],
        }
        choice = post("/v1/chat/completions", request)["choices"][0]
        if choice["finish_reason"] == "length":
            raise NoAnswer("the answer was cut at its limit of tokens")
        if not choice["message"].get("content"):
            raise NoAnswer("the model refused to answer")
        return choice["message"]["content"]

    return ask
