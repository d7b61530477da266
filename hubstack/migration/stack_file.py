"""A stack's file: settings are added to it, secret ones encrypted; everything else stays as somebody has written it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from hubstack import configuration, reading, unread
from hubstack.chart.merge import merge_files
from hubstack.chart.samples import found as at
from hubstack.configuration import Setting
from hubstack.engine.stack import EngineStack
from hubstack.errors import HubstackError
from hubstack.migration import commented_yaml
from hubstack.migration.split import scalars
from hubstack.project import stacks
from hubstack.project.secrets_provider import KEYS
from hubstack.secret_settings import Place, places


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
    set_ = {key: value for key, value in settings.items() if value not in ("", {}, [])}
    config = {key: value for key, value in set_.items() if key not in KEYS}
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


def encrypted(engine: EngineStack, secrets: Mapping[Setting, Any], readable: Collection[Place] = ()) -> dict[str, Any]:
    """Encrypt some settings with the stack's own secrets provider, so that the program gets back what was given.

    Leaf by leaf, so that the file still shows which settings there are. The engine gives every ciphertext back as a
    text. So a setting with a secret number in it, or with a secret for a key, is encrypted as a whole, as JSON.

    Arguments:
        engine: the engine on the stack.
        secrets: a tree for each setting; it is merged into what the stack's file has of the setting.
        readable: places of leaves that are no secrets, and keep their type.

    Returns:
        What belongs into the stack's file: the settings, and what it has to say about its secrets provider.

    Raises:
        HubstackError: a setting could not be encrypted.
    """
    stack = engine.stack
    found: dict[Setting, Any] = {}
    for name, tree in secrets.items():
        before = stack.settings.get(name) or {}
        if not tree:
            continue
        if unread.is_encrypted(before) or not _has_text_alone(tree, readable):
            whole = json.loads(engine.entries()[name]) if before else {}
            found[name] = _ciphertext(engine, configuration.key(name), json.dumps(merge_files((whole, tree))))
        else:
            before = json.loads(before) if isinstance(before, str) else before
            found[name] = merge_files((before, _by_leaf(engine, configuration.key(name), tree, readable, ())))
    written = _work_file(engine)
    stacks.write_work_folder(stack)
    return {**{key: written[key] for key in KEYS if key in written}, **configuration.keyed(found)}


def _has_text_alone(tree: Any, readable: Collection[Place]) -> bool:
    leaves_are_text = all(isinstance(leaf, str) or place in readable for place, leaf in scalars(tree))
    return leaves_are_text and not any(isinstance(at(tree, place), Mapping) for place in places(tree))


def _by_leaf(engine: EngineStack, name: str, tree: Any, readable: Collection[Place], place: Place) -> Any:
    if place in readable:
        return tree
    if isinstance(tree, Mapping):
        return {key: _by_leaf(engine, name, each, readable, (*place, str(key))) for key, each in tree.items()}
    if isinstance(tree, list):
        return [_by_leaf(engine, name, each, readable, (*place, index)) for index, each in enumerate(tree)]
    return _ciphertext(engine, configuration.config_path(name, place), tree)


def _ciphertext(engine: EngineStack, setting: str, text: str) -> Any:
    """A text as it stands in a stack's file, encrypted by way of the copy in the work folder."""
    try:
        engine.set_secret(_DRAFT, text)
    except HubstackError as error:
        raise HubstackError(f"{setting} could not be encrypted: {error}") from None
    return _work_file(engine)["config"][_DRAFT]


def _work_file(engine: EngineStack) -> Any:
    stack = engine.stack
    return reading.yaml_file(stack.folder / f"Pulumi.{stack.name}.yaml")


_DRAFT = f"{configuration.PREFIX}encrypting"
"""A key of the work folder's copy for what is being encrypted."""
