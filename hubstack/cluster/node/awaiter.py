#!/usr/bin/env python3
"""Waits until a DaemonSet has pulled its images on every node: what the chart's Job runs before hub and proxy change.

Runs inside a stand-in image, so it uses nothing but the standard library. The options are those of the image that the
chart's Job names (chart template image-puller/job.yaml).
"""

from __future__ import annotations

import argparse
import http.client
import json
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Poll the DaemonSet until as many pods are ready as are scheduled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-ca-path", type=Path, required=True)
    parser.add_argument("-auth-token-path", type=Path, required=True)
    parser.add_argument("-api-server-address", required=True)
    parser.add_argument("-namespace", required=True)
    parser.add_argument("-daemonset", required=True)
    parser.add_argument("-pod-scheduling-wait-duration", type=int, default=10)
    args = parser.parse_args()
    server = urlsplit(args.api_server_address)
    path = f"/apis/apps/v1/namespaces/{args.namespace}/daemonsets/{args.daemonset}"
    context = ssl.create_default_context(cafile=str(args.ca_path))
    began = time.monotonic()
    while True:
        # this client follows no redirect, so that the token reaches the API server alone
        connection = http.client.HTTPSConnection(server.hostname or "", server.port, context=context, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {args.auth_token_path.read_text().strip()}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"the API server answers {answer.status}")
        status = json.loads(answer.read())["status"]
        connection.close()
        wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        print(f"{ready} of {wanted} nodes have the images", flush=True)
        # nodes may be chosen a little later than the DaemonSet appears
        settled = args.pod_scheduling_wait_duration != -1 and wanted == 0
        if wanted and ready >= wanted:
            return
        if settled and time.monotonic() - began > args.pod_scheduling_wait_duration:
            return
        time.sleep(2)


if __name__ == "__main__":
    main()
