"""The engine's programs and variables."""

from __future__ import annotations

from hubstack import project, stacks
from hubstack.toolchain import Tools

ENGINE_TOOLS = ("pulumi", "pulumi-resource-kubernetes", "pulumi-resource-random")


def engine_environment(found: Tools) -> dict[str, str]:
    """Environment of the engine: pinned tools first on PATH, pinned plugins, the backend."""
    home = project.state_dir() / "pulumi"
    found.pulumi_home(home)
    return {**found.environment(), "PULUMI_HOME": str(home), **stacks.backend_environment()}
