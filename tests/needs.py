"""What a test needs and a machine may lack: a skip names it, and the gate says what may be lacking."""

from __future__ import annotations

import os
from typing import Literal, NoReturn, get_args

import pytest

Thing = Literal[
    "programs",
    "chart",
    "recording",
    "random-plugin",
    "other-provider",
    "language-host",
    "values",
    "containers",
    "browser",
    "index",
    "linux",
    "python",
    "operator",
]
"""External programs of the toolchain; a real chart archive; what Helm made of it; the random provider's plugin; a
second version of the Kubernetes provider; one of the engine's own language hosts; the values files of the mirror; real
containers; Chromium; package indexes of Python, npm or Go; rights and facilities of Linux; another Python;
the Pulumi Kubernetes Operator's definitions and its manager.
"""
VARIABLE = "HUBSTACK_MAY_LACK"
"""Environment variable with the things, parted by blanks, for whose lack tests may skip. Where it is set, any other
skip fails the run.
"""


def skip(thing: Thing, why: str) -> NoReturn:
    """Skip a test for the lack of something.

    Arguments:
        thing: what is lacking.
        why: where it was looked for, and how it could be had.
    """
    pytest.skip(f"needs {thing}: {why}")


def must_not_skip(reason: str) -> bool:
    """Whether a skip for a reason fails this run."""
    permitted = os.environ.get(VARIABLE)
    if permitted is None:
        return False
    if unknown := set(permitted.split()) - set(get_args(Thing)):
        raise pytest.UsageError(f"{VARIABLE}: {', '.join(sorted(unknown))}: known: {', '.join(get_args(Thing))}")
    named = reason.removeprefix("needs ").partition(":")[0] if reason.startswith("needs ") else ""
    return named not in permitted.split()
