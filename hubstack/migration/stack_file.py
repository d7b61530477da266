"""A stack's file: settings are added to it, secret ones encrypted; everything else stays as somebody has written it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from hubstack.engine.environment import engine_environment, engine_tools
from hubstack.errors import HubstackError
from hubstack.migration import commented_yaml
from hubstack.migration.split import leaves
from hubstack.project import stacks

ENCRYPTION = ("secretsprovider", "encryptedkey", "encryptionsalt")
"""What a stack's file says about its secrets provider."""


def put(file: Path, settings: Mapping[str, Any]) -> None:
    """Put settings into the stack's configuration, new ones at its head, and its secrets provider into the file.

    Arguments:
        file: the stack's file; comments, order and quotes stay as they are.
        settings: keys ``hubstack:...``, and those of `ENCRYPTION`; a setting that is in the file already is changed in
            place, a secrets provider that is there stays.

    Raises:
        HubstackError: the file is written in a way that this cannot change; it is as it was.
    """
    text = file.read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    provider = {key: value for key, value in settings.items() if key in ENCRYPTION and key not in before}
    config = {key: value for key, value in settings.items() if key not in ENCRYPTION and value not in ("", {}, [])}
    wanted = {**provider, **before, "config": {**(before.get("config") or {}), **config}}
    changed = commented_yaml.edited(text, provider, config)
    if changed is None or yaml.safe_load(changed) != wanted:
        by_hand = yaml.safe_dump(config, sort_keys=False, width=1000, allow_unicode=True)
        raise HubstackError(
            f"{file.name}: cannot be changed safely; write this below its key config yourself:\n{by_hand.rstrip()}"
        )
    write(file, changed)


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all, also where this process is killed."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


def encrypted(stack: stacks.Stack, secrets: Mapping[str, Any], console: Console) -> dict[str, Any]:
    """Encrypt each leaf of some settings with the stack's own secrets provider.

    Arguments:
        stack: the stack; made in the backend where it is new, and with it the key.
        secrets: a tree for each setting, named without ``hubstack:``.
        console: told about downloads.

    Returns:
        What belongs into the stack's file: the settings, and what it has to say about its secrets provider.

    Raises:
        HubstackError: a setting could not be encrypted.
    """
    from hubstack.lifecycle.updates import Updater

    found = engine_tools(console, embedded=stack.is_embedded)
    environment = engine_environment(found)
    Updater(stack, environment, console)
    for name, tree in secrets.items():
        for path, value in leaves(tree):
            # through standard input: an argument could be read by everybody on this machine
            command = [str(found["pulumi"]), "config", "set", "--secret", "--path", f"hubstack:{name}{path}"]
            text = value if isinstance(value, str) else str(value)
            done = subprocess.run(
                [*command, "--stack", stack.name, "--cwd", str(stack.folder), "--non-interactive"],
                input=f"{text}\n" if text.endswith("\n") else text,
                env={**os.environ, **environment}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["pulumi failed"])[-1]
                raise HubstackError(f"hubstack:{name}{path} could not be encrypted: {reason}")
    written = yaml.safe_load((stack.folder / f"Pulumi.{stack.name}.yaml").read_text())
    config = {f"hubstack:{name}": written["config"][f"hubstack:{name}"] for name, tree in secrets.items() if tree}
    return {**{key: written[key] for key in ENCRYPTION if key in written}, **config}
