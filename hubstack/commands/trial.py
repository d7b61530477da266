"""Where a trial's hub is found: at its load balancer's address, whatever hosts its values name."""

from __future__ import annotations

import ipaddress
import json

from hubstack.components import api_server
from hubstack.migration import access
from hubstack.project.stacks import Stack


def is_local(host: str) -> bool:
    """Whether a host of a URL is an address, or a name inside of the cluster, and no name that the values gave.

    Arguments:
        host: name or address.
    """
    if host.endswith(".svc") or host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def address(stack: Stack) -> str | None:
    """Scheme and address of the Service that browsers reach; None where it has none.

    Arguments:
        stack: a stack that is deployed.
    """
    path = f"/api/v1/namespaces/{stack.namespace}/services"
    status, body = api_server.get(access.of(stack), path, {"labelSelector": "component=proxy-public"})
    for service in json.loads(body)["items"] if status == 200 else []:
        for given in (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or []:
            host = given.get("ip") or given.get("hostname")
            return f"http://{f'[{host}]' if ':' in str(host) else host}" if host else None
    return None
