"""The traits of KubeSpawner that decide where a user's pod can run, and what a hub's settings make of them.

As the hub's own configuration does it (``chart/files/jupyterhub_config.py``); tests compare the pods with those of
KubeSpawner 7.0.0 itself.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from typing import Any

from hubstack.chart import spawner_traits

Traits = dict[str, Any]
"""Value by name of the trait."""

MAPS = ("node_selector", "extra_labels", "extra_resource_limits", "extra_resource_guarantees", "extra_container_config",
        "extra_pod_config")  # fmt: skip
LISTS_OR_MAPS = (
    "node_affinity_required", "pod_affinity_required", "pod_anti_affinity_required", "tolerations", "init_containers",
    "extra_containers", "volumes",
)  # fmt: skip
NUMBERS = ("cpu_limit", "cpu_guarantee")
SIZES = ("mem_limit", "mem_guarantee")
TEXTS = ("priority_class_name", "scheduler_name")

DECISIVE = frozenset((*MAPS, *LISTS_OR_MAPS, *NUMBERS, *SIZES, *TEXTS))
"""Traits that the place of a pod depends on."""

HOOKS = frozenset((
    "options_form", "options_from_form", "apply_user_options", "group_overrides", "pre_spawn_hook", "modify_pod_hook",
    "auth_state_hook", "profile_list", "enable_user_namespaces", "namespace",
))  # fmt: skip
"""Traits that may change any other one, or the profiles, when a server starts."""

HARMLESS = frozenset((
    "allow_privilege_escalation", "args", "automount_service_account_token", "after_pod_created_hook", "cmd",
    "common_labels", "component_label", "consecutive_failure_limit", "container_security_context", "debug",
    "default_url", "delete_grace_period", "delete_pvc", "delete_stopped_pods", "disable_user_config",
    "dns_name_template", "env_keep", "environment", "events_enabled", "extra_annotations", "fs_gid", "gid",
    "http_timeout", "hub_connect_ip", "hub_connect_port", "hub_connect_url", "image", "image_pull_policy",
    "image_pull_secrets", "ip", "k8s_api_request_retry_timeout", "k8s_api_request_timeout", "lifecycle_hooks",
    "node_affinity_preferred", "notebook_dir", "oauth_client_allowed_scopes", "oauth_roles",
    "pod_affinity_preferred", "pod_anti_affinity_preferred", "pod_name_template", "pod_security_context",
    "poll_interval", "poll_jitter", "port", "post_stop_hook", "privileged", "profile_form_template",
    "additional_profile_form_template_paths", "progress_ready_hook", "pvc_name_template", "remember_pvc_name",
    "server_token_scopes", "service_account", "services_enabled", "slug_scheme", "start_timeout",
    "storage_access_modes", "storage_capacity", "storage_class", "storage_extra_annotations",
    "storage_extra_labels", "storage_pvc_ensure", "storage_selector", "supplemental_gids", "uid", "volume_mounts",
    "working_dir",
))  # fmt: skip
"""Traits that no scheduler looks at."""

SETTINGS = {trait: tuple(setting.split(".")) for trait, setting in spawner_traits.SETTINGS.items() if trait in DECISIVE}
"""The setting below ``singleuser`` that each trait takes."""

_SUFFIXES = ("K", "M", "G", "T")
_OLD_PREFIX = "singleuser_"


class RefusedError(Exception):
    """A value that JupyterHub or KubeSpawner refuses; says which and why."""


def defaults() -> Traits:
    """The traits as KubeSpawner has them without any configuration."""
    empty: Traits = {name: {} for name in MAPS}
    empty.update({name: [] for name in LISTS_OR_MAPS})
    empty.update(dict.fromkeys((*NUMBERS, *SIZES, "scheduler_name")))
    empty["priority_class_name"] = ""
    return empty


def current_name(name: str) -> str:
    """A trait under the name that it has today; before KubeSpawner 0.9 many began with ``singleuser_``."""
    return name.removeprefix(_OLD_PREFIX) if name.removeprefix(_OLD_PREFIX) in DECISIVE else name


def checked(name: str, value: Any) -> Any:
    """A trait's value as KubeSpawner keeps it: a size in bytes, for one.

    Raises:
        RefusedError: it is of a type that the trait does not take.
    """
    if name in SIZES:
        return value if value is None else _bytes(name, value)
    if name in NUMBERS:
        if value is None or isinstance(value, int | float):
            return value if value is None else float(value)
        raise RefusedError(f"{name}: {value!r} must be a number without quotes")
    if name in MAPS and not isinstance(value, Mapping):
        raise RefusedError(f"{name}: must be a map, not {type(value).__name__}")
    if name in LISTS_OR_MAPS and not isinstance(value, Mapping | list):
        raise RefusedError(f"{name}: must be a list or a map, not {type(value).__name__}")
    if name in TEXTS and not isinstance(value, str) and not (value is None and name == "scheduler_name"):
        raise RefusedError(f"{name}: must be text, not {type(value).__name__}")
    return value


def override(traits: Traits, changes: Mapping[str, Any]) -> Traits:
    """Traits after a ``kubespawner_override``: a map is merged into a map, anything else takes its place.

    Raises:
        RefusedError: KubeSpawner would refuse a value, so that the server does not start.
    """
    result = copy.deepcopy(traits)
    for name, value in changes.items():
        trait = current_name(str(name))
        if trait not in DECISIVE:
            continue
        if isinstance(value, Mapping) and isinstance(result[trait], Mapping):
            _merge(result[trait], value, trait)
        else:
            result[trait] = checked(trait, copy.deepcopy(value))
    return result


def _merge(target: Any, new: Mapping[str, Any], where: str) -> None:
    """KubeSpawner's ``recursive_update``: null removes a key."""
    if not isinstance(target, dict):
        raise RefusedError(f"{where}: a map cannot be merged into {type(target).__name__}")
    for key, value in new.items():
        if isinstance(value, Mapping):
            _merge(target.setdefault(key, {}), value, f"{where}.{key}")
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


def _bytes(name: str, value: Any) -> int:
    """A size as JupyterHub's ``ByteSpecification`` reads it: a number, or text that ends in K, M, G or T."""
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, int | float):
            return int(value)
        if isinstance(value, str) and value[-1:] in _SUFFIXES:
            return int(float(value[:-1]) * 1024 ** (_SUFFIXES.index(value[-1]) + 1))
    raise RefusedError(f"{name}: {value!r} is no size that JupyterHub reads; write a number with K, M, G or T")
