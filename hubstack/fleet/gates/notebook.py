"""What people do all day: a server starts, computes something, and stops; all through the hub's own API."""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from typing import Any
from urllib.parse import quote

from hubstack import web
from hubstack.fleet.gate_settings import Notebook
from hubstack.fleet.gates import cluster
from hubstack.fleet.gates.http import ask
from hubstack.fleet.gates.target import Shut, Target
from hubstack.web.channel import Channel

POLL_SECONDS = 1.0
STOP_SECONDS = 30.0
"""How long stopping the server may take after the time is up."""


def notebook(gate: Notebook, target: Target) -> str:
    """Start the test user's server, run code in it, stop it; whatever happens, stop it.

    Raises:
        Shut: a step failed or took too long; says which.
    """
    if gate.token_env:
        token = os.environ.get(gate.token_env) or ""
        if not token:
            raise Shut(f"environment variable {gate.token_env} is not set; it must hold an API token of the hub")
    else:
        token = cluster.service_token(target, gate.service)
    hub = _Hub(target.address(gate.url), token, gate.user, time.monotonic() + gate.timeout)
    started = time.monotonic()
    try:
        hub.start()
        ready = time.monotonic()
        result = hub.compute(gate.code)
    except Shut:
        with contextlib.suppress(Shut):  # what came first is what people need to know
            hub.stop()
        raise
    hub.stop()
    if gate.expect not in result:
        raise Shut(f"the notebook computed {result.strip()[:80]!r}, which lacks {gate.expect!r}")
    return f"a server started in {ready - started:.1f} s, computed {gate.expect!r} and stopped"


class _Hub:
    """The hub's REST API, and one server behind it, for one user."""

    def __init__(self, url: str, token: str, user: str, deadline: float) -> None:
        self._url, self._token, self._user, self._deadline = url, token, user, deadline

    def start(self) -> None:
        """Make the user where it is new, start its server, wait until it is ready."""
        self._call("making the user", "POST", f"hub/api/users/{self._user}", allowed=(201, 409))
        self._call("starting the server", "POST", f"hub/api/users/{self._user}/server", allowed=(201, 202, 400))
        while not (server := self._server()).get("ready"):
            if not server.get("pending"):
                raise Shut("the server did not start; the hub's log says why")
            self._pause("the server is not ready")

    def compute(self, code: str) -> str:
        """What some code prints, in a kernel that is removed afterwards."""
        base = f"user/{self._user}/api/kernels"
        kernel = quote(str(self._object("starting a kernel", "POST", base, 201).get("id")), safe="")
        try:
            return self._execute(kernel, code)
        finally:
            self._call("removing the kernel", "DELETE", f"{base}/{kernel}", allowed=(204, 404))

    def stop(self) -> None:
        """Stop the server and wait until it is gone; it gets some time of its own, so that none is left behind."""
        self._deadline = max(self._deadline, time.monotonic() + STOP_SECONDS)
        path = f"hub/api/users/{self._user}/server"
        self._call("stopping the server", "DELETE", path, allowed=(202, 204, 400, 404))
        while self._server():
            self._pause("the server does not stop")

    def _server(self) -> dict[str, Any]:
        """The user's default server, empty where there is none."""
        servers = self._object("asking for the user", "GET", f"hub/api/users/{self._user}", 200).get("servers")
        found = servers.get("") if isinstance(servers, dict) else None
        return found if isinstance(found, dict) else {}

    def _execute(self, kernel: str, code: str) -> str:
        url = f"{self._url}user/{self._user}/api/kernels/{kernel}/channels"
        request = uuid.uuid4().hex
        message = {
            "header": {"msg_id": request, "msg_type": "execute_request", "username": "", "session": kernel,
                       "version": "5.3"},
            "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
            "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {},
                        "allow_stdin": False, "stop_on_error": True},
        }  # fmt: skip
        printed = ""
        headers = {"Authorization": f"token {self._token}"}
        try:
            with Channel(url, seconds=self._left("opening the kernel"), headers=headers) as channel:
                channel.send(json.dumps(message))
                while True:
                    answer = json.loads(channel.receive())
                    if (answer.get("parent_header") or {}).get("msg_id") != request:
                        continue
                    content = answer.get("content") or {}
                    if answer.get("msg_type") == "stream":
                        printed += content.get("text", "")
                    elif answer.get("msg_type") == "error":
                        raise Shut(f"the computation failed: {content.get('ename')}: {content.get('evalue')}")
                    elif answer.get("msg_type") == "status" and content.get("execution_state") == "idle":
                        return printed
        except web.NoAnswer as error:
            self._left("the computation")
            raise Shut(f"the kernel's connection: {error}") from None
        except (ValueError, AttributeError, TypeError):
            raise Shut("the kernel's connection: a message that no kernel sends") from None

    def _object(self, what: str, method: str, path: str, status: int) -> dict[str, Any]:
        """What the hub answers, as an object of JSON."""
        try:
            found = json.loads(self._call(what, method, path, allowed=(status,)))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Shut(f"{what}: the answer is none of a hub")
        return found

    def _call(self, what: str, method: str, path: str, allowed: tuple[int, ...]) -> bytes:
        headers = {"Authorization": f"token {self._token}", "Content-Type": "application/json"}
        data = b"{}" if method == "POST" else None
        try:
            answer = ask(self._url + path, self._left(what), headers=headers, method=method, data=data)
        except Shut:
            self._left(what)  # an answer that the deadline cut off says only that the time is up
            raise
        if answer.status not in allowed:
            hint = "; the token lacks the right to it" if answer.status in (401, 403) else ""
            raise Shut(f"{what}: the hub answers {answer.status}{hint}")
        return answer.body

    def _left(self, what: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Shut(f"{what}: the time is up")
        return left

    def _pause(self, what: str) -> None:
        time.sleep(min(POLL_SECONDS, self._left(what)))
