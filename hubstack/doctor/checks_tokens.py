"""Does the running hub have the tokens that the stack would give it?"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

from hubstack import unread
from hubstack.chart.release import TokenValues
from hubstack.chart.tokens import effective_tokens
from hubstack.components.token_key import IN_STASH
from hubstack.components.tokens import derive
from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.subject import Subject
from hubstack.engine.state import TOKEN_IDENTITY, revealed

PROXY = "hub.config.ConfigurableHTTPProxy.auth_token"
COOKIE = "hub.config.JupyterHub.cookie_secret"
CRYPT = "hub.config.CryptKeeper.keys"

EFFECTS = {
    PROXY: "hub and proxy would restart with another token",
    COOKIE: "everybody would be logged out",
    CRYPT: "the hub could no longer read the users' encrypted auth state, such as their tokens for other services",
}
"""What happens when the live value is replaced."""


def tokens(subject: Subject) -> Iterator[Finding]:
    """Each token in the hub's Secret is the one that the stack's state and settings have."""
    name = subject.release.names.hub
    live = subject.cluster.find(subject.path("v1", "secrets", name))
    deployed = subject.engine.state.token_key
    if deployed and deployed.is_former_token_key:
        yield warning(
            "the stack's state tells the key of all tokens: it is the id of a resource, in plain text",
            "whoever reads the state, a copy of it or its history can sign in as anybody",
            "run `hubstack up`, which moves the key and changes no token; then see docs/tokens.md, who should renew it",
        )
    if live is None:
        if deployed:
            yield warning(
                f"Secret {name} of the hub is not in namespace {subject.namespace}, and the state has its tokens",
                "the hub's next pod does not start; somebody deleted the Secret, or the namespace, or the state is of "
                "another cluster",
                "run `hubstack preview` with a refresh and look what else is missing; `hubstack up` makes it again",
            )
        return
    if subject.engine.problem:
        yield note(
            "the tokens of the live hub cannot be compared, because the state cannot be read",
            "an update with other tokens logs everybody out",
            "make the state readable first (see the check pulumi)",
        )
        return
    wanted, unknown = _wanted(subject)
    data = live.get("data") or {}
    if not deployed and (missing := sorted(key for key, value in wanted.items() if value is None)):
        yield error(
            f"a hub runs in namespace {subject.namespace}, and this stack's state does not have its tokens: "
            f"{some(missing)}",
            "an update would make new ones: everybody is logged out, and encrypted auth state is lost",
            "take the hub over with its tokens first, or deploy this stack to another namespace",
        )
        return
    for key, value in sorted(wanted.items()):
        if value is None or key in unknown:
            continue
        if key not in data or not _equal(subject.key, value, _decoded(data[key])):
            say = error if key == CRYPT else warning
            seen = "is not the one of" if key in data else "is missing; it is in"
            yield say(
                f"Secret {name}: {key} {seen} the stack's state and settings",
                f"with the next update {EFFECTS.get(key, 'a service would have to use another token')}",
                "if somebody changed the Secret by hand, put the value into the stack as an encrypted setting "
                f"(hubstack:secretValues, {key.removesuffix('.apiToken')}); if the stack is right, run `hubstack up`",
            )
    if unknown:
        yield note(
            f"encrypted settings cannot be read here: {', '.join(sorted(unknown))}",
            "whether the live hub has the same tokens is unknown",
            "give the doctor the stack's passphrase or key",
        )


def _wanted(subject: Subject) -> tuple[dict[str, str | None], set[str]]:
    """Each token as it would be deployed, None for one that would be made anew; and those that cannot be decrypted."""
    state = subject.engine.state
    held = revealed(state.token_key.outputs) if state.token_key else {}
    key = _plain_text((held.get("output") or {}).get(IN_STASH) or held.get("hex"))
    identities = {
        each.name: str(each.outputs["hex"]) for each in state.of_type(TOKEN_IDENTITY) if "hex" in each.outputs
    }

    def token(which: str) -> str | None:
        found = next((hex_ for name, hex_ in identities.items() if name.endswith(f"-tokens-{which}")), None)
        return derive(key, found) if key and found else None

    services = subject.setting("hub", "services") or {}
    generated = TokenValues(
        proxy_auth=token("proxy"),
        cookie_secret=token("cookie"),
        crypt_keys=token("crypt"),
        services={service: token(f"service-{service}") for service in services},
    )
    found = effective_tokens(subject.release, generated)
    wanted: dict[str, str | None] = {PROXY: found.proxy_auth, COOKIE: found.cookie_secret, CRYPT: found.crypt_keys}
    wanted.update({f"hub.services.{service}.apiToken": each for service, each in found.services.items()})
    return wanted, {key for key, value in wanted.items() if value and unread.stands_in(value)}


def _plain_text(output: Any) -> str | None:
    """Text of an output that the engine keeps as a secret; None where it is encrypted."""
    text = revealed(output)
    return text if isinstance(text, str) and text else None


def _equal(key: bytes, ours: str, live: bytes) -> bool:
    """Compare by HMAC, so that neither how far two secrets are equal nor their length shows in time or message."""
    both = (hmac.digest(key, each, hashlib.sha256) for each in (str(ours).encode(), live))
    return hmac.compare_digest(*both)


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text)
    except (ValueError, TypeError):
        return b""
