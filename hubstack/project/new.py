"""`hubstack new`: a small project of one's own, that needs no checkout.

The files are those below ``template/``; each ``@word@`` in them has a value here. This repository's own program and
workflows are the same texts with other values, which a test compares.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml

from hubstack import project
from hubstack.errors import HubstackError
from hubstack.project import actions, definition, secrets_provider
from hubstack.project.stacks import EMBEDDED_CONTEXT

TEMPLATE = Path(__file__).with_name("template")
SUFFIX = ".in"
"""Ending of a template, so that no tool takes it for what it is not yet."""
FILES = (
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "config.yaml",
    "fleet.yaml",
    "policies.yaml",
    "__main__.py",
    "requirements.txt",
    "requirements.lock",
    "README.md",
    ".gitignore",
    ".github/workflows/review.yml",
    ".github/workflows/review-comment.yml",
    ".github/workflows/deploy.yml",
    ".github/workflows/drift.yml",
)
"""What a new project has."""
UNPROTECTED = """\
  # A development stack may be thrown away; leave this out where people keep their work.
  hubstack:protectData: "false\""""
PROTECTED = "  # Data is protected: nothing deletes it unless hubstack:protectData is false."


@dataclass(frozen=True)
class NewProject:
    """What was made."""

    folder: Path
    name: str
    context: str
    files: tuple[str, ...]


def make(folder: Path, name: str | None = None, context: str | None = None, provider: str | None = None) -> NewProject:
    """Write a project; nothing that is there already is changed.

    Arguments:
        folder: where to; made where it is missing.
        name: the project's name; None for the folder's.
        context: kubeconfig context that stack dev deploys to; None for the embedded cluster.
        provider: key service that encrypts the stack's secrets; None for the backend's own way.

    Raises:
        HubstackError: files are in the way, or the name or the key service is none that Pulumi takes. Nothing is
            written then.
    """
    folder = Path(os.path.expanduser(folder)).resolve()
    if name is None:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name).strip("-") or definition.DEFAULT_NAME
    if not definition.is_name(name):
        raise HubstackError(f"--name {name!r}: must be 1 to 100 letters, digits, '-', '_' and '.'")
    provider = secrets_provider.named({"secretsprovider": provider}, "--secrets-provider")
    if folder.exists() and not folder.is_dir():
        raise HubstackError(f"{folder}: is there already, and is no folder")
    if in_the_way := [file for file in FILES if (folder / file).exists() or (folder / file).is_symlink()]:
        raise HubstackError(
            f"{folder}: has files that a new project would write: {', '.join(in_the_way)}. Move them away, or choose "
            "another folder. Nothing was changed."
        )
    is_embedded = context is None
    words = {
        "name": _scalar(name),
        "context": _scalar(context or EMBEDDED_CONTEXT),
        "protection": UNPROTECTED if is_embedded else PROTECTED,
        "secrets": f"secretsprovider: {_scalar(provider)}\n" if provider else "",
        "requirement": requirement(),
        "setup": project.SETUP_INSTALLED,
        "sources": '"__main__.py", "requirements.*"',
    }
    written: list[Path] = []
    try:
        for file in FILES:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(filled(file, words), encoding="utf-8")
    except OSError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return NewProject(folder, name, context or EMBEDDED_CONTEXT, FILES)


def filled(file: str, words: Mapping[str, str]) -> str:
    """The text of one of `FILES`.

    Arguments:
        file: its name.
        words: what stands for each ``@word@``; ``@`` elsewhere is text.
    """
    text = (TEMPLATE / f"{file}{SUFFIX}").read_text(encoding="utf-8")
    known = {**{_word(each): f"{each.uses} # {each.tag}" for each in actions.ALL}, **words}
    return re.sub(r"@([a-z]+)@", lambda match: known[match[1]], text)


def _word(action: actions.Action) -> str:
    """What stands for an action in a template."""
    return action.name.rpartition("/")[2].replace("-", "")


def requirement() -> str:
    """How pip gets the Hubstack that runs here: its version, or the address that it was installed from.

    An address on this machine alone is of no use to others, so that the version stands then (PEP 610 says what
    ``direct_url.json`` has).
    """
    try:
        installed = metadata.distribution("hubstack")
    except metadata.PackageNotFoundError:
        return "hubstack"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    address = str(origin.get("url") or "")
    if vcs := origin.get("vcs_info"):
        return f"hubstack @ {vcs['vcs']}+{address}@{vcs['commit_id']}"
    if address.startswith("https://"):
        return f"hubstack @ {address}"
    return f"hubstack=={installed.version}"


def _scalar(text: str) -> str:
    """Text as it stands behind a key of YAML."""
    return str(yaml.safe_dump(text, width=1000, allow_unicode=True)).splitlines()[0]
