"""Names of home volumes, compared with those that KubeSpawner itself makes."""

from __future__ import annotations

import json
import random
import string
import subprocess

from hubstack.doctor import slugs
from tests import needs
from tests.parity.hub_configuration import environment

PROGRAM = """
import json, sys, types
from kubespawner import KubeSpawner
names = []
for template, scheme, user, server in json.load(sys.stdin):
    spawner = types.SimpleNamespace(
        name=server, user=types.SimpleNamespace(name=user, id=7), slug_scheme=scheme, _namespace_default=lambda: "jhub",
        namespace="jhub",
    )
    names.append(KubeSpawner._expand_user_properties(spawner, template))
print(json.dumps(names))
"""

TEMPLATES = [
    slugs.DEFAULT_TEMPLATE,
    "claim-{username}",
    "claim-{username}--{servername}",
    "claim-{escaped_user_server}",
    "home-{safe_user_server}-of-{hubnamespace}",
    "{unescaped_username}-",
]

USERS = [
    "anna", "jo.smith@example.com", "Anna", "1st", "a--b", "a_b", "-x-", "", "a-", "é", "用户", "x" * 48, "x" * 49,
    "x" * 63, "x" * 64, "a.b" * 30, "user-40example", "A" * 50, "9" * 47, "a\n", "user---1a2b3c4d",
]  # fmt: skip


def test_names_equal_those_of_kubespawner() -> None:
    """For every template, scheme, user and server the name is the one under which the hub would look."""
    try:
        interpreter = environment.python()
    except environment.Unavailable as reason:
        needs.skip("index", str(reason))
    draw = random.Random(7)
    letters = string.ascii_letters + string.digits + "-_.@ äß"
    users = USERS + ["".join(draw.choices(letters, k=draw.randint(1, 70))) for _ in range(300)]
    servers = [
        "",
        "gpu",
        "My Server",
        "s" * 50,
        *("".join(draw.choices(letters, k=draw.randint(1, 60))) for _ in "123"),
    ]
    cases = [
        (template, scheme, user, server)
        for template in TEMPLATES
        for scheme in ("safe", "escape")
        for user in users
        for server in servers
    ]
    done = subprocess.run(
        [interpreter, "-c", PROGRAM], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    ours = [slugs.claim_name(template, scheme, user, server, "jhub") for template, scheme, user, server in cases]
    differing = [
        (case, mine, his) for case, mine, his in zip(cases, ours, json.loads(done.stdout), strict=True) if mine != his
    ]
    assert len(cases) > 20_000
    assert differing[:5] == []
