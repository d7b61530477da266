"""The error that the command line prints as it is."""

from __future__ import annotations


class HubstackError(Exception):
    """Something that the person at the keyboard can understand and mend; printed without a traceback, exit code 1."""
