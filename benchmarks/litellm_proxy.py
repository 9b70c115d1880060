"""A search against a server of OpenAI's protocol that nobody here wrote: the proxy of LiteLLM, with mock answers.

python benchmarks/litellm_proxy.py LITELLM

LITELLM is its command, installed with `pip install 'litellm[proxy]'` in an environment of its own. Nothing but the base
URL tells the search that it is no other service. The figures are what the search counted and what the proxy served.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import evolve

KEY = "sk-of-this-machine-alone"
CONFIG = """\
model_list:
  - model_name: some-model
    litellm_params:
      model: openai/some-model
      api_key: none
      mock_response: "Change: x\\n\\n```python\\ndef priority(item, remaining):\\n    return item - remaining\\n```\\n"
"""
TRIALS = 20
PATIENCE = 180.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Until the proxy answers. Raises `TimeoutError`."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        try:
            with urllib.request.urlopen(url, timeout=2.0):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer after {PATIENCE:g} s")


def main(command: str) -> None:
    """Start the proxy, search, print what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.yaml").write_text(CONFIG, encoding="utf-8")
        port = free_port()
        log = Path(folder, "log")
        arguments = [command, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        surroundings = {**os.environ, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with log.open("wb") as output:
            proxy = subprocess.Popen(arguments, cwd=folder, env=surroundings, stdout=output, stderr=output)
        try:
            wait_for(f"http://127.0.0.1:{port}/health/liveliness")
            os.environ["OPENAI_API_KEY"] = KEY
            run = evolve.run(
                "bin_packing",
                runs=Path(folder, "runs"),
                models=["some-model"],
                base_url=f"http://127.0.0.1:{port}/v1",
                prices=["0.25/2"],
                trials=TRIALS,
                tuning="off",
            )
        finally:
            proxy.terminate()
            proxy.wait()
        served = log.read_text(encoding="utf-8", errors="replace").count('"POST /v1/chat/completions')
        trials = run.trials
        print(f"{TRIALS} trials, {trials['calls'].sum()} calls counted, {served} served")
        print(f"{trials['output_tokens'].sum()} tokens of output, {trials['dollars'].sum():.6f} dollars")
        print(", ".join(f"{count} {status}" for status, count in trials["status"].value_counts().items()))


if __name__ == "__main__":
    main(sys.argv[1])
