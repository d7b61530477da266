"""The one HTTP client of the product, over urllib3.

Credentials reach the origin that they were given for and no other. An answer has one deadline for all of it, from the
look-up of the name to the last byte. Sizes have limits, and half an answer is an error. The cluster's API server is
asked by the official client, see `components.api_server`, which keeps the same rules.
"""

from __future__ import annotations

from hubstack.web.client import Answer, Stream, Tls, goes_through_proxy, opened, request
from hubstack.web.origin import NoAnswer, shown

__all__ = ["Answer", "NoAnswer", "Stream", "Tls", "goes_through_proxy", "opened", "request", "shown"]
