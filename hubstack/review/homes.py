"""Home volumes under other names: how many of the live ones the new settings would no longer find.

KubeSpawner names a user's claim by a template and a slug scheme (jupyterhub-kubespawner.readthedocs.io, "Templated
fields"). The claims themselves say whose they are, so the new name of each can be told without asking the hub.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hubstack import project
from hubstack.configuration import kubeconfig_path
from hubstack.errors import HubstackError
from hubstack.migration import access
from hubstack.review.change import section
from hubstack.review.rendering import Rendered

SELECTOR = "component=singleuser-storage"
"""Label of every claim that KubeSpawner makes."""
USER, SERVER = "hub.jupyter.org/username", "hub.jupyter.org/servername"
"""Annotations of a claim, with the names as people know them."""
DEFAULT_TEMPLATE = "claim-{user_server}"
DEFAULT_SCHEME = "safe"
LONGEST_SLUG = 48
HASH_DIGITS = 8
PAGE_SIZE = 500
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Claim:
    """A live home volume."""

    name: str
    user: str
    """Whose it is."""
    server: str = ""
    """Of which of the user's servers; blank for the one without a name."""


ReadClaims = Callable[[Rendered], list[Claim]]
"""Reads the live home volumes of a stack."""


@dataclass(frozen=True)
class Homes:
    """What a change of names means for the live home volumes of a stack."""

    live: int
    """How many there are."""
    orphaned: int
    """How many the new settings would not name."""
    unknown: int = 0
    """How many more do not say whose they are."""

    def note(self) -> str:
        """The same in words, without anybody's name."""
        unknown = f"; {self.unknown} more do not say whose they are" if self.unknown else ""
        if not self.live:
            return f"home volumes: there are none yet, so nobody loses one{unknown}"
        return f"home volumes: {self.orphaned} of {self.live} live ones would be orphaned under the new names{unknown}"


def judge(claims: Sequence[Claim], head: Rendered) -> Homes:
    """Count the claims that the new settings would look for under another name.

    Raises:
        HubstackError: the new template has a field that only the hub can fill.
    """
    known = [(claim.name, new_name(claim, head)) for claim in claims if claim.user]
    return Homes(len(known), sum(old != new for old, new in known), sum(not claim.user for claim in claims))


def new_name(claim: Claim, side: Rendered) -> str | None:
    """Name of the claim that a user's server would mount; None where it would mount none of its own.

    Raises:
        HubstackError: the template has a field that only the hub can fill.
    """
    storage = section(side.values, "singleuser.storage")
    if storage.get("type", "dynamic") == "none":
        return None
    spawner = section(side.values, "hub.config.KubeSpawner")
    dynamic = section(storage, "dynamic")
    template = spawner.get("pvc_name_template") or dynamic.get("pvcNameTemplate") or DEFAULT_TEMPLATE
    if storage.get("type") == "static":
        template = section(storage, "static").get("pvcName") or ""
    fields = _fields(claim, str(spawner.get("slug_scheme") or DEFAULT_SCHEME), side.namespace)
    try:
        name = str(template).format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise HubstackError(
            f"home volumes: the name template {template!r} has a field that only the hub can fill, so how many would "
            f"be orphaned cannot be told; fields that can be told: {', '.join(sorted(fields))}"
        ) from None
    # KubeSpawner takes away what an empty server name leaves behind.
    return name if str(template).endswith("-") else name.rstrip("-")


def note(base: Rendered, head: Rendered, read: ReadClaims) -> str:
    """What a change of names means for a stack's live home volumes, or why that cannot be told."""
    try:
        return judge(read(base), head).note()
    except HubstackError as error:
        return str(error)


def live_claims(side: Rendered) -> list[Claim]:
    """The live home volumes of a deployed stack, through its kubeconfig and context.

    Raises:
        HubstackError: the cluster does not answer, or refuses.
    """
    import kubernetes  # seconds of import time, paid only where a cluster is asked

    where = f"home volumes of namespace {side.namespace}, context {side.config.get('kubeContext')}"
    kubeconfig = kubeconfig_path(side.config.get("kubeconfig"), project.ROOT)
    try:
        api = kubernetes.client.CoreV1Api(access.client(str(side.config.get("kubeContext")), kubeconfig))
        found, more = [], None
        while more != "":
            page = api.list_namespaced_persistent_volume_claim(
                side.namespace,
                label_selector=SELECTOR,
                limit=PAGE_SIZE,
                _continue=more,
                _request_timeout=TIMEOUT_SECONDS,
            )
            found += page.items
            more = page.metadata._continue or ""
    except HubstackError as error:
        raise HubstackError(f"{where}: {error}") from None
    except kubernetes.client.ApiException as error:
        raise HubstackError(f"{where}: the cluster answers {error.status} {error.reason}") from None
    except Exception as error:  # the client lets errors of three libraries through
        raise HubstackError(f"{where}: the cluster cannot be reached ({type(error).__name__})") from None
    return [_claim(each.metadata) for each in found]


def _claim(metadata: Any) -> Claim:
    notes = metadata.annotations or {}
    return Claim(metadata.name, notes.get(USER, ""), notes.get(SERVER, ""))


def _fields(claim: Claim, scheme: str, namespace: str) -> dict[str, str]:
    escaped = {"username": _escaped(claim.user), "servername": _escaped(claim.server)}
    safe = {"username": _safe(claim.user), "servername": _safe(claim.server) if claim.server else ""}
    joined = "--".join(part for part in safe.values() if part)
    if len(safe["username"]) + len(safe["servername"]) + 2 > LONGEST_SLUG:
        joined = _hashed((claim.user, claim.server), LONGEST_SLUG, LONGEST_SLUG - HASH_DIGITS - 1)
    safe["user_server"] = joined
    escaped["user_server"] = "--".join(part for part in escaped.values() if part)
    chosen = escaped if scheme == "escape" else safe
    return {
        **chosen,
        **{f"safe_{key}": text for key, text in safe.items()},
        **{f"escaped_{key}": text for key, text in escaped.items()},
        # Here KubeSpawner joins even where there is no server name.
        "escaped_user_server": f"{escaped['username']}--{escaped['servername']}",
        "unescaped_username": claim.user,
        "unescaped_servername": claim.server,
        "hubnamespace": "user" if namespace == "default" else namespace,
        "namespace": namespace,
    }


def _escaped(name: str) -> str:
    """The scheme ``escape``: every byte but lower-case letters and digits becomes ``-`` and its hex code."""
    kept = string.ascii_lowercase + string.digits
    return "".join(
        letter if letter in kept else "".join(f"-{byte:x}" for byte in letter.encode()) for letter in name
    ).lower()


def _safe(name: str) -> str:
    """The scheme ``safe``: a valid name as it is, any other shortened and told apart by a hash."""
    valid = re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= LONGEST_SLUG and "--" not in name
    return name if valid else _hashed((name,), LONGEST_SLUG, LONGEST_SLUG - HASH_DIGITS - 3)


def _hashed(names: tuple[str, ...], longest: int, room: int) -> str:
    digest = hashlib.sha256(b"\xff".join(name.encode() for name in names)).hexdigest()[:HASH_DIGITS]
    # Several names share the room, each with a delimiter of two.
    each = room if len(names) == 1 else room // len(names) - 2
    return f"{'--'.join(_shortened(name, each) for name in names)}---{digest}"[:longest]


def _shortened(name: str, longest: int) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-")[:longest].rstrip("-")
    if plain and not plain[0].isalpha():
        plain = f"x-{plain[: longest - 2]}"
    return plain or "x"
