"""Previews of the real engine as part of a review: they add what only the engine knows, and change nothing."""

from __future__ import annotations

from pathlib import Path

import yaml
from rich.console import Console

from hubstack import session
from hubstack.review.engine import preview_all
from hubstack.stacks import Stack
from hubstack.updates import Updater
from tests.engine.conftest import Machine

QUIET = Console(quiet=True)


def named(machine: Machine, name: str, **config: str) -> Stack:
    """A native stack with a namespace of its own name."""
    settings = {**machine.stack().config, "hubstack:namespace": name}
    settings |= {f"hubstack:{key}": value for key, value in config.items()}
    return Stack(name=name, base="dev", config=settings, document={"config": settings})


def test_previews_see_drift_and_what_cannot_be_reached(machine: Machine, tmp_path: Path) -> None:
    """Of four stacks, one is as it should be, one was changed by hand, one is not deployed, one cannot be reached."""
    document = yaml.safe_load(machine.cluster.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    lost = tmp_path / "kubeconfig"
    lost.write_text(yaml.safe_dump(document))
    stacks = {name: named(machine, name) for name in ("as-it-is", "drifted", "undeployed")}
    for name in ("as-it-is", "drifted"):
        machine.updater(stacks[name]).up()
    stacks["lost"] = named(machine, "as-it-is", kubeconfig=str(lost))
    client = machine.cluster.client()
    path = "/apis/apps/v1/namespaces/drifted/deployments/proxy"
    client.merge(path, {"spec": {"revisionHistoryLimit": 3}, "metadata": {"labels": {"app": "changed-by-hand"}}})
    environment = session.engine_environment(machine.tools)
    views = preview_all(list(stacks), lambda name: Updater(stacks[name], environment, QUIET, create=False))
    assert (views["as-it-is"].steps, views["as-it-is"].error) == ((), None)
    assert ("update", "Deployment jupyterhub-proxy-deployment") in views["drifted"].steps
    assert views["drifted"].destructive == ()
    assert "undeployed" in (views["undeployed"].error or "")
    assert "cannot be reached" in (views["lost"].error or "")
    assert client.get(path)["metadata"]["labels"]["app"] == "changed-by-hand", "a preview changes nothing"
    for name in ("as-it-is", "drifted"):
        machine.updater(stacks[name]).destroy()
