"""Helm's own records: one Secret for each revision of a release (Helm documents: storage backend ``secret``)."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.load import load_raw_values
from hubstack.chart.names import Names
from hubstack.errors import HubstackError
from hubstack.parity import helm_documents

KEEP = "helm.sh/resource-policy"
"""Annotation that makes Helm leave an object where it is."""
_CRYPT = "hub.config.CryptKeeper.keys"
"""Key of the hub's Secret; whoever loses it cannot read the users' auth state again."""
OWNER = "owner"
"""Label by which Helm finds its records."""
RETIRED = "helm-retired-by-hubstack"
"""Value of that label on records that Helm no longer finds."""


@dataclass(frozen=True)
class Record:
    """One revision of a release."""

    secret: str
    """Name of the Secret that holds it."""
    release: str
    namespace: str
    revision: int
    status: str
    """Helm's word, such as ``deployed``."""
    chart: str
    version: str
    """Of the chart."""
    values: Mapping[str, Any]
    """What the user set, without the chart's defaults; secrets are in it."""
    manifest: str
    """The objects as YAML, hooks not among them; secrets are in it."""

    @property
    def names(self) -> Names:
        """Names of the release's objects; every version of the chart since 3.0 makes them alike."""
        return Names(load_raw_values((), self.values).values, self.release, self.chart)


def records(client: Any, namespace: str, release: str) -> list[Record]:
    """All revisions that Helm finds, the oldest first.

    Arguments:
        client: an ApiClient of the official package.
        namespace: where the release is.
        release: its name.

    Raises:
        HubstackError: a record cannot be read.
    """
    import kubernetes

    selector = f"{OWNER}=helm,name={release}"
    found = kubernetes.client.CoreV1Api(client).list_namespaced_secret(namespace, label_selector=selector).items
    return sorted(
        (_record(each.metadata.name, each.data["release"]) for each in found), key=lambda record: record.revision
    )


def record_of(secret: Mapping[str, Any]) -> Record:
    """The revision that a Secret holds, as the API server gives it.

    Raises:
        HubstackError: it cannot be read as one.
    """
    return _record(secret["metadata"]["name"], (secret.get("data") or {}).get("release") or "")


def deployed(client: Any, namespace: str, release: str) -> Record:
    """The revision that is live.

    Raises:
        HubstackError: there is no such release, or an operation of Helm on it is unfinished.
    """
    found = records(client, namespace, release)
    if not found:
        raise HubstackError(
            f"--release {release}: Helm has no such release in namespace {namespace}; `helm list --all-namespaces` "
            "shows what there is. Nothing was changed."
        )
    last = found[-1]
    if last.status != "deployed":
        raise HubstackError(
            f"release {release}: revision {last.revision} is {last.status}, so nobody knows what the cluster has; "
            f"settle it first: `helm rollback {release} --namespace {namespace}`. Nothing was changed."
        )
    return last


def claims(client: Any, namespace: str, release: str) -> list[Mapping[str, Any]]:
    """The volume claims that an upgrade of the release could delete, as it asked for them.

    A live claim that says so is left alone by Helm's upgrades (Helm: ``pkg/kube/client.go``).
    """
    import kubernetes

    core = kubernetes.client.CoreV1Api(client)
    last = next((each for each in reversed(records(client, namespace, release)) if each.status == "deployed"), None)
    found = helm_documents.read(last.manifest) if last else []
    live = {
        each.metadata.name: each.metadata.annotations or {}
        for each in core.list_namespaced_persistent_volume_claim(namespace).items
    }
    return [
        each
        for each in found
        if each["kind"] == "PersistentVolumeClaim"
        and live.get(each["metadata"]["name"], {KEEP: "keep"}).get(KEEP) != "keep"
    ]


def keep_data(client: Any, namespace: str, release: str) -> None:
    """Make Helm's next uninstall of a release leave its volume claims, and the Secret with the tokens that it drew.

    Helm decides by the objects in its record (Helm: ``pkg/action/uninstall.go``), not by the live ones.
    """
    import kubernetes

    core = kubernetes.client.CoreV1Api(client)
    for record in records(client, namespace, release)[-1:]:
        secret = core.read_namespaced_secret(record.secret, namespace)
        content = _content(secret.data["release"])
        content["manifest"] = "---\n".join(map(_kept, re.split(r"(?m)^---[ \t]*\n", content["manifest"])))
        core.patch_namespaced_secret(record.secret, namespace, {"data": {"release": _packed(content)}})


def _kept(text: str) -> str:
    """One document of a manifest, which says that it stays where it holds data."""
    manifest = next(iter(helm_documents.read(text)), {})
    tokens = manifest.get("kind") == "Secret" and _CRYPT in (manifest.get("data") or {})
    if not tokens and manifest.get("kind") != "PersistentVolumeClaim":
        return text
    metadata = manifest["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), KEEP: "keep"}
    return helm_yaml.dump(manifest)


def write(client: Any, namespace: str, release: str, content: Mapping[str, Any]) -> int:
    """Write a record as the next revision after those that Helm or nobody finds; gives its number.

    Arguments:
        client: an ApiClient of the official package.
        namespace: where the release is.
        release: its name.
        content: chart, settings and manifest, as Helm writes them (Helm: ``pkg/release/release.go``).
    """
    import kubernetes

    core = kubernetes.client.CoreV1Api(client)
    selector = f"{OWNER} in (helm,{RETIRED}),name={release}"
    known = core.list_namespaced_secret(namespace, label_selector=selector).items
    revision = 1 + max((int(each.metadata.labels["version"]) for each in known), default=0)
    now = datetime.now(UTC)
    stamp = now.isoformat().replace("+00:00", "Z")
    info = {
        "first_deployed": stamp,
        "last_deployed": stamp,
        "deleted": "",
        "description": "Handed over by Hubstack",
        "status": "deployed",
    }
    record = {"name": release, "namespace": namespace, "version": revision, "info": info, **content}
    labels = {
        OWNER: "helm",
        "name": release,
        "status": "deployed",
        "version": str(revision),
        "modifiedAt": str(int(now.timestamp())),
    }
    name = f"sh.helm.release.v1.{release}.v{revision}"
    secret = kubernetes.client.V1Secret(
        metadata=kubernetes.client.V1ObjectMeta(name=name, labels=labels),
        type="helm.sh/release.v1",
        data={"release": _packed(record)},
    )
    core.create_namespaced_secret(namespace, secret)
    return revision


def retire(client: Any, namespace: str, release: str) -> int:
    """Hide a release from Helm, without touching any of its objects; gives how many records were hidden."""
    import kubernetes

    core = kubernetes.client.CoreV1Api(client)
    found = core.list_namespaced_secret(namespace, label_selector=f"{OWNER}=helm,name={release}").items
    for secret in found:
        # `helm install` refuses a name whose record exists, found by label or not: the name has to change, too
        copy = kubernetes.client.V1Secret(
            metadata=kubernetes.client.V1ObjectMeta(
                name=f"retired.{secret.metadata.name}", labels={**secret.metadata.labels, OWNER: RETIRED}
            ),
            type=secret.type,
            data=secret.data,
        )
        try:
            core.create_namespaced_secret(namespace, copy)
        except kubernetes.client.ApiException as error:
            if error.status != 409:  # an earlier run was interrupted between the two steps
                raise
        core.delete_namespaced_secret(secret.metadata.name, namespace)
    return len(found)


def _content(packed: str) -> dict[str, Any]:
    """What Helm has written; base64 of Kubernetes around base64 of Helm around gzip."""
    content: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(packed))))
    return content


def _packed(content: Mapping[str, Any]) -> str:
    """The same for a Secret's ``data``."""
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()


def _record(name: str, packed: str) -> Record:
    try:
        content = _content(packed)
        chart = content["chart"]["metadata"]
        return Record(
            secret=name,
            release=content["name"],
            namespace=content["namespace"],
            revision=int(content["version"]),
            status=content["info"]["status"],
            chart=chart["name"],
            version=chart["version"],
            values=content.get("config") or {},
            manifest=content.get("manifest") or "",
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise HubstackError(f"Secret {name}: cannot be read as a record of Helm ({type(error).__name__})") from None
