"""Runs hub configuration files in the hub's own Python and prints what they configured; no test imports this.

Arguments: a JSON file with jobs. A job names a folder that holds ``jupyterhub_config.py`` and ``z2jh.py`` and stands in
for ``/usr/local/etc/jupyterhub``, and gives the environment variables that Kubernetes would set. The libraries
are imported once; each job runs in a fork of its own, so that nothing leaks from one to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import kubernetes_asyncio.client
import kubespawner.spawner
import tornado.curl_httpclient
import tornado.httpclient
from jupyterhub.app import JupyterHub
from traitlets.config import Config, LazyConfigValue
from traitlets.config.loader import PyFileConfigLoader

MOUNT = "/usr/local/etc/jupyterhub"


def plain(value: Any) -> Any:
    """A configuration value as JSON; what JSON cannot say becomes its type and its content."""
    if isinstance(value, LazyConfigValue):
        return {"lazy": plain(value.to_dict())}
    if isinstance(value, Config | dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if callable(value):
        return {"callable": getattr(value, "__qualname__", repr(value)), "code": _code(value)}
    if hasattr(value, "to_dict"):
        return {type(value).__name__: plain(value.to_dict())}
    return {type(value).__name__: str(value)}


def _code(value: Any) -> str:
    code = getattr(value, "__code__", None)
    return code.co_code.hex() if code else ""


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Execute one job's configuration file and describe the outcome."""
    os.environ.clear()
    os.environ.update(job["environment"])
    before = dict(os.environ)
    folder = Path(job["folder"])
    sys.path = [path for path in sys.path if path]
    said = io.StringIO()
    outcome: dict[str, Any] = {}
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            config = PyFileConfigLoader("jupyterhub_config.py", path=str(folder)).load_config()
        outcome["config"] = plain(config)
        if starts := job.get("starts"):
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                outcome["pods"] = [asyncio.run(_pod(config, options)) for options in starts]
        # What JupyterHub makes of it: each trait is validated here, as at the hub's start.
        hub = JupyterHub(config=config)
        outcome["hub"] = {name: plain(getattr(hub, name)) for name in ("services", "load_roles", "base_url", "db_url")}
        outcome["client"] = tornado.httpclient.AsyncHTTPClient.configured_class().__name__
    except SystemExit as stop:
        outcome["exit"] = stop.code
    except BaseException as error:
        outcome["error"] = [type(error).__name__, traceback.format_exc() if job.get("verbose") else ""]
    outcome["environment"] = {key: value for key, value in os.environ.items() if before.get(key) != value}
    module = sys.modules.get("z2jh")
    if module is not None and job.get("calls"):
        outcome["calls"] = [_call(module, call) for call in job["calls"]]
    return outcome


async def _pod(config: Config, options: dict[str, Any]) -> dict[str, Any]:
    """Spec of the pod that KubeSpawner makes for a user who chose these options, or the error."""
    kubespawner.spawner.load_config = lambda **_: None
    kubespawner.spawner.shared_client = lambda *_: None
    try:
        spawner = kubespawner.spawner.KubeSpawner(config=copy.deepcopy(config), _mock=True)
        spawner.user_options = options
        await spawner.load_user_options()
        async with kubernetes_asyncio.client.ApiClient() as client:
            return client.sanitize_for_serialization(await spawner.get_pod_manifest())
    except Exception as error:
        return {"raises": f"{type(error).__name__}: {error}"}


def _call(module: Any, call: list[Any]) -> Any:
    name, *arguments = call
    try:
        return plain(getattr(module, name)(*arguments))
    except Exception as error:
        return {"raises": type(error).__name__}


def main() -> None:
    """Run all jobs, each in a fork, and print their outcomes in order."""
    jobs = json.loads(Path(sys.argv[1]).read_text())
    outcomes = []
    for job in jobs:
        reader, writer = os.pipe()
        if not (child := os.fork()):
            os.close(reader)
            with os.fdopen(writer, "w") as stream:
                stream.write(json.dumps(run(job)))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as stream:
            outcomes.append(json.loads(stream.read() or "null"))
        os.waitpid(child, 0)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
