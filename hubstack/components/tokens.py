"""Tokens: the secrets that the hub and the proxy need and that nobody should have to invent."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from hubstack.chart.release import TokenValues
from hubstack.components.token_key import IN_STASH, token_key

TOKEN_BYTES = 32
"""Length of every token: 32 bytes, written as 64 hex digits, as the chart's tokens have."""
KEY = "key"
"""What `TokensArgs.rotate` calls the key that all tokens are derived from."""


@dataclass(kw_only=True)
class TokensArgs:
    """Which tokens to make, and which to go on with. A token's name is ``proxy``, ``cookie``, ``crypt`` or
    ``service-<name>``.
    """

    services: list[str] | None = None
    """Names of the ``hub.services`` that need an API token; a JupyterHub adds those of its values."""
    rotate: dict[str, str] | None = None
    """For a token's name any text; a new text makes a new token. For ``key``: a new key, and so every generated token
    is new.
    """
    adopted: Mapping[str, pulumi.Input[str]] | None = None
    """For a token's name, one that the hub had before; used until it is rotated, by its own name."""
    protect: bool | None = None
    """Unless false: refuse to delete the key that all tokens are derived from."""

    def goes_on_with(self) -> set[str]:
        """Names of the tokens that the hub had before, and still has."""
        rotated = {name for name, text in (self.rotate or {}).items() if text}
        return set(self.adopted or {}) - rotated


class Tokens(pulumi.ComponentResource):
    """The generated tokens of one JupyterHub.

    Each token has a `RandomId`, which says *which* token this is and rotates through its keepers. A RandomId's ``id``
    is plain text in the state whatever one does (pulumi/pulumi#8946), so the token is not the RandomId: it is an
    HMAC-SHA256 of it under a key that stands nowhere in plain text (docs/adr/0023).
    """

    proxy: pulumi.Output[str]
    """The token between hub and proxy, a secret."""
    cookie: pulumi.Output[str]
    """What signs the browsers' cookies, a secret."""
    crypt: pulumi.Output[str]
    """The key that encrypts the users' auth state, a secret."""
    services: pulumi.Output[dict[str, str]]
    """The API token of each service, a secret."""

    def __init__(self, name: str, args: TokensArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the tokens.

        Arguments:
            name: logical name.
            args: which tokens.
            opts: resource options.
        """
        if isinstance(args, Mapping):
            args = TokensArgs(**args)
        super().__init__("hubstack:index:Tokens", name, {}, opts)
        self._name = name
        self._args = args
        self._keep = keep = args.protect is not False
        rotation = (args.rotate or {}).get(KEY) or ""
        self.key = token_key(f"{name}-key", rotation=rotation, keep=keep, parent=self)
        self.values = TokenValues(
            proxy_auth=self._token("proxy"),
            cookie_secret=self._token("cookie"),
            crypt_keys=self._token("crypt"),
            services={service: self._token(f"service-{service}") for service in args.services or []},
        )
        self.proxy = self.values.proxy_auth
        self.cookie = self.values.cookie_secret
        self.crypt = self.values.crypt_keys
        self.services = pulumi.Output.secret(dict(self.values.services))
        self.register_outputs(
            {"proxy": self.proxy, "cookie": self.cookie, "crypt": self.crypt, "services": self.services}
        )

    def _token(self, which: str) -> pulumi.Output[str]:
        keeper = (self._args.rotate or {}).get(which)
        identity = random.RandomId(
            f"{self._name}-{which}",
            byte_length=TOKEN_BYTES,
            keepers={"rotation": keeper} if keeper else None,
            # Not protected: the engine could not replace it, and a rotation replaces it.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=self._keep),
        )
        if not keeper and (adopted := (self._args.adopted or {}).get(which)):
            return pulumi.Output.secret(adopted)
        return pulumi.Output.secret(
            pulumi.Output.all(self.key.output[IN_STASH], identity.hex).apply(lambda both: derive(*both))
        )


def derive(key_hex: str, identity_hex: str) -> str:
    """HMAC-SHA256 of an identity under a key; all three as hex."""
    return hmac.new(bytes.fromhex(key_hex), identity_hex.encode(), hashlib.sha256).hexdigest()
