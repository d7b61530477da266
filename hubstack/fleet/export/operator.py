"""The fleet as objects of the Pulumi Kubernetes Operator, version 2, whose waves follow each other commit by commit.

The operator holds a stack back until each of its prerequisites has succeeded at the generation that its object has now
(``isRequirementSatisfied`` in operator/internal/controller/pulumi/stack_controller.go). A commit in the object makes
each new revision a new generation, so a wave waits for the one before to have deployed that very commit. A branch would
move without a generation, and a duration would compare ages: with either, a second push starts all waves at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hubstack.errors import HubstackError
from hubstack.fleet.clusters import Cluster
from hubstack.fleet.export import files
from hubstack.fleet.model import Fleet

PASSPHRASE, BACKEND, GIT = "hubstack-passphrase", "hubstack-backend", "hubstack-git"
"""Secrets that the objects refer to, beside a kubeconfig's for each cluster."""
BACKEND_VARIABLES = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"),
    "azblob": ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"),
    "gs": ("GOOGLE_CREDENTIALS",),
    "https": ("PULUMI_ACCESS_TOKEN",),
}
"""What a backend's credentials are called, by the scheme of its URL."""
KUBECONFIG_FOLDER = "/var/run/hubstack"
"""Where a workspace finds its kubeconfig."""
LONGEST_NAME = 40
"""Of an object: the operator makes names and labels of it, which must not pass 63 characters."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Operator:
    """What the objects need beyond the fleet file."""

    repository: str
    """Git URL."""
    commit: str
    """The commit that every stack is brought to, in 40 digits."""
    backend: str
    """Backend URL; blank for the operator's default, which is Pulumi Cloud."""
    namespace: str
    service_account: str = ""
    """Account of the workspaces; with one, backend and key service are asked with its rights and no stored keys."""
    git_secret: bool = False
    """Whether the repository needs credentials."""


def stack_objects(fleet: Fleet, wanted: Operator, waves: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """A ``Stack`` for each stack, in the order of the waves, which is the order to apply them in.

    Arguments:
        fleet: the fleet.
        wanted: repository, commit and credentials.
        waves: names of the waves to write; all where empty.

    Raises:
        HubstackError: no repository, no commit, or two stacks whose objects would have one name.
    """
    if not wanted.repository:
        raise HubstackError("--repository: is needed for pulumi-operator; give the git URL that it deploys from")
    if not _COMMIT.fullmatch(wanted.commit):
        raise HubstackError(
            f"--revision: {wanted.commit!r}: must be a commit, in 40 digits: the operator orders waves by the commit "
            "of each object, and a branch would start all of them at once"
        )
    names = {stack: object_name(stack) for stack in fleet.stacks}
    if len(set(names.values())) != len(names):
        raise HubstackError("two stacks differ only in characters that names of Kubernetes objects lack; rename one")
    before: list[str] = []
    for wave in fleet.waves:
        members = fleet.members(wave)
        for stack in members:
            if not waves or wave.name in waves:
                yield {
                    "apiVersion": "pulumi.com/v1",
                    "kind": "Stack",
                    "metadata": {
                        "name": names[stack],
                        "namespace": wanted.namespace,
                        "labels": {"hubstack/wave": object_name(wave.name)},
                        "annotations": {"hubstack/wave": wave.name, "hubstack/stack": stack},
                    },
                    "spec": _spec(fleet, stack, wanted, [names[each] for each in before]),
                }
        before = members


def _spec(fleet: Fleet, stack: str, wanted: Operator, before: list[str]) -> dict[str, Any]:
    provider, cluster = files.provider(stack), fleet.cluster_of(stack)
    optional = {
        "gitAuth": _git_auth(wanted),
        "backend": wanted.backend,
        "secretsProvider": provider,
        "serviceAccountName": wanted.service_account,
        "prerequisites": [{"name": name} for name in before],
    }
    return {
        "stack": stack,
        "projectRepo": wanted.repository,
        "commit": wanted.commit,
        **{key: value for key, value in optional.items() if value},
        "envRefs": _variables(stack, wanted),
        "workspaceTemplate": _workspace(cluster),
        "refresh": False,
        "destroyOnFinalize": False,
    }


def _variables(stack: str, wanted: Operator) -> dict[str, Any]:
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": _secret(wanted, PASSPHRASE, "passphrase")}
    backend = {name: _secret(wanted, BACKEND, name) for name in _backend_variables(wanted)}
    kubeconfig = {"KUBECONFIG": {"type": "Literal", "literal": {"value": f"{KUBECONFIG_FOLDER}/kubeconfig"}}}
    return {**(passphrase if files.needs_passphrase(stack) else {}), **backend, **kubeconfig}


def _backend_variables(wanted: Operator) -> tuple[str, ...]:
    scheme = urlsplit(wanted.backend).scheme or "https"
    # Pulumi Cloud knows no account of Kubernetes; every other backend is asked with the rights of the workspace's.
    return () if wanted.service_account and scheme != "https" else BACKEND_VARIABLES.get(scheme, ())


def _secret(wanted: Operator, name: str, key: str) -> dict[str, Any]:
    return {"type": "Secret", "secret": {"name": name, "key": key, "namespace": wanted.namespace}}


def _git_auth(wanted: Operator) -> dict[str, Any]:
    if not wanted.git_secret:
        return {}
    if _by_ssh(wanted):
        return {"sshAuth": {"sshPrivateKey": _secret(wanted, GIT, "sshPrivateKey")}}
    return {"accessToken": _secret(wanted, GIT, "accessToken")}


def _by_ssh(wanted: Operator) -> bool:
    return not wanted.repository.startswith(("http://", "https://"))


def _workspace(cluster: Cluster) -> dict[str, Any]:
    """The workspace's pod with the kubeconfig of the stack's cluster in a file."""
    mount = {"name": "hubstack-kubeconfig", "mountPath": KUBECONFIG_FOLDER, "readOnly": True}
    volume = {"name": mount["name"], "secret": {"secretName": cluster.object_name, "defaultMode": 0o440}}
    pod = {"containers": [{"name": "pulumi", "volumeMounts": [mount]}], "volumes": [volume]}
    return {"spec": {"podTemplate": {"spec": pod}}}


def secrets(fleet: Fleet, wanted: Operator) -> Iterator[str]:
    """A line for each Secret that has to be there, with its keys."""
    yield "Apply the objects in this order, all of them from one export; each wave waits for the one before."
    where = f"in namespace {wanted.namespace}"
    if any(files.needs_passphrase(stack) for stack in fleet.stacks):
        yield f"Secret {PASSPHRASE} {where}: passphrase."
    if variables := _backend_variables(wanted):
        yield f"Secret {BACKEND} {where}: {', '.join(variables)}."
    if wanted.git_secret:
        yield f"Secret {GIT} {where}: {'sshPrivateKey' if _by_ssh(wanted) else 'accessToken'}."
    for name in sorted({fleet.cluster_of(stack).object_name for stack in fleet.stacks}):
        yield f"Secret {name} {where}: kubeconfig."


def object_name(name: str) -> str:
    """A stack's or a wave's name as that of an object, and as a label."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "x"
    if len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
