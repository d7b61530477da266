"""Prints the pods that the real KubeSpawner makes of configuration files; runs in the hub's own Python.

Arguments: a JSON file with jobs, as `runner.py` takes them, each with ``choices``: for each pod the user's options.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from jupyterhub.objects import Hub
from kubernetes_asyncio.client import ApiClient
from kubernetes_asyncio.config import kube_config
from kubespawner import KubeSpawner
from traitlets.config.loader import PyFileConfigLoader

USER = "hubstack-check"
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
}


def run(job: dict[str, Any], options: dict[str, str]) -> Any:
    """The pod that somebody with these options gets."""
    os.environ.update(job["environment"])
    kubeconfig = Path(job["folder"]) / "kubeconfig"  # the spawner wants one, and asks nothing of it
    kubeconfig.write_text(json.dumps(KUBECONFIG))
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    config = PyFileConfigLoader("jupyterhub_config.py", path=job["folder"]).load_config()
    return asyncio.run(pod(config, options))


async def pod(config: Any, options: dict[str, str]) -> Any:
    user = MagicMock(escaped_name=USER, url="/user/")
    user.name = USER
    spawner = KubeSpawner(config=config, _mock=True, user=user, hub=Hub(), api_token="x", oauth_client_id="x")
    if "profile" in options:  # the number of one
        profiles = spawner._get_initialized_profile_list(spawner.profile_list)
        options = {**options, "profile": profiles[int(options["profile"])]["slug"]}
    spawner.user_options = options
    spawner.pod_name = f"jupyter-{USER}"
    spawner.get_env, spawner.get_args = dict, list
    await spawner.load_user_options()
    async with ApiClient() as client:
        return client.sanitize_for_serialization(await spawner.get_pod_manifest())


def main() -> None:
    """Make every pod in a fork of its own, so that nothing leaks from one to the next."""
    jobs = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps([[forked(job, options) for options in job["choices"]] for job in jobs]))


def forked(job: dict[str, Any], options: dict[str, str]) -> Any:
    reader, writer = os.pipe()
    if not os.fork():
        sys.stdout = sys.stderr
        with os.fdopen(writer, "w") as stream:
            try:
                outcome = run(job, options)
            except BaseException:
                outcome = traceback.format_exc()
            stream.write(json.dumps(outcome))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        outcome = json.loads(stream.read() or "null")
    os.wait()
    return outcome


if __name__ == "__main__":
    main()
