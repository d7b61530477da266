"""What a project's Pulumi.yaml says: its name, and that its program is Python.

The name is anybody's choice. It is a part of each resource's URN and of the paths in a state backend, and nothing else:
the settings of a stack begin with ``hubstack:`` whatever the project is called.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from hubstack import reading
from hubstack.errors import HubstackError

FILE = "Pulumi.yaml"
DEFAULT_NAME = "hubstack"
"""Name of a project that has only settings, and no Pulumi.yaml."""
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""Names that Pulumi takes (``tokens.ValidateProjectName`` of its SDK)."""
RUNTIME = "python"


def read(root: Path) -> dict[str, Any]:
    """A project's definition; one without a Pulumi.yaml gets the usual one.

    Arguments:
        root: the project's folder.

    Raises:
        HubstackError: the file cannot be used.
    """
    file = root / FILE
    if not file.exists():
        return {"name": DEFAULT_NAME, "runtime": RUNTIME}
    found = _parsed(file, reading.text(file))
    if (runtime := _runtime(found)) != RUNTIME:
        raise HubstackError(f"{file}: runtime: {runtime!r}: must be {RUNTIME!r}; Hubstack runs programs in Python")
    for key in ("main", "stackConfigDir"):
        if (value := found.get(key)) not in (None, "", ".", "./"):
            raise HubstackError(
                f"{file}: {key}: {value!r}: is not supported; the program and the stacks' files lie beside {FILE}"
            )
    return dict(found)


def name(root: Path) -> str:
    """Name of the project that a folder has.

    Raises:
        HubstackError: its Pulumi.yaml cannot be used.
    """
    file = root / FILE
    return str(_parsed(file, reading.text(file))["name"]) if file.exists() else DEFAULT_NAME


def is_name(text: Any) -> bool:
    """Whether a project may be called so."""
    return isinstance(text, str) and NAME.fullmatch(text) is not None


def is_python(file: Path) -> bool:
    """Whether a Pulumi.yaml is a project of ours: any in Python.

    One that cannot be read is taken for ours, so that the command that needs it says what is wrong with it.
    """
    try:
        found = reading.yaml_file(file)
    except reading.Unreadable:
        return True
    return not isinstance(found, dict) or _runtime(found) in (RUNTIME, None)


@cache
def _parsed(file: Path, text: str) -> dict[str, Any]:
    """A definition that has a name; each content is parsed once, because a plan asks for every stack."""
    found = reading.from_yaml(text, str(file))
    if not isinstance(found, dict):
        raise HubstackError(f"{file}: must be a map with the keys 'name' and 'runtime'")
    if not is_name(found.get("name")):
        raise HubstackError(f"{file}: name: {found.get('name')!r}: must be 1 to 100 letters, digits, '-', '_' and '.'")
    return found


def _runtime(found: dict[str, Any]) -> Any:
    """Name of the runtime, which stands alone or in a map with its options."""
    runtime = found.get("runtime")
    return runtime.get("name") if isinstance(runtime, dict) else runtime
