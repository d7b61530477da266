"""Impact rules about who runs a hub on its cluster: pods, nodes, networks, and the stack itself."""

from __future__ import annotations

from hubstack.review import capacity
from hubstack.review import capacity_settings as room
from hubstack.review import conditions as see
from hubstack.review.change import Condition, rows
from hubstack.review.rule import NEXT_UPDATE, NODES, NOW, OPERATORS, Rule

PODS = (
    "hub", "proxy", "proxy.chp", "proxy.traefik", "proxy.secretSync", "scheduling.userScheduler",
    "scheduling.userPlaceholder", "prePuller", "prePuller.hook", "prePuller.pause",
)  # fmt: skip
"""Sections of the chart that describe pods of its own."""


def _of_pods(*settings: str) -> tuple[str, ...]:
    return tuple(f"{pod}.{setting}" for pod in PODS for setting in settings)


PULLERS = tuple(
    f"prePuller.{setting}"
    for setting in (
        "hook.enabled", "hook.pullOnlyOnChanges", "hook.podSchedulingWaitDuration", "continuous.enabled",
        "continuous.daemonsetAnnotations", "pullProfileListImages", "extraImages",
    )
)  # fmt: skip
ADDRESSES = ("proxy.service.labels", "proxy.service.annotations", "ingress.annotations", "httpRoute.annotations")


def _rule(name: str, means: str, applies: Condition | tuple[str, ...], when: str = NOW, lasts: str = "") -> Rule:
    seen = applies if callable(applies) else rows(*applies)
    return Rule(name, means, seen, audience=OPERATORS, when=when, lasts=lasts)


REFUSED = Rule("dry-run", "{}", lambda _: (), blocks=True, audience=OPERATORS)
"""What an API server refuses; found by asking one (`dry_run.asking`), which takes more than the two sides."""

RULES = (
    REFUSED,
    _rule(
        "chart-version",
        "another version of the chart ({}): read its change log; the hub may upgrade its database when it starts, "
        "which cannot be undone, so back it up",
        see.chart,
    ),
    _rule("network-policy", "pods may reach, or be reached by, more than before: {}", see.policy_widened),
    _rule(
        "network-rules",
        "which connections pods may open and accept changes, also for servers that run ({})",
        see.policy_otherwise,
    ),
    _rule("room-kept", "{}", room.placeholders),
    _rule("placeholders", "room kept for the next users: {}", capacity.placeholders),
    _rule("servers-per-node", "new servers fill the nodes in another way: {}", capacity.per_node),
    _rule("capacity-unknown", "{}", capacity.unknown),
    _rule("user-scheduler", "{}", room.scheduler),
    _rule(
        "pod-priority",
        "which pods make way for others changes ({}); placeholders make way for people only where priorities are on",
        ("scheduling.podPriority",),
    ),
    _rule(
        "database-volume",
        "the volume of the hub's database is described otherwise ({}): a volume cannot shrink, and grows only where "
        "its class lets it; what Kubernetes refuses stops the update",
        rows("hub.db.pvc", but=("hub.db.pvc.subPath",)),
    ),
    _rule(
        "database-access",
        "the hub opens its database in another way ({}): where it is wrong, the hub does not start",
        see.database_access,
    ),
    _rule(
        "existing-secret",
        "the hub reads another Secret of yours ({}), whose tokens and values come before the chart's",
        ("hub.existingSecret",),
    ),
    _rule(
        "core-images",
        "pods of the hub's own run another image, or pull it otherwise ({})",
        (*_of_pods("image"),),
    ),
    _rule(
        "core-resources",
        "pods of the hub's own ask for other CPU or memory ({}): a request that no node has free leaves the pod "
        "waiting, and one that takes more than its limit is killed",
        rows(*_of_pods("resources"), but=("scheduling.userPlaceholder.resources",)),
    ),
    _rule(
        "core-placement",
        "pods of the hub's own go to other nodes ({}): where no node fits, they wait, and the hub is away",
        ("scheduling.corePods", *_of_pods("nodeSelector", "tolerations", "extraTolerations")),
    ),
    _rule(
        "core-pods",
        "pods of the hub's own get other containers, files, environment, labels or rights ({})",
        _of_pods(
            "labels", "annotations", "command", "args", "lifecycle", "initContainers", "extraInitContainers",
            "extraContainers", "extraEnv", "extraFiles", "extraVolumes", "extraVolumeMounts", "extraPorts",
            "extraPodSpec", "extraCommandLineFlags", "defaultTarget", "errorTarget", "extraStaticConfig",
            "extraDynamicConfig", "podSecurityContext", "containerSecurityContext", "daemonsetAnnotations",
        ),
    ),
    _rule(
        "deployment-strategy",
        "pods are replaced in another way ({}): two hubs at once on one database damage it",
        _of_pods("deploymentStrategy"),
        NEXT_UPDATE,
    ),
    _rule(
        "probes",
        "when a pod counts as ready or dead changes ({}): one that is too strict restarts a hub that is only busy",
        (
            "hub.consecutiveFailureLimit", "hub.config.*Spawner.consecutive_failure_limit",
            *_of_pods("livenessProbe", "readinessProbe"),
        ),
    ),
    _rule(
        "disruption-budget",
        "how many pods may be taken down at once changes ({}): at least one of one pod means that its node is never "
        "drained",
        _of_pods("pdb"),
        NODES,
    ),
    _rule(
        "accounts",
        "pods have other accounts or roles in the cluster ({}): without the rights, the hub starts no server",
        (
            "rbac.create", "prePuller.continuous.serviceAccount",
            *_of_pods("serviceAccount", "serviceAccountImagePuller"),
        ),
    ),
    _rule(
        "image-pullers",
        "which images are pulled to the nodes, or when, changes ({})",
        PULLERS,
        NODES,
    ),
    _rule("hub-service", "the Service between proxy, servers and hub changes ({})", ("hub.service",)),
    _rule(
        "entrance",
        "what the load balancer, the ingress controller or the gateway is told changes ({}): some of them make the "
        "address anew, or other limits for uploads and idle connections",
        ADDRESSES,
    ),
    _rule(
        "debug",
        "how much hub and servers log changes ({}); detailed logs are large, and may have in them what people do",
        ("debug",),
    ),
    _rule(
        "storage-class",
        "the StorageClass of the stack changes ({}): volumes that exist stay as they are",
        ("hubstack:storageClass",),
    ),
    _rule(
        "data-protection",
        "what an update may delete changes ({}): without protection, it deletes the namespace, the database and the "
        "StorageClass where settings say so",
        ("hubstack:protectData",),
        NEXT_UPDATE,
    ),
    _rule(
        "admission-check",
        "whether an update asks the cluster first if it admits the pods changes ({}): without that, an update may say "
        "that a hub is up in which nobody can start a server",
        ("hubstack:checkAdmission",),
        NEXT_UPDATE,
    ),
    _rule(
        "accepted-drift",
        "what may differ in the cluster from what the stack declares changes ({}): `hubstack drift` neither names nor "
        "repairs what is accepted",
        ("hubstack:acceptDrift",),
        NEXT_UPDATE,
    ),
    _rule(
        "namespace-made",
        "the stack makes its namespace from now on: where there is one already, the update stops",
        see.when(see.namespace_made),
    ),
    _rule(
        "credentials",
        "the cluster is reached with other credentials ({}), or is called otherwise",
        see.credentials,
    ),
    _rule(
        "chart-source",
        "the chart of mode helm comes from elsewhere, or is checked in another way ({})",
        ("hubstack:chart.repository", "hubstack:chart.path", "hubstack:chart.digest", "hubstack:chart.insecure"),
    ),
    _rule(
        "values-key",
        "files of a parent chart are read at another key ({}); each setting that this changes is told by itself",
        ("hubstack:valuesKey",),
    ),
    _rule(
        "node-pools",
        "whether servers fit is told from another description of the nodes ({})",
        ("hubstack:poolsFile",),
    ),
    _rule(
        "taking-over",
        "what the stack goes on with of an existing hub changes ({}): tokens, checksums or the release whose objects "
        "are taken over",
        ("hubstack:adoptedTokens", "hubstack:keptChecksums", "hubstack:takeOver"),
    ),
)  # fmt: skip
"""Rules about operators."""
