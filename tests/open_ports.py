"""What programs say at their ports to somebody without a credential.

`python -m tests.open_ports PID` prints a process's answers as JSON: to be run in that process's network namespace.
"""

from __future__ import annotations

import http.client
import itertools
import json
import ssl
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import psutil

Socket = tuple[str, int]
"""Address and port."""
Answer = tuple[Socket, str, str, str]
"""Socket, scheme, method and path of a question that was answered."""
HEALTH = ("/healthz", "/livez", "/readyz")
SECRETS = "/api/v1/namespaces/default/secrets"
_ASKED = (
    *(*HEALTH, "/", "/version", "/metrics", "/configz", "/logs/", "/debug/pprof/", "/debug/pprof/heap", "/flagz"),
    *("/debug/flags/v", "/statusz", "/pods", "/runningpods/", "/containerLogs/a/b/c", "/v2/keys", "/v3/kv/range"),
    *("/members", "/raft", "/raft/snapshot", "/leases/internal", "/downgrade/enabled", "/swagger.json"),
    *("/openid/v1/jwks", "/openapi/v3", "/api/v1/nodes", SECRETS, f"{SECRETS}/kept"),
)
_CHANGED = (
    *("/v3/kv/put", "/v3/kv/range", "/v3/maintenance/snapshot", "/raft", "/members", "/members/promote/1", SECRETS),
    *("/api/v1/namespaces", "/exec/a/b/c", "/run/a/b/c", "/attach/a/b/c", "/debug/flags/v"),
)
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_NOBODY.check_hostname, _NOBODY.verify_mode = False, ssl.CERT_NONE


def listening(process: psutil.Process) -> set[Socket]:
    """Every TCP socket at which a process or one of its children listens, in the network namespace of this process."""
    with_children = (process, *process.children(recursive=True))
    return {
        (each.laddr.ip, each.laddr.port)
        for one in with_children
        for each in one.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    }


def answered(sockets: Iterable[Socket]) -> set[Answer]:
    """Every question of those above that gets an answer which is no refusal."""
    questions = [("GET", path) for path in _ASKED] + [("POST", path) for path in _CHANGED]
    asked = [
        (socket, scheme, *each) for socket, scheme, each in itertools.product(sockets, ("http", "https"), questions)
    ]
    with ThreadPoolExecutor(16) as pool:
        return {each for each, status in zip(asked, pool.map(_status, asked), strict=True) if 200 <= status < 400}


def _status(asked: Answer) -> int:
    """Status of an answer; 0 where there is none."""
    (address, port), scheme, method, path = asked
    connection = (
        http.client.HTTPSConnection(address, port, timeout=5, context=_NOBODY)
        if scheme == "https"
        else http.client.HTTPConnection(address, port, timeout=5)
    )
    try:
        connection.request(method, path, None if method == "GET" else json.dumps({"key": "Lw=="}))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def main() -> None:
    """Ask all that a process and its children listen at."""
    print(json.dumps(sorted(answered(listening(psutil.Process(int(sys.argv[1])))))))


if __name__ == "__main__":
    main()
