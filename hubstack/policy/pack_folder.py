"""A policy pack for the engine: a folder for `pulumi preview --policy-pack`, which starts `hubstack.policy_pack`."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from hubstack.errors import HubstackError

_PROGRAM = '''\
"""The project's policies.yaml, asked by the engine."""

from hubstack.policy_pack import main

main()
'''
FILES = ("PulumiPolicy.yaml", "__main__.py")


def write(folder: Path) -> tuple[str, ...]:
    """Write a pack; gives the names of its files.

    Raises:
        HubstackError: files of these names are there already.
    """
    if in_the_way := [name for name in FILES if (folder / name).exists()]:
        raise HubstackError(f"{folder}: has {' and '.join(in_the_way)} already; choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    options = {"toolchain": "pip", "virtualenv": sys.prefix} if sys.prefix != sys.base_prefix else {}
    project = {
        "description": "The rules of policies.yaml",
        "runtime": {"name": "python", "options": options} if options else "python",
    }
    (folder / FILES[0]).write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    (folder / FILES[1]).write_text(_PROGRAM, encoding="utf-8")
    return FILES
