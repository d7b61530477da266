"""Ways to name a hub's objects, and the names that Helm then makes.

The names are written out here as ``helm template`` printed them for charts 4.4.0, 4.3.5 and 3.3.8 alike; where a real
chart is at hand, a test asks Helm again. So what our own code derives is never compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Naming:
    """One way to name objects."""

    id: str
    release: str
    values: Mapping[str, Any]
    """What the user sets."""
    hub: str
    """Name of the hub's Deployment and of the Secret with its tokens."""
    claim: str
    """Name of the hub's database volume claim."""
    proxy_public: str
    """Name of the Service that people come in by."""
    user_scheduler: str
    """Name of the user scheduler's Deployment."""


_LONG_RELEASE = "a-release-whose-name-is-as-long-as-helm-allows-53-let"
_LONG_NAME = "n" * 63

NAMINGS = (
    Naming("default", "jhub", {}, "hub", "hub-db-dir", "proxy-public", "user-scheduler"),
    Naming("blank", "jhub", {"fullnameOverride": ""}, "hub", "hub-db-dir", "proxy-public", "user-scheduler"),
    Naming(
        "blank-hides-name",
        "jhub",
        {"fullnameOverride": "", "nameOverride": "teaching"},
        "hub",
        "hub-db-dir",
        "proxy-public",
        "user-scheduler",
    ),
    Naming(
        "full-name",
        "jhub",
        {"fullnameOverride": "lab"},
        "lab-hub",
        "lab-hub-db-dir",
        "lab-proxy-public",
        "lab-user-scheduler",
    ),
    Naming(
        "null",
        "jhub",
        {"fullnameOverride": None},
        "jhub-jupyterhub-hub",
        "jhub-jupyterhub-hub-db-dir",
        "jhub-jupyterhub-proxy-public",
        "jhub-jupyterhub-user-scheduler",
    ),
    Naming(
        "null-with-blank-name",
        "jhub",
        {"fullnameOverride": None, "nameOverride": ""},
        "jhub-jupyterhub-hub",
        "jhub-jupyterhub-hub-db-dir",
        "jhub-jupyterhub-proxy-public",
        "jhub-jupyterhub-user-scheduler",
    ),
    Naming(
        "null-with-name",
        "jhub",
        {"fullnameOverride": None, "nameOverride": "teaching"},
        "jhub-teaching-hub",
        "jhub-teaching-hub-db-dir",
        "jhub-teaching-proxy-public",
        "jhub-teaching-user-scheduler",
    ),
    Naming(
        "release-contains-chart",
        "our-jupyterhub",
        {"fullnameOverride": None},
        "our-jupyterhub-hub",
        "our-jupyterhub-hub-db-dir",
        "our-jupyterhub-proxy-public",
        "our-jupyterhub-user-scheduler",
    ),
    Naming(
        "release-contains-name",
        "teaching-hub",
        {"fullnameOverride": None, "nameOverride": "teaching"},
        "teaching-hub-hub",
        "teaching-hub-hub-db-dir",
        "teaching-hub-proxy-public",
        "teaching-hub-user-scheduler",
    ),
    Naming(
        "long-release",
        _LONG_RELEASE,
        {"fullnameOverride": None},
        f"{_LONG_RELEASE}-jupyterhub-hub",
        f"{_LONG_RELEASE}-jupyterhub-hub-db-dir",
        f"{_LONG_RELEASE}-jupyterhub-proxy-public",
        f"{_LONG_RELEASE}-jupyterhub-user-scheduler",
    ),
    Naming(
        "long-name",
        "jhub",
        {"fullnameOverride": None, "nameOverride": _LONG_NAME},
        f"jhub-{_LONG_NAME}-hub",
        f"jhub-{_LONG_NAME}-hub-db-dir",
        f"jhub-{_LONG_NAME}-proxy-public",
        f"jhub-{_LONG_NAME}-user-scheduler",
    ),
    Naming(
        "existing-secret",
        "jhub",
        {"hub": {"existingSecret": "brought"}},
        "hub",
        "hub-db-dir",
        "proxy-public",
        "user-scheduler",
    ),
)
