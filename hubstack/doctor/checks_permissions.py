"""May the kubeconfig's user do all that an update does?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from hubstack.components.api_server import plural
from hubstack.doctor.finding import Finding, error, some
from hubstack.doctor.reader import Access, Object, Reader
from hubstack.doctor.subject import Subject
from hubstack.manifests import CLUSTER_WIDE

VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""What the engine does to an object: it applies, waits for and in the end deletes it."""

HELM_HOOKS = (
    ("batch/v1", "Job"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ServiceAccount"),
)
"""Kinds that only Helm makes, before an update."""

WATCHED = (("v1", "Pod"), ("v1", "Event"), ("apps/v1", "ReplicaSet"), ("v1", "Endpoints"))
"""Kinds that the engine reads while it waits for an object, to say why one does not become ready."""

_AT_A_TIME = 8


def permissions(subject: Subject) -> Iterator[Finding]:
    """Everything that the stack's objects need is allowed; what is not is said at once, not one after another."""
    everything = Access("*", "*", "*")
    if subject.cluster.allowed(everything):
        return
    refused = _refused(subject.cluster, needed(subject))
    roles = [] if refused else _refused(subject.cluster, _ungrantable(subject))
    if refused:
        lines = _grouped(refused)
        yield error(
            f"{len(refused)} permissions are missing: {'; '.join(lines)}",
            "the update would stop at the first object that it may not touch, with the others changed already",
            "grant them to the user of this context with a Role in the namespace"
            + (" and a ClusterRole" if any(not each.namespace for each in refused) else "")
            + ", or let somebody who has them make these objects (rbac.create, hubstack:createNamespace, "
            "scheduling.userScheduler.enabled)",
        )
    if roles:
        yield error(
            f"the stack makes roles with rights that this user does not have: {some(_grouped(roles), 8)}",
            "Kubernetes lets nobody grant what they do not have themselves, so the roles are refused",
            "grant these too, or the verb `escalate` on roles, or set rbac.create to false and bring the roles",
        )


def needed(subject: Subject) -> list[Access]:
    """Each permission that deploying, changing and destroying the stack takes."""
    kinds = {(each["apiVersion"], each["kind"]) for each in subject.objects}
    if subject.config.mode == "helm":
        kinds |= {*HELM_HOOKS, ("v1", "Secret")}
    if subject.config.create_namespace:
        kinds.add(("v1", "Namespace"))
    if subject.config.storage_class:
        kinds.add(("storage.k8s.io/v1", "StorageClass"))
    wide = {*CLUSTER_WIDE, "Namespace"}
    found = {
        Access(verb, _group(version), plural(kind), "" if kind in wide else subject.namespace)
        for version, kind in kinds
        for verb in VERBS
    }
    found |= {
        Access(verb, _group(version), plural(kind), subject.namespace)
        for version, kind in WATCHED
        for verb in ("get", "list", "watch")
    }
    if subject.config.mode == "helm":
        # Helm writes its record anew at the end. Where it may not, it says nothing, and the release stays pending
        # (Helm: pkg/action/install.go, pkg/storage/driver/secrets.go).
        found.add(Access("update", "", plural("Secret"), subject.namespace))
    return sorted(found)


def grants(subject: Subject) -> list[Access]:
    """What the stack's roles grant, which whoever makes them must have."""
    return sorted({each for role in subject.of_kind("Role", "ClusterRole") for each in _granted(subject, role)})


def _ungrantable(subject: Subject) -> list[Access]:
    """What the stack's roles grant, except for roles in which the user may grant anything."""
    found: set[Access] = set()
    for role in subject.of_kind("Role", "ClusterRole"):
        namespace = subject.namespace if role["kind"] == "Role" else ""
        escalate = Access("escalate", "rbac.authorization.k8s.io", plural(role["kind"]), namespace)
        if not subject.cluster.allowed(escalate):
            found |= set(_granted(subject, role))
    return sorted(found)


def _granted(subject: Subject, role: Object) -> Iterator[Access]:
    namespace = subject.namespace if role["kind"] == "Role" else ""
    for rule in role["rules"]:
        for group in rule.get("apiGroups") or []:
            for resource in rule.get("resources") or []:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames") or [""]:
                        yield Access(verb, group, resource, namespace, name)


def _refused(reader: Reader, wanted: Iterable[Access]) -> list[Access]:
    wanted = list(wanted)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return [each for each, allowed in zip(wanted, pool.map(reader.allowed, wanted), strict=True) if not allowed]


def _grouped(accesses: Iterable[Access]) -> list[str]:
    """One text for each resource, with all its verbs."""
    verbs: dict[tuple[str, str, str, str], list[str]] = {}
    for each in accesses:
        verbs.setdefault((each.namespace, each.resource, each.group, each.name), []).append(each.verb)
    lines = []
    for (namespace, resource, group, name), found in sorted(verbs.items()):
        what = f"{resource}.{group}" if group else resource
        where = f"in {namespace}" if namespace else "cluster-wide"
        lines.append(f"{what}{f'/{name}' if name else ''} {where} ({', '.join(sorted(found))})")
    return lines


def _group(version: str) -> str:
    return version.rpartition("/")[0]
