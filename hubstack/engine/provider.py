"""The Kubernetes provider: the variables that it reads, and the version that a stack's state names.

An update runs the program, which asks for the version that is there. A refresh and a destroy take the state's, and the
engine would download it, although this machine may have another version that will do as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hubstack.components import existing, provider_version
from hubstack.engine.state import PROVIDER, Resource, State
from hubstack.toolchain import Catalog

FORCE = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}
"""Let the provider write fields that somebody else has written since; without it that is an error, in a preview too."""
TAKE_OVER = {existing.UPSERT: "true", **FORCE}
"""Let the provider take over objects that exist already; set only for what our own interrupted update began, or what an
adoption has described."""


def adapt(state: State, environment: Mapping[str, str]) -> tuple[State, str | None]:
    """Let a state name the version that this machine has, as the next update would.

    A version that `toolchain.yaml` does not list stays: nobody has tried what another one makes of its state.

    Arguments:
        state: the state.
        environment: the engine's variables, with the version that is there.

    Returns:
        The state, and the version that was named until now; None where nothing was changed.
    """
    available = environment.get(provider_version.VARIABLE)
    will_do = Catalog.load().release("pulumi-resource-kubernetes").versions
    before = None

    def adapted(each: Resource) -> Resource:
        nonlocal before
        named = each.inputs.get("version")
        if each.type != PROVIDER or available not in will_do or named not in will_do or named == available:
            return each
        before = str(named)
        inputs, outputs = ({**values, "version": available} for values in (each.inputs, each.outputs))
        return replace(each, inputs=inputs, outputs=outputs)

    return state.map(adapted), before
