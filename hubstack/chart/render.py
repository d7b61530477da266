"""All objects of one release, without the engine."""

from __future__ import annotations

from typing import Any

from hubstack.chart import (
    autohttps,
    hub,
    image_pull_secret,
    image_puller,
    ingress,
    priority,
    proxy,
    singleuser,
    user_placeholder,
    user_scheduler,
)
from hubstack.chart.release import Release, TokenValues


def objects(release: Release, tokens: TokenValues) -> list[dict[str, Any]]:
    """Every object of mode native, part by part; the components register the same objects one by one.

    Arguments:
        release: names and values.
        tokens: the generated tokens; tokens that the values set win.
    """
    return [
        *image_pull_secret.objects(release),
        *priority.objects(release),
        *hub.objects(release, tokens),
        *proxy.objects(release, tokens),
        *autohttps.objects(release),
        *ingress.objects(release),
        *singleuser.objects(release),
        *user_scheduler.objects(release),
        *user_placeholder.objects(release),
        *image_puller.objects(release),
    ]
