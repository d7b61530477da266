"""A file of an OCI registry by its digest (github.com/opencontainers/distribution-spec), as anybody may read it.

A chart's archive is one such file as it is, so that the archive's own digest names it (helm.sh, "Use OCI-based
registries").
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

from hubstack import web
from hubstack.errors import HubstackError
from hubstack.web.origin import REDIRECTS, following

SECONDS = 120
LONGEST_TOKEN = 1 << 16


def blob(registry: str, name: str, digest: str, limit: int, *, plain: bool) -> bytes:
    """A file of a repository.

    Arguments:
        registry: an ``oci://`` URL.
        name: the repository below it.
        digest: of the file.
        limit: bytes that it may have.
        plain: whether the registry has no TLS.

    Raises:
        HubstackError: the registry does not give it to whoever is not logged in.
    """
    host, _, path = f"{registry.removeprefix('oci://').rstrip('/')}/{name}".partition("/")
    url = f"http{'' if plain else 's'}://{host}/v2/{path}/blobs/{digest}"
    try:
        answer = web.request("GET", url, seconds=SECONDS, follow=False, limit=limit)
        if answer.status == 401:
            headers = {"Authorization": f"Bearer {_token(answer.headers.get('www-authenticate', ''), url)}"}
            answer = web.request("GET", url, seconds=SECONDS, headers=headers, follow=False, limit=limit)
        if answer.status in REDIRECTS and (location := answer.headers.get("location")):
            # where the registry keeps its files; the token is not for that server
            there = following("GET", url, answer.status, location, "")
            answer = web.request("GET", there, seconds=SECONDS, limit=limit)
    except web.NoAnswer as error:
        raise HubstackError(f"{web.shown(url)}: {error}") from None
    if answer.status != 200:
        hint = "; fetch it by `helm pull` and name the archive in chart.path" if answer.status in (401, 403) else ""
        raise HubstackError(f"{web.shown(url)}: HTTP {answer.status}{hint}")
    return answer.body


def _token(challenge: str, url: str) -> str:
    """A token for whoever asks, from where the registry's challenge names (RFC 6750, as Docker's registries use it)."""
    fields = dict(re.findall(r'(realm|service|scope)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not challenge.lower().startswith("bearer ") or not realm:
        raise HubstackError(
            f"{web.shown(url)}: only for those who log in; fetch it by `helm pull` and name it in chart.path"
        )
    following("GET", url, 307, realm, "")  # from https it leads to https alone
    answer = web.request("GET", f"{realm}?{urlencode(fields)}", seconds=SECONDS, limit=LONGEST_TOKEN)
    try:
        found = json.loads(answer.body)
        return str(found.get("token") or found["access_token"])
    except (ValueError, KeyError, AttributeError):
        raise HubstackError(f"{web.shown(realm)}: gives no token (HTTP {answer.status})") from None
