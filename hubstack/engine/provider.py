"""The Kubernetes provider: the variables that it reads, and the version that a stack's state names.

An update runs the program, which asks for the version that is there. A refresh and a destroy take the state's, and the
engine would download it, although this machine may have another version that will do as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.components import existing, provider_version
from hubstack.toolchain import Catalog

TYPE = "pulumi:providers:kubernetes"
FORCE = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}
"""Let the provider write fields that somebody else has written since; without it that is an error, in a preview too."""
TAKE_OVER = {existing.UPSERT: "true", **FORCE}
"""Let the provider take over objects that exist already; set only for what our own interrupted update began, or what an
adoption has described."""


def adapt(deployment: dict[str, Any], environment: Mapping[str, str]) -> str | None:
    """Let a state name the version that this machine has, as the next update would.

    A version that `toolchain.yaml` does not list stays: nobody has tried what another one makes of its state.

    Arguments:
        deployment: the state, which is changed.
        environment: the engine's variables, with the version that is there.

    Returns:
        The version that was named until now; None where nothing was changed.
    """
    available = environment.get(provider_version.VARIABLE)
    will_do = Catalog.load().release("pulumi-resource-kubernetes").versions
    before = None
    for each in deployment.get("resources") or []:
        named = each.get("inputs", {}).get("version")
        if each["type"] == TYPE and available in will_do and named in will_do and named != available:
            before = str(named)
            for values in (each["inputs"], each.get("outputs") or {}):
                values["version"] = available
    return before
