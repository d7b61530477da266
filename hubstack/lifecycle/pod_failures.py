"""Why pods are not created, said while the engine still waits for them.

The engine waits ten minutes for a Deployment whose pods are refused, and then says that it is not ready. The reason is
in the events of the ReplicaSet from the first second on.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hubstack.components import api_server
from hubstack.errors import HubstackError
from hubstack.lifecycle import admission_advice
from hubstack.lifecycle.admission import Pod
from hubstack.migration import access
from hubstack.project.stacks import Stack

FIRST_LOOK_SECONDS = 8.0
"""Most updates are over by then, and nothing is asked."""
LOOK_SECONDS = 4.0
_SKEW = timedelta(seconds=30)
"""By so much the clocks of the cluster and of this machine may differ."""
_CONTROLLERS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job")


@contextlib.contextmanager
def told(stack: Stack, say: Callable[[str], object]) -> Iterator[list[str]]:
    """Say each new reason for which pods of a stack are not created; gives all that were said.

    Arguments:
        stack: the stack that is being updated.
        say: is called once for each reason, from another thread.
    """
    reasons: list[str] = []
    ended = threading.Event()
    since = datetime.now(UTC) - _SKEW

    def look() -> None:
        if ended.wait(FIRST_LOOK_SECONDS):
            return
        with contextlib.suppress(HubstackError):  # whoever may not ask hears it from the engine, later
            client = access.of(stack)
            while True:
                for reason in refusals(client, stack.namespace, since):
                    if reason not in reasons:
                        reasons.append(reason)
                        say(f"pods are not created: {reason}")
                if ended.wait(LOOK_SECONDS):
                    return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield reasons
    finally:
        ended.set()
        watcher.join(LOOK_SECONDS)


def refusals(client: Any, namespace: str, since: datetime) -> list[str]:
    """What controllers were told when they created pods, with what to do; nothing where events may not be read.

    Arguments:
        client: an ApiClient of the official package.
        namespace: the stack's.
        since: what happened before is left out.
    """
    import urllib3

    path, query = f"/api/v1/namespaces/{namespace}/events", {"fieldSelector": "reason=FailedCreate"}
    try:
        answer = api_server.request(client, "GET", path, query=query)
        events = answer.document().get("items") or [] if answer.status == 200 else []
    except (urllib3.exceptions.HTTPError, ValueError):
        return []
    found: dict[str, None] = {}
    for event in events:
        about = event.get("involvedObject") or {}
        happened = event.get("lastTimestamp") or event.get("eventTime") or ""
        if about.get("kind") in _CONTROLLERS and happened and datetime.fromisoformat(happened) >= since:
            message = str(event.get("message") or "")
            reason = message.removeprefix("Error creating: ").partition(" is forbidden: ")[2] or message
            advice = admission_advice.remedy(reason, Pod("", {"spec": {}}, False, "the part's resources"), namespace)
            found[f"{about['kind']} {about.get('name')}: {reason}\n    {advice}"] = None
    return list(found)
