"""Previews of the real engine as part of a review: they add what only the engine knows, and change nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml
from rich.console import Console

from hubstack.commands import session
from hubstack.lifecycle.updates import Updater
from hubstack.project.stacks import Stack
from hubstack.review import homes, review
from hubstack.review.engine import preview_all
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


def test_live_volumes_that_other_names_would_orphan_are_counted(machine: Machine, tmp_path: Path) -> None:
    """With the engine, a block of other home names says how many of the live volumes are meant, and of no others."""
    client = machine.cluster.client()
    client.apply("/api/v1/namespaces/homes", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "homes"}})
    for name, user, component in (
        ("claim-eve", "eve", "singleuser-storage"),
        ("claim-o-27neil", "o'neil", "singleuser-storage"),
        ("hub-db-dir", "", "hub"),
    ):
        metadata = {"name": name, "labels": {"component": component}, "annotations": {homes.USER: user}}
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
        client.apply(f"/api/v1/namespaces/homes/persistentvolumeclaims/{name}", body)

    def write(scheme: str) -> None:
        settings = {
            "hubstack:kubeContext": machine.cluster.context,
            "hubstack:kubeconfig": str(machine.cluster.kubeconfig),
            "hubstack:namespace": "homes",
            "hubstack:values": {"hub": {"config": {"KubeSpawner": {"slug_scheme": scheme}}}},
        }
        (tmp_path / "Pulumi.homes.yaml").write_text(yaml.safe_dump({"config": settings}))

    write("escape")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "--quiet"], ["add", "-A"], ["commit", "--quiet", "-m", "base"]):
        subprocess.run(["git", "-C", str(tmp_path), *identity, *command], check=True)
    write("safe")
    environment = session.engine_environment(machine.tools)
    stack = named(machine, "homes")
    report, redactor = review.review(
        tmp_path, "HEAD", [], {}, QUIET, open_updater=lambda _: Updater(stack, environment, QUIET, create=False)
    )
    assert report.stacks[0].homes == "home volumes: 1 of 2 live ones would be orphaned under the new names"
    text = review.written(report, redactor, "markdown")
    assert "1 of 2 live ones" in text
    assert "claim-" not in text, "nobody is named"
    client.raw("DELETE", "/api/v1/namespaces/homes")
