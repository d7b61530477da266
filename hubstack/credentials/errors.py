"""The error of whoever has no credentials for a cluster."""

from __future__ import annotations

from hubstack.errors import HubstackError


class CredentialsError(HubstackError):
    """A cluster cannot be asked, because there are no credentials for it, or it does not accept them.

    It says nothing about the hub: nobody has looked at that.
    """
