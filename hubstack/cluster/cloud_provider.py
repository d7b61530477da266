"""The simulated cloud provider: volumes for claims, addresses for load balancers and ingresses, nodes for pods of other
schedulers.

Runs as a process of its own (``python -m hubstack.cluster.cloud_provider``), with its own user and no more permissions
than it needs. Watchers fill a cache; whenever something has changed, `plan` says what is to be done. `plan` is a pure
function of the cache, so doing something twice, or starting again at any moment, is harmless.

It plays every provisioner and every load-balancer class, not only its own: a stack that names the storage class of a
real cloud comes up here, too.
"""

from __future__ import annotations

import argparse
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hubstack.cluster.api import ApiClient, ApiError, Object
from hubstack.cluster.objects import SIMULATED

NOBODY = "kubernetes.io/no-provisioner"
"""Provisioner of classes whose volumes are made by hand; the cloud provider keeps away from them."""
LB_NETWORKS = ("198.51.100", "203.0.113")
"""Documentation ranges (RFC 5737): an address of theirs is plainly not real, and nothing ever answers there."""
INGRESS_IP = "198.51.100.1"
"""The address that all ingresses share, as behind one ingress controller."""
_OWN_SCHEDULER = "default-scheduler"
_VOLUME_FOLDER = "/simulated-volumes"
_HEARTBEAT_SECONDS = 1.0
_NODE_CHOSEN = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"

KINDS: dict[str, str] = {
    "classes": "/apis/storage.k8s.io/v1/storageclasses",
    "claims": "/api/v1/persistentvolumeclaims",
    "volumes": "/api/v1/persistentvolumes",
    "services": "/api/v1/services",
    "ingresses": "/apis/networking.k8s.io/v1/ingresses",
    "nodes": "/api/v1/nodes",
    "pods": "/api/v1/pods",
}
"""What is watched: cache name -> path."""

Cache = Mapping[str, Mapping[str, Object]]
"""Cache name -> uid -> object."""


@dataclass(frozen=True)
class Action:
    """One request to the API server, and what it is for."""

    method: str
    path: str
    body: Object = field(default_factory=dict)
    why: str = ""


def plan(cache: Cache) -> list[Action]:
    """Everything that has to be done now."""
    return [
        *new_volumes(cache),
        *resized(cache),
        *removed(cache),
        *balancers(cache),
        *_ingresses(cache),
        *_bindings(cache),
    ]


def new_volumes(cache: Cache) -> Iterator[Action]:
    """A volume for every claim that waits for one."""
    classes = {each["metadata"]["name"]: each for each in cache["classes"].values()}
    existing = {each["metadata"]["name"] for each in cache["volumes"].values()}
    for claim in cache["claims"].values():
        meta, spec = claim["metadata"], claim["spec"]
        storage_class = classes.get(spec.get("storageClassName") or "")
        if storage_class is None or storage_class["provisioner"] == NOBODY or spec.get("volumeName"):
            continue
        waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if meta.get("deletionTimestamp") or (waits and _NODE_CHOSEN not in meta.get("annotations", {})):
            continue
        volume = volume_for(claim, storage_class)
        if volume["metadata"]["name"] not in existing:
            where = f"{meta['namespace']}/{meta['name']}"
            yield Action("POST", KINDS["volumes"], volume, f"volume {volume['metadata']['name']} for claim {where}")


def volume_for(claim: Object, storage_class: Object) -> Object:
    """The volume that a claim gets: as large as asked for, reachable from every node, reserved for this claim."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    volume: Object = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "accessModes": spec["accessModes"],
        "volumeMode": spec.get("volumeMode", "Filesystem"),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        },
        # never looked at: there are no containers that could mount it
        "hostPath": {"path": f"{_VOLUME_FOLDER}/{name}"},
    }
    if storage_class.get("mountOptions"):
        volume["mountOptions"] = storage_class["mountOptions"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": {SIMULATED: "true"}, "annotations": {_PROVISIONED_BY: SIMULATED}},
        "spec": volume,
    }


def _ours(volume: Object) -> bool:
    return bool(volume["metadata"].get("annotations", {}).get(_PROVISIONED_BY) == SIMULATED)


def resized(cache: Cache) -> Iterator[Action]:
    """A bound claim may ask for more; the API server has checked that its class allows it."""
    volumes = {each["metadata"]["name"]: each for each in cache["volumes"].values()}
    for claim in cache["claims"].values():
        volume = volumes.get(claim["spec"].get("volumeName") or "")
        if volume is None or not _ours(volume) or claim["status"].get("phase") != "Bound":
            continue
        size = {"storage": claim["spec"]["resources"]["requests"]["storage"]}
        meta = claim["metadata"]
        if volume["spec"]["capacity"] != size:
            yield Action("PATCH", f"{KINDS['volumes']}/{volume['metadata']['name']}", {"spec": {"capacity": size}})
        if claim["status"].get("capacity") != size:
            path = f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{meta['name']}/status"
            # whatever the resize controller has noted about waiting for somebody is settled by this
            body = {"status": {"capacity": size, "conditions": None, "allocatedResourceStatuses": None}}
            yield Action("PATCH", path, body, f"size {size['storage']} for claim {meta['namespace']}/{meta['name']}")


def removed(cache: Cache) -> Iterator[Action]:
    """Volumes that their claims have released and that are not to be kept."""
    for volume in cache["volumes"].values():
        meta, spec = volume["metadata"], volume["spec"]
        done = volume.get("status", {}).get("phase") == "Released" and not meta.get("deletionTimestamp")
        if done and _ours(volume) and spec.get("persistentVolumeReclaimPolicy") == "Delete":
            yield Action("DELETE", f"{KINDS['volumes']}/{meta['name']}", why=f"released volume {meta['name']} removed")


def _addresses(thing: Object) -> list[str]:
    """The addresses in the load-balancer status of a Service or an Ingress."""
    entries = thing.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    return [entry["ip"] for entry in entries if "ip" in entry]


def simulated_addresses() -> Iterator[str]:
    """Addresses that load balancers get here, in order."""
    return (f"{net}.{host}" for net in LB_NETWORKS for host in range(2, 255))


def balancers(cache: Cache, addresses: Callable[[], Iterable[str]] = simulated_addresses) -> Iterator[Action]:
    """Give every Service of type LoadBalancer an address, and take it from those that are no longer."""
    services = sorted(cache["services"].values(), key=lambda each: each["metadata"]["uid"])
    used = {address for each in services for address in _addresses(each)} | {INGRESS_IP}
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
        where = f"{meta['namespace']}/{meta['name']}"
        wanted, present = spec.get("loadBalancerIP"), _addresses(service)
        if spec.get("type") != "LoadBalancer":
            if present:
                yield Action("PATCH", path, {"status": {"loadBalancer": {"ingress": None}}}, f"no address for {where}")
        elif not present or (wanted and present != [wanted]):
            address = wanted or next((each for each in addresses() if each not in used), None)
            if address is None:
                continue  # all are taken: the Service stays pending, as it would in a cloud
            used.add(address)
            body = {"status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}}
            yield Action("PATCH", path, body, f"address {address} for service {where}")


def _ingresses(cache: Cache) -> Iterator[Action]:
    for ingress in cache["ingresses"].values():
        meta = ingress["metadata"]
        if _addresses(ingress) != [INGRESS_IP]:
            path = f"/apis/networking.k8s.io/v1/namespaces/{meta['namespace']}/ingresses/{meta['name']}/status"
            body = {"status": {"loadBalancer": {"ingress": [{"ip": INGRESS_IP}]}}}
            yield Action("PATCH", path, body, f"address {INGRESS_IP} for ingress {meta['namespace']}/{meta['name']}")


def _bindings(cache: Cache) -> Iterator[Action]:
    """Place pods that name a scheduler of their own, such as the chart's user-scheduler: its container does not run
    here.

    Like that one, it packs: a pod goes to the node with most pods that still takes one and that its selector matches.
    Amounts of CPU and memory are not looked at. A pod whose volume claims are not bound yet waits; a claim that waits
    for its first consumer gets the pod's node as an annotation, which is what makes its volume.
    """
    claims = {_place(each): each for each in cache["claims"].values()}
    load = {each["metadata"]["name"]: 0 for each in cache["nodes"].values()}
    waiting = []
    for pod in cache["pods"].values():
        node = pod["spec"].get("nodeName")
        if node in load:
            load[node] += 1
        elif not node and pod["spec"].get("schedulerName", _OWN_SCHEDULER) != _OWN_SCHEDULER:
            waiting.append(pod)
    for pod in sorted(waiting, key=lambda each: each["metadata"]["uid"]):
        meta = pod["metadata"]
        fitting = [
            each["metadata"]["name"]
            for each in cache["nodes"].values()
            if _takes(each, pod, load[each["metadata"]["name"]])
        ]
        if meta.get("deletionTimestamp") or not fitting:
            continue
        node = max(sorted(fitting), key=lambda name: load[name])
        load[node] += 1
        wanted = [claims.get((meta["namespace"], name)) for name in _claim_names(pod)]
        if unbound := [claim for claim in wanted if not claim or claim["status"].get("phase") != "Bound"]:
            yield from _nodes_chosen(unbound, node)
            continue
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
        yield Action("POST", path, body, f"node {node} for pod {meta['namespace']}/{meta['name']}")


def _place(thing: Object) -> tuple[str, str]:
    return thing["metadata"]["namespace"], thing["metadata"]["name"]


def _claim_names(pod: Object) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or []:
        if claim := volume.get("persistentVolumeClaim"):
            yield claim["claimName"]


def _nodes_chosen(claims: Iterable[Object | None], node: str) -> Iterator[Action]:
    """Annotate claims with their node where they have none yet; a claim that does not exist has to be waited for."""
    for claim in claims:
        if claim and _NODE_CHOSEN not in claim["metadata"].get("annotations", {}):
            namespace, name = _place(claim)
            path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"
            body = {"metadata": {"annotations": {_NODE_CHOSEN: node}}}
            yield Action("PATCH", path, body, f"node {node} for claim {namespace}/{name}")


def _takes(node: Object, pod: Object, pods: int) -> bool:
    labels = node["metadata"].get("labels", {})
    selector = pod["spec"].get("nodeSelector") or {}
    room = int(node.get("status", {}).get("allocatable", {}).get("pods", 110))
    matches = all(labels.get(key) == value for key, value in selector.items())
    return matches and pods < room and not node["spec"].get("unschedulable")


class CloudProvider:
    """The running controller: one watcher thread for each kind, one loop that acts."""

    def __init__(self, client: ApiClient, heartbeat: Path, plan: Callable[[Cache], list[Action]] = plan) -> None:
        """Arguments:
        client: the API server.
        heartbeat: file that is touched while all is well.
        plan: what is to be done, from what there is.
        """
        self._plan = plan
        self._client = client
        self._heartbeat = heartbeat
        self._cache: dict[str, dict[str, Object]] = {}
        self._events: queue.SimpleQueue[tuple[str, str, list[Object]]] = queue.SimpleQueue()

    def run(self) -> None:
        """Work until the process is ended."""
        for name, path in KINDS.items():
            threading.Thread(target=self._watch, args=(name, path), name=name, daemon=True).start()
        undone = False
        while True:
            changed = self._take_events()
            if len(self._cache) == len(KINDS):
                self._heartbeat.touch()
                if changed or undone:
                    undone = not self._act()

    def _watch(self, name: str, path: str) -> None:
        while True:
            try:
                listed = self._client.get(path)
                self._events.put((name, "LIST", listed.get("items") or []))
                for change, thing in self._client.watch(path, listed["metadata"]["resourceVersion"]):
                    self._events.put((name, change, [thing]))
            except (ApiError, OSError) as error:
                _log(f"watching {name}: {error}")
                time.sleep(0.5)

    def _take_events(self) -> bool:
        """Wait for something to happen, at most until the next heartbeat, and bring the cache up to date."""
        try:
            event = self._events.get(timeout=_HEARTBEAT_SECONDS)
        except queue.Empty:
            return False
        while True:
            name, change, things = event
            if change == "LIST":
                self._cache[name] = {}
            for thing in things:
                uid = thing["metadata"]["uid"]
                if change == "DELETED":
                    self._cache[name].pop(uid, None)
                else:
                    self._cache[name][uid] = thing
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                return True

    def _act(self) -> bool:
        """Carry out the plan; False if something has to be tried again."""
        done = True
        for action in self._plan(self._cache):
            try:
                if action.method == "PATCH":
                    self._client.merge(action.path, action.body)
                else:
                    self._client.request(action.method, action.path, action.body or None)
                if action.why:
                    _log(action.why)
            except ApiError as error:
                # 404 and 409: the cache is a little behind; the next event brings it up to date
                if error.status not in (404, 409):
                    done = False
                    _log(f"{action.method} {action.path}: {error}")
            except OSError as error:
                done = False
                _log(f"{action.method} {action.path}: {error}")
        return done


def _log(text: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%S"), text, flush=True)


def main() -> None:
    """Command line of the controller; `sim` starts it."""
    parser = argparse.ArgumentParser(description="simulated cloud provider of a local cluster")
    parser.add_argument("--server", required=True, help="URL of the API server")
    parser.add_argument("--pki", required=True, type=Path, help="folder with ca.crt, cloud.crt and cloud.key")
    parser.add_argument("--heartbeat", required=True, type=Path, help="file that is touched while all is well")
    args = parser.parse_args()
    CloudProvider(ApiClient(args.server, args.pki / "ca.crt", args.pki / "cloud.crt"), args.heartbeat).run()


if __name__ == "__main__":
    main()
