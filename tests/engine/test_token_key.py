"""The key of all tokens on a real API server: what a state tells of it, and states of earlier versions that move."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from hubstack.commands import session
from hubstack.components.token_key import REFUSAL
from hubstack.engine.notices import Notice
from hubstack.errors import HubstackError
from hubstack.project.stacks import Stack
from tests.engine import former_state
from tests.engine.conftest import Machine
from tests.engine.live import specs, stack

long = pytest.mark.long
UNCHANGED = {"same", "read"}
"""Mode helm reads the public Service."""


@pytest.fixture(scope="module", params=["native", pytest.param("helm", marks=long)])
def hub(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A deployed hub of each mode, with a service that has a token; a state of an earlier version is destroyed, too."""
    deployed = described(machine, request.param)
    machine.updater(deployed).up()
    yield deployed
    put_former(machine, deployed)
    machine.updater(deployed).destroy()


def described(machine: Machine, mode: str, **config: Any) -> Stack:
    """The hub of a mode, with further settings."""
    values = {"hub": {"services": {"announcing": {"url": "http://announcing"}}}}
    return stack(machine, f"key-{mode}", mode, values=values, **config)


def pulumi(machine: Machine, hub: Stack, *arguments: str, given: str | None = None) -> str:
    """Run the engine on a stack's state."""
    command = ["pulumi", "stack", *arguments, "--stack", hub.name]
    variables = session.engine_environment(machine.tools)
    done = subprocess.run(
        command, cwd=hub.folder, env=variables, input=given, capture_output=True, text=True, check=True
    )
    return done.stdout


def exported(machine: Machine, hub: Stack, *options: str) -> dict[str, Any]:
    """A stack's state."""
    found: dict[str, Any] = json.loads(pulumi(machine, hub, "export", *options))
    return found


def tokens(machine: Machine, namespace: str) -> dict[str, str]:
    """The tokens in the hub's Secret."""
    data = machine.cluster.client().get(f"/api/v1/namespaces/{namespace}/secrets/hub")["data"]
    found = {key: base64.b64decode(text).decode() for key, text in data.items() if key != "values.yaml"}
    assert {len(token) for token in found.values()} == {64}
    assert len(found) == 4
    return found


def told(machine: Machine, hub: Stack) -> set[str]:
    """The tokens that whoever reads the state finds or can compute."""
    live = set(tokens(machine, hub.namespace).values())
    return former_state.told(exported(machine, hub)["deployment"], live)


def put_former(machine: Machine, hub: Stack) -> str:
    """Put a state of an earlier version in the place of the stack's; gives the id that tells the key."""
    former = former_state.former(exported(machine, hub, "--show-secrets"))
    pulumi(machine, hub, "import", given=json.dumps(former))
    return former_state.key_id(former)


def test_a_state_tells_no_token(machine: Machine, hub: Stack) -> None:
    """No token can be computed from what is readable in the state; from a state of an earlier version, every one."""
    assert told(machine, hub) == set()
    kept = pulumi(machine, hub, "export")
    put_former(machine, hub)
    assert told(machine, hub) == set(tokens(machine, hub.namespace).values())
    pulumi(machine, hub, "import", given=kept)


@pytest.mark.parametrize(
    "killed_at", ["", *(pytest.param(step, marks=long) for step in ("move token key", "run engine"))]
)
def test_the_key_of_an_earlier_version_moves(machine: Machine, hub: Stack, killed_at: str) -> None:
    """`hubstack up` changes no object and no token, whenever it was killed before; nothing tells the key afterwards.

    A preview names it and says nothing else.
    """
    before = specs(machine, hub.namespace)
    secret = put_former(machine, hub)
    with pytest.raises(HubstackError) as error:
        machine.updater(hub).preview()
    assert str(error.value) == REFUSAL.format(stack=hub.name)
    if killed_at:
        updater = machine.updater(hub)
        updater.tell = killing(killed_at)
        with pytest.raises(KeyboardInterrupt):
            updater.up()
        assert (secret in pulumi(machine, hub, "export")) is (killed_at == "move token key")
    report = machine.updater(hub).up()
    assert set(report.changes) <= UNCHANGED
    assert specs(machine, hub.namespace) == before
    assert secret not in pulumi(machine, hub, "export", "--show-secrets")
    assert told(machine, hub) == set()


def killing(step: str) -> Any:
    """A listener that ends the process at the begin of a step."""

    def tell(notice: Notice) -> None:
        if (notice.kind, notice.text) == ("step", step):
            raise KeyboardInterrupt

    return tell


@long
def test_a_new_key_renews_every_token(machine: Machine, hub: Stack) -> None:
    """Whoever has read an earlier state knows none of the tokens then, even where the new key comes with the move."""
    before = tokens(machine, hub.namespace)
    put_former(machine, hub)
    renewing = described(machine, hub.mode, rotateTokens={"key": "2026-11"})
    machine.updater(renewing).up()
    after = tokens(machine, hub.namespace)
    assert set(before) == set(after)
    assert not set(before.values()) & set(after.values())
    assert told(machine, hub) == set()
    assert set(machine.updater(renewing).up().changes) <= UNCHANGED
    machine.updater(hub).up()
