"""Tokens: the secrets that the hub and the proxy need and that nobody should have to invent."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_random as random

from hubstack.chart.release import TokenValues

TOKEN_BYTES = 32
"""Length of every token: 32 bytes, written as 64 hex digits, as the chart's tokens have."""


@dataclass(frozen=True, kw_only=True)
class TokensArgs:
    """Which tokens to make."""

    services: Sequence[str] = ()
    """Names of the ``hub.services`` that need an API token."""
    keepers: Mapping[str, str] = field(default_factory=dict)
    """For a token's name (``proxy``, ``cookie``, ``crypt`` or ``service-<name>``) any text; a new text makes a new
    token.
    """
    adopted: Mapping[str, str] = field(default_factory=dict)
    """For a token's name, one that the hub had before; used until its keeper asks for a new one."""
    protect: bool = True
    """Refuse to delete the key that all tokens are derived from."""


class Tokens(pulumi.ComponentResource):
    """The generated tokens of one JupyterHub.

    Each token has a `RandomId`, which says *which* token this is and rotates through its keepers. A RandomId's ``id``
    is plain text in the state whatever one does (pulumi/pulumi#8946), so the token is not the RandomId: it is an
    HMAC-SHA256 of it under a key whose bytes the random provider holds as a secret.
    """

    values: TokenValues
    """The tokens as secret outputs, 64 hex digits each."""

    def __init__(self, name: str, args: TokensArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("hubstack:index:Tokens", name, {}, opts)
        self._name = name
        self._args = args
        self._key = random.RandomBytes(
            f"{name}-key",
            length=TOKEN_BYTES,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, retain_on_delete=args.protect),
        )
        self.values = TokenValues(
            proxy_auth=self._token("proxy"),
            cookie_secret=self._token("cookie"),
            crypt_keys=self._token("crypt"),
            services={service: self._token(f"service-{service}") for service in args.services},
        )
        self.register_outputs({})

    def _token(self, which: str) -> pulumi.Output[str]:
        keeper = self._args.keepers.get(which)
        identity = random.RandomId(
            f"{self._name}-{which}",
            byte_length=TOKEN_BYTES,
            keepers={"rotation": keeper} if keeper else None,
            # Not protected: the engine could not replace it, and a rotation replaces it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=self._args.protect),
        )
        if not keeper and (adopted := self._args.adopted.get(which)):
            return pulumi.Output.secret(adopted)
        return pulumi.Output.secret(pulumi.Output.all(self._key.hex, identity.hex).apply(lambda both: derive(*both)))


def derive(key_hex: str, identity_hex: str) -> str:
    """HMAC-SHA256 of an identity under a key; all three as hex."""
    return hmac.new(bytes.fromhex(key_hex), identity_hex.encode(), hashlib.sha256).hexdigest()
