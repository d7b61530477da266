"""The Kubernetes provider that a stack's state names, on a machine that has another version which will do as well.

An update runs the program, which asks for the version that is there. A refresh and a destroy take the state's, and the
engine would have to download that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubstack.components import provider_version
from hubstack.toolchain import Catalog

_TYPE = "pulumi:providers:kubernetes"


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
        if each["type"] == _TYPE and available in will_do and named in will_do and named != available:
            before = str(named)
            for values in (each["inputs"], each.get("outputs") or {}):
                values["version"] = available
    return before
