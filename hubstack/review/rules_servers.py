"""Impact rules about servers that are started from now on; running ones keep what they have until they are stopped."""

from __future__ import annotations

from collections.abc import Iterable

from hubstack.review import capacity, choices
from hubstack.review import conditions as see
from hubstack.review.change import Condition, rows
from hubstack.review.profiles import IMAGES, PROFILE_LISTS
from hubstack.review.rule import SERVERS, START, UNTIL_STOPPED, Rule


def _spawner(*traits: str) -> tuple[str, ...]:
    """Settings of the spawner that stand in the hub's own configuration."""
    return tuple(f"hub.config.*Spawner.{trait}" for trait in traits)


PAGE = ("singleuser.defaultUrl", *_spawner("default_url"))
COMMAND = ("singleuser.cmd", *_spawner("cmd", "args", "notebook_dir", "working_dir", "debug"))
ENVIRONMENT = ("singleuser.extraEnv", *_spawner("environment", "env_keep", "auth_state_hook"))
FILES = ("singleuser.extraFiles",)
MOUNTS = (
    "singleuser.storage.extraVolumes",
    "singleuser.storage.extraVolumeMounts",
    "singleuser.storage.homeMountPath",
    "singleuser.storage.dynamic.volumeNameTemplate",
    *_spawner("volumes", "volume_mounts"),
)
NEW_HOMES = (
    "singleuser.storage.capacity",
    "singleuser.storage.extraLabels",
    "singleuser.storage.dynamic.storageClass",
    "singleuser.storage.dynamic.storageAccessModes",
    *_spawner("storage_*"),
)
IDENTITY = (
    "singleuser.uid",
    "singleuser.fsGid",
    "singleuser.allowPrivilegeEscalation",
    *_spawner(
        "uid",
        "gid",
        "fs_gid",
        "supplemental_gids",
        "privileged",
        "allow_privilege_escalation",
        "container_security_context",
        "pod_security_context",
    ),
)
ACCOUNT = ("singleuser.serviceAccountName", *_spawner("service_account", "automount_service_account_token"))
POD = (
    "singleuser.podNameTemplate",
    "singleuser.extraLabels",
    "singleuser.extraAnnotations",
    "singleuser.lifecycleHooks",
    "singleuser.initContainers",
    "singleuser.extraContainers",
    "singleuser.extraPodConfig",
    "singleuser.networkTools",
    *_spawner(
        "pod_name_template",
        "extra_labels",
        "extra_annotations",
        "lifecycle_hooks",
        "init_containers",
        "extra_containers",
        "extra_pod_config",
        "extra_container_config",
        "common_labels",
    ),
)
PULLING = (
    "singleuser.image.pullPolicy",
    "singleuser.image.pullSecrets",
    "imagePullSecret",
    "imagePullSecrets",
    *_spawner("image_pull_policy", "image_pull_secrets"),
)
PLACEMENT = (
    "singleuser.nodeSelector",
    "singleuser.extraTolerations",
    "singleuser.extraNodeAffinity",
    "singleuser.extraPodAffinity",
    "singleuser.extraPodAntiAffinity",
    "scheduling.userPods",
    *_spawner(
        "node_selector",
        "tolerations",
        "node_affinity_*",
        "pod_affinity_*",
        "pod_anti_affinity_*",
        "scheduler_name",
        "priority_class_name",
    ),
)
STARTING = (
    "singleuser.startTimeout",
    "singleuser.events",
    *_spawner("start_timeout", "http_timeout", "events_enabled"),
)
METADATA = ("singleuser.cloudMetadata",)
HOMES = (*see.HOME_NAMES, *_spawner("pvc_name_template", "slug_scheme", "delete_pvc"))

TOLD = (
    *PAGE, *COMMAND, *ENVIRONMENT, *MOUNTS, *NEW_HOMES, *IDENTITY, *ACCOUNT, *POD, *PULLING, *PLACEMENT, *STARTING,
    *HOMES, *PROFILE_LISTS, *choices.SPAWNER_RESOURCES, *_spawner(*IMAGES, "consecutive_failure_limit"),
)  # fmt: skip
"""Settings of the spawner that a rule has words for."""


def _rule(name: str, means: str, applies: Condition | Iterable[str], *, blocks: bool = False) -> Rule:
    seen = applies if callable(applies) else rows(*applies)
    return Rule(name, means, seen, blocks=blocks, audience=SERVERS, when=START, lasts=UNTIL_STOPPED)


RULES = (
    _rule(
        "home-names",
        "home volumes get other names ({}): who starts a server and whose volume the hub does not remember finds an "
        "empty home; the old volumes stay",
        see.moved(*see.HOME_NAMES),
        blocks=True,
    ),
    _rule("capacity", "{}", capacity.never, blocks=True),
    _rule("profiles-gone", "{}; running servers keep going", choices.profiles_gone, blocks=True),
    _rule("profile-removed", "{}; running servers keep going", choices.profiles_removed, blocks=True),
    _rule("choice-removed", "{}; running servers keep going", choices.choices_removed, blocks=True),
    _rule(
        "hub-access",
        "new servers cannot reach the hub and fail to start: the hub's network policy asks for the label {}, which "
        "they no longer get from singleuser.extraLabels",
        choices.labels,
    ),
    _rule("profile-access", "who may take a profile, or what may be typed in, changes: {}", choices.access),
    _rule("profiles", "what people choose from changes: {}", choices.others),
    _rule("user-image", "new servers start from another image ({})", choices.images),
    _rule("user-resources", "new servers get other resources ({})", choices.resources),
    _rule("start-page", "people come to another page when they open a server ({})", PAGE),
    _rule(
        "server-command",
        "new servers are started by another command ({}): where it is wrong, none of them starts",
        COMMAND,
    ),
    _rule("user-environment", "new servers get other environment variables ({})", ENVIRONMENT),
    _rule("user-files", "new servers get other files from the settings ({})", FILES),
    _rule(
        "user-mounts",
        "other volumes are mounted into new servers, or elsewhere ({}): what is not found at its place looks lost",
        MOUNTS,
    ),
    _rule(
        "new-homes",
        "home volumes that are made from now on are others ({}): those that exist stay as they are",
        NEW_HOMES,
    ),
    _rule(
        "user-identity",
        "new servers run as another user or group, or may do more ({}): files that belong to the old one may be closed "
        "to them",
        IDENTITY,
    ),
    _rule(
        "user-account", "new servers have another account in the cluster ({}), and may do there what it may", ACCOUNT
    ),
    _rule("user-pod", "pods of new servers get other containers, labels, names or lifecycle hooks ({})", POD),
    _rule(
        "image-access",
        "images are pulled with other credentials or at other times ({}): where they are refused, no server starts on "
        "a node without the image",
        PULLING,
    ),
    _rule(
        "user-placement",
        "new servers go to other nodes ({}): where no node fits, every start waits until it fails",
        PLACEMENT,
    ),
    _rule("server-start", "how long a start may take, or what is shown of it, changes ({})", STARTING),
    _rule(
        "metadata-server",
        "how new servers are kept from the cloud's metadata server, which can hand out the node's credentials, changes "
        "({})",
        METADATA,
    ),
    _rule(
        "spawner-settings",
        "the spawner has other settings ({})",
        rows("hub.config.*Spawner", but=TOLD),
    ),
)
"""Rules about new servers; what blocks stands first."""
