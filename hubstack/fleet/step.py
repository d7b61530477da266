"""One stack of a rollout that another engine orders, such as a workflow of CI jobs: its update, and its gates.

The order, the waves and the counting are the other engine's, see `workflow`; what happens to a single stack is as in a
rollout of our own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubstack import project
from hubstack.engine.servers import ForkServers
from hubstack.fleet import gates, plan, source
from hubstack.fleet.attempt import Deployer, Outcome
from hubstack.fleet.journal import NOT_ASKED, Journal
from hubstack.fleet.model import Fleet, Wave
from hubstack.fleet.windows import wait_until

RETRY_PAUSE_SECONDS = 10.0
"""How long a cluster that did not answer is left alone before it is tried once more."""

EXIT_CODES = {"succeeded": 0, "skipped": 0, "failed": 3, "unreachable": 4, "no-credentials": 4, "paused": 5}
"""Exit code for each state in which a step ends; 1 is an error before it began."""


@dataclass(frozen=True)
class Result:
    """What became of the stack."""

    stack: str
    wave: str
    state: str
    """One of `EXIT_CODES`; ``skipped``: after a bake, a stack that this revision was not deployed to."""
    reason: str
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types."""
        return asdict(self)


def run(
    fleet: Fleet,
    root: Path,
    stack: str,
    name: str,
    environment: Mapping[str, str],
    doing: Callable[[str], None],
    *,
    baked: bool = False,
) -> Result:
    """Bring one stack to what the work tree wants and ask its gates, or only ask them again after a bake.

    Arguments:
        fleet: the fleet.
        root: the project's folder.
        stack: name of the stack.
        name: what the rollout is called, the same for all its stacks.
        environment: variables for the engine.
        doing: is called with what is under way.
        baked: whether the stack was deployed before, and its wave has baked since.

    Raises:
        HubstackError: there is no such stack, or its backend does not answer.
    """
    started = time.monotonic()
    made = plan.make(fleet, root, source.revision(root), environment, [stack])
    (item,) = made.items
    wave = next(each for each in fleet.waves if each.name == item.wave)
    folder = project.private_folder(project.state_dir() / "rollouts" / name)
    servers = ForkServers(environment)
    deployer = Deployer(name, folder, environment, servers, Journal(), fleet.limits(), runner=name)
    try:
        outcome = (_again if baked else _deployed)(deployer, wave, item, root, doing)
        if outcome.state == "succeeded" and (baked or not wave.bake_time):
            deployer.opened(item)
    finally:
        servers.close()
    return Result(stack, wave.name, outcome.state, outcome.reason, round(time.monotonic() - started, 1))


def _deployed(deployer: Deployer, wave: Wave, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
    """Deploy a stack where it differs, and ask its gates in any case."""
    if item.action == "refused":
        return Outcome("failed", item.reason)
    outcome = Outcome("succeeded", item.reason, {"url": item.url})
    if item.action == "up":
        now = datetime.now(UTC)
        if (opens := wait_until(wave.windows, now)) > now:
            return Outcome("paused", f"its next window opens {opens:%Y-%m-%d %H:%M} UTC; run it again then")
        outcome = _attempted(deployer, item, root, doing)
    if outcome.state != "succeeded":
        return outcome
    return _asked(wave, replace(item, url=outcome.detail.get("url") or item.url), root, doing) or outcome


def _attempted(deployer: Deployer, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
    """Deploy a stack, once more where its cluster did not answer."""
    outcome = deployer.deploy(item, root, doing)
    if outcome.state in (*NOT_ASKED, "transient"):
        doing(f"{outcome.state}: {outcome.reason}; once more in {RETRY_PAUSE_SECONDS:g} s")
        time.sleep(RETRY_PAUSE_SECONDS)
        outcome = deployer.deploy(item, root, doing)
    return replace(outcome, state="failed") if outcome.state == "transient" else outcome


def _again(deployer: Deployer, wave: Wave, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome:
    """Ask the gates of a stack that is deployed."""
    if item.action not in ("skip", "gate"):
        return Outcome("skipped", f"was not deployed by this rollout: {item.reason}")
    return _asked(wave, item, root, doing) or Outcome("succeeded", "its gates are open after the bake time")


def _asked(wave: Wave, item: plan.Item, root: Path, doing: Callable[[str], None]) -> Outcome | None:
    """Ask the gates in their order; gives what the first one that is shut says."""
    for gate in wave.gates:
        doing(f"gate {gate.type}")
        target = gates.Target(plan.stack_of(item.stack, root), item.url)
        result = gates.check(gate, target)
        if not result.passed:
            lines = "\n".join(f"  {line}" for line in gates.diagnose(target.stack))
            return Outcome("failed", f"gate {gate.type}: {result.reason}\n{lines}".rstrip())
    return None
