"""What a kubelet would give a container: files, environment, command line; all from objects of the cluster."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubstack.cluster.api import ApiClient

Object = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """One container of a pod, ready to be started."""

    argv: list[str]
    env: dict[str, str]
    mounts: list[tuple[Path, str]]


class Kubelet:
    """Reads a namespace and writes the files of its pods' volumes."""

    def __init__(self, client: ApiClient, namespace: str, folder: Path) -> None:
        """Arguments:
        client: who may read everything.
        namespace: where the pods are.
        folder: where volumes are kept; those of volume claims survive the pod.
        """
        self._client, self._namespace, self._folder = client, namespace, folder

    def path(self, kind: str, name: str = "") -> str:
        """URL path of the namespace's objects of a kind, or of one of them."""
        return f"/api/v1/namespaces/{self._namespace}/{kind}" + (f"/{name}" if name else "")

    def pod(self, component: str) -> Object | None:
        """The one pod of a component that is there to stay and ready; None while there is none."""
        selector = f"component%3D{component}"
        pods = self._client.get(f"{self.path('pods')}?labelSelector={selector}")["items"]
        alive = [each for each in pods if not each["metadata"].get("deletionTimestamp")]
        ready = [each for each in alive if _is_ready(each)]
        return ready[0] if len(ready) == 1 and len(alive) == 1 else None

    def container(self, pod: Object) -> Container:
        """The pod's first container; its volumes are written anew."""
        spec = pod["spec"]["containers"][0]
        env = self._environment(pod, spec)
        words = [*spec.get("command", []), *spec.get("args", [])]
        volumes = {each["name"]: self._volume(pod, each) for each in pod["spec"].get("volumes", [])}
        mounts = [
            (volumes[each["name"]] / each.get("subPath", ""), each["mountPath"].rstrip("/"))
            for each in sorted(spec.get("volumeMounts", []), key=lambda each: len(each["mountPath"]))
        ]
        return Container([_expand(word, env) for word in words], env, mounts)

    def hosts(self) -> str:
        """Every Service by its names, in the form of /etc/hosts; the part that a cluster's DNS plays."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        for service in self._client.get(self.path("services"))["items"]:
            name, address = service["metadata"]["name"], service["spec"]["clusterIP"]
            full = f"{name}.{self._namespace}"
            lines.append(f"{address} {name} {full} {full}.svc {full}.svc.cluster.local")
        return "\n".join(lines) + "\n"

    def _environment(self, pod: Object, spec: Object) -> dict[str, str]:
        services = self._client.get(self.path("services"))["items"]
        services.append(self._client.get("/api/v1/namespaces/default/services/kubernetes"))
        env: dict[str, str] = {}
        for service in services:
            env.update(_service_variables(service))
        for each in spec.get("env", []):
            source = each.get("valueFrom", {})
            if "fieldRef" in source:
                env[each["name"]] = _field(pod, source["fieldRef"]["fieldPath"])
            elif "secretKeyRef" in source:
                reference = source["secretKeyRef"]
                env[each["name"]] = self._data("secrets", reference["name"])[reference["key"]].decode()
            elif "configMapKeyRef" in source:
                reference = source["configMapKeyRef"]
                env[each["name"]] = self._data("configmaps", reference["name"])[reference["key"]].decode()
            else:
                env[each["name"]] = _expand(each.get("value", ""), env)
        return env

    def _data(self, kind: str, name: str) -> dict[str, bytes]:
        found = self._client.get(self.path(kind, name)).get("data", {})
        return {key: base64.b64decode(text) if kind == "secrets" else text.encode() for key, text in found.items()}

    def _volume(self, pod: Object, volume: Object) -> Path:
        if claim := volume.get("persistentVolumeClaim"):
            bound = self._client.get(self.path("persistentvolumeclaims", claim["claimName"]))["status"]["phase"]
            assert bound == "Bound", f"the claim {claim['claimName']} is {bound}, so no kubelet would start the pod"
            folder = self._folder / "claims" / claim["claimName"]
        else:
            folder = self._folder / pod["metadata"]["uid"] / volume["name"]
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self._files(pod, volume):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def _files(self, pod: Object, volume: Object) -> Iterator[tuple[str, bytes]]:
        if source := volume.get("secret"):
            yield from _selected(self._data("secrets", source["secretName"]), source)
        elif source := volume.get("configMap"):
            yield from _selected(self._data("configmaps", source["name"]), source)
        elif source := volume.get("projected"):
            for each in source["sources"]:
                yield from self._projected(pod, each)
        else:
            assert volume.keys() & {"persistentVolumeClaim", "emptyDir"}, f"a volume of an unknown kind: {volume}"

    def _projected(self, pod: Object, source: Object) -> Iterator[tuple[str, bytes]]:
        if wanted := source.get("serviceAccountToken"):
            yield wanted["path"], self.token(pod, wanted.get("expirationSeconds", 3600)).encode()
        elif wanted := source.get("configMap"):
            yield from _selected(self._data("configmaps", wanted["name"]), wanted)
        elif wanted := source.get("downwardAPI"):
            for item in wanted["items"]:
                yield item["path"], _field(pod, item["fieldRef"]["fieldPath"]).encode()

    def token(self, pod: Object, seconds: int) -> str:
        """A token of the pod's ServiceAccount, bound to the pod, as a kubelet asks for it."""
        account = pod["spec"]["serviceAccountName"]
        meta = pod["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [], "expirationSeconds": seconds, "boundObjectRef": bound},
        }
        return self._client.request("POST", f"{self.path('serviceaccounts', account)}/token", body)["status"]["token"]


def _selected(data: dict[str, bytes], source: Object) -> Iterator[tuple[str, bytes]]:
    """All keys, or those that `items` names, as files."""
    if "items" not in source:
        yield from data.items()
    for item in source.get("items", []):
        yield item["path"], data[item["key"]]


def _service_variables(service: Object) -> Iterator[tuple[str, str]]:
    """Variables that tell containers where a Service is."""
    address = service["spec"].get("clusterIP")
    if not address or address == "None":
        return
    name = service["metadata"]["name"].upper().replace("-", "_")
    ports = service["spec"]["ports"]
    yield f"{name}_SERVICE_HOST", address
    yield f"{name}_SERVICE_PORT", str(ports[0]["port"])
    yield f"{name}_PORT", f"tcp://{address}:{ports[0]['port']}"
    for port in ports:
        if port.get("name"):
            yield f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}", str(port["port"])


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _field(pod: Object, path: str) -> str:
    found: Any = pod
    for step in path.split("."):
        found = found[step]
    return str(found)


def _expand(text: str, env: dict[str, str]) -> str:
    """``$(NAME)`` as a kubelet replaces it: only names that are known."""
    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)", lambda found: env.get(found[1], found[0]), text)
