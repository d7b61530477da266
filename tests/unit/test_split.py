"""Settings of a release in two parts: each secret in one, all that is none in the other, and nothing changed by it."""

from __future__ import annotations

from typing import Any

import pytest

from hubstack.chart.merge import merge_files
from hubstack.migration.split import split

REFERENCE = {"secretKeyRef": {"name": "database", "key": "password", "optional": False}}

CASES: dict[str, tuple[Any, Any, set[Any]]] = {
    "a secret beside a name": (
        {"hub": {"config": {"X": {"client_secret": "s", "client_id": "i"}}}},
        {"hub": {"config": {"X": {"client_secret": "s"}}}},
        set(),
    ),
    "a reference": ({"hub": {"extraEnv": {"API_TOKEN": {"valueFrom": REFERENCE}}}}, {}, set()),
    "a flag": ({"imagePullSecret": {"create": True, "password": "p"}}, {"imagePullSecret": {"password": "p"}}, set()),
    "code": ({"hub": {"extraConfig": {"secret": "x = 1"}}}, {}, set()),
    "code with a secret": (
        {"hub": {"extraConfig": {"a": "c.X.password = 'pass'"}}},
        {"hub": {"extraConfig": {"a": "c.X.password = 'pass'"}}},
        set(),
    ),
    "a URL": (
        {"hub": {"db": {"type": "mysql", "url": "mysql://u:pass@h/d"}}},
        {"hub": {"db": {"url": "mysql://u:pass@h/d"}}},
        set(),
    ),
    "a list": (
        {"hub": {"extraEnv": [{"name": "TOKEN", "value": "t"}, {"name": "R", "valueFrom": REFERENCE}]}},
        {"hub": {"extraEnv": [{"name": "TOKEN", "value": "t"}, {"name": "R", "valueFrom": REFERENCE}]}},
        {
            ("hub", "extraEnv", 0, "name"),
            ("hub", "extraEnv", 1, "name"),
            *(("hub", "extraEnv", 1, "valueFrom", "secretKeyRef", key) for key in ("name", "key", "optional")),
        },
    ),
    "a list without one": ({"hub": {"extraEnv": [{"name": "R", "valueFrom": REFERENCE}]}}, {}, set()),
    "nothing": ({"hub": {"cookieSecret": None, "config": {}, "args": []}}, {}, set()),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_secret(name: str) -> None:
    """The secret part is exactly this, with these readable leaves in it; merged, both parts are the whole again."""
    values, secret, readable = CASES[name]
    parts = split(values)
    assert (parts.secret, set(parts.readable)) == (secret, readable)
    assert merge_files((parts.public, parts.secret)) == values
