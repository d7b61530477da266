"""A stack's file: settings are added to it, secret ones encrypted; everything else stays as somebody has written it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hubstack import configuration, reading
from hubstack.configuration import Configuration, Setting
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import commented_yaml
from hubstack.migration.split import leaves
from hubstack.project.secrets_provider import KEYS


def put(file: Path, settings: Mapping[str, Any]) -> None:
    """Put settings into the stack's configuration, new ones at its head, and its secrets provider into the file.

    Arguments:
        file: the stack's file; comments, order and quotes stay as they are.
        settings: keys ``hubstack:...``, and those of `secrets_provider.KEYS`; a setting that is in the file already is
            changed in place, a secrets provider that is there stays.

    Raises:
        HubstackError: the file is written in a way that this cannot change; it is as it was.
    """
    text = reading.text(file)
    before = reading.from_yaml(text, file.name)
    provider = {key: value for key, value in settings.items() if key in KEYS and key not in before}
    config = {key: value for key, value in settings.items() if key not in KEYS and value not in ("", {}, [])}
    wanted = {**provider, **before, "config": {**(before.get("config") or {}), **config}}
    changed = commented_yaml.edited(text, provider, config)
    if changed is None or reading.from_yaml(changed, file.name) != wanted:
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


def encrypted(engine: EngineStack, secrets: Mapping[Setting, Any]) -> dict[str, Any]:
    """Encrypt each leaf of some settings with the stack's own secrets provider.

    Arguments:
        engine: the engine on the stack.
        secrets: a tree for each setting.

    Returns:
        What belongs into the stack's file: the settings, and what it has to say about its secrets provider.

    Raises:
        HubstackError: a setting could not be encrypted.
    """
    for name, tree in secrets.items():
        for path, value in leaves(tree):
            setting = f"{configuration.key(name)}{path}"
            try:
                engine.set_secret(setting, value if isinstance(value, str) else str(value))
            except HubstackError as error:
                raise HubstackError(f"{setting} could not be encrypted: {error}") from None
    stack = engine.stack
    written = reading.yaml_file(stack.folder / f"Pulumi.{stack.name}.yaml")
    config = configuration.keyed(
        {name: Configuration(written["config"])[name] for name, tree in secrets.items() if tree}
    )
    return {**{key: written[key] for key in KEYS if key in written}, **config}
