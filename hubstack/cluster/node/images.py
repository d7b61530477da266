"""Stand-ins for the upstream images, for machines that reach no image registry.

They carry the upstream names, so that a stack needs no other values, and hold the same programs at the same versions
on another base: Debian, PyPI and npm packages. They are built once, into the user's cache.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from hubstack.cluster.node import layers
from hubstack.cluster.node.store import Image, Layer, Store

PAUSE = "registry.k8s.io/pause:3.10.1"
"""The image that holds a pod's namespaces open; this is its name in containerd's configuration."""
_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_PYTHON = (_PATH, "LANG=C.UTF-8", "HOME=/home/jovyan", "NB_USER=jovyan", f"NB_UID={layers.JOVYAN}", "SHELL=/bin/bash")


def images() -> list[Image]:
    """The images that the chart's default values name, but for those of automatic HTTPS certificates."""
    from hubstack.chart.values import ChartValues

    values = ChartValues()

    def name(image: Any) -> str:
        return f"{image.name}:{image.tag}"

    pause = {name(values.pre_puller.pause.image), name(values.scheduling.user_placeholder.image)}
    return [
        Image(
            name(values.hub.image),
            ("base", "hub"),
            {"User": "jovyan", "Env": _PYTHON, "WorkingDir": "/srv/jupyterhub", "Entrypoint": ["tini", "--"],
             "Cmd": ["jupyterhub", "--config", "/usr/local/etc/jupyterhub/jupyterhub_config.py"]},
        ),
        Image(
            name(values.singleuser.image),
            ("base", "singleuser"),
            {"User": "jovyan", "Env": _PYTHON, "WorkingDir": "/home/jovyan", "Entrypoint": ["tini", "--"],
             "Cmd": ["jupyter", "lab"]},
        ),
        Image(
            name(values.proxy.chp.image),
            ("base", "proxy"),
            {"User": "65534", "Env": [_PATH, "NODE_ENV=production"], "WorkingDir": "/srv",
             "Entrypoint": ["configurable-http-proxy"]},
        ),
        Image(name(values.singleuser.network_tools.image), ("base",), {"Env": [_PATH], "Cmd": ["/bin/sh"]}),
        Image(name(values.pre_puller.hook.image), ("base", "awaiter"), {"Env": [_PATH]}),
        Image(
            name(values.scheduling.user_scheduler.image),
            ("base", "scheduler"),
            {"Env": [_PATH], "Entrypoint": ["/usr/local/bin/kube-scheduler"]},
        ),
        *(
            Image(each, ("base",), {"Env": [_PATH], "User": "65535:65535",
                                    "Entrypoint": ["tini", "--", "sleep", "infinity"]})
            for each in sorted(pause | {PAUSE})
        ),
    ]  # fmt: skip


def built(folder: Path, scheduler: Path) -> list[Layer]:
    """The layers of the stand-ins, in the order in which they are built.

    Arguments:
        folder: that of the store.
        scheduler: program that the user-scheduler's image holds.
    """
    from hubstack.chart.values import ChartValues

    version = ChartValues().proxy.chp.image.tag
    release = f"{scheduler.parent.name}/{scheduler.name}"
    return [
        _base(),
        python_layer(folder, "hub", layers.REQUIREMENTS / "hub.txt"),
        python_layer(folder, "singleuser", layers.REQUIREMENTS / "singleuser.txt"),
        Layer("proxy", partial(layers.proxy, version=version), (_recipes(), version)),
        Layer("scheduler", partial(layers.program, path=scheduler), (_recipes(), release)),
        Layer("awaiter", layers.awaiter, (_recipes(), layers.AWAITER.read_text())),
    ]


def python_layer(folder: Path, name: str, requirements: Path) -> Layer:
    """A layer of PyPI packages upon the base; arguments as for `built` and `layers.python_packages`."""
    lower = _base().folder(folder)
    fill = partial(layers.python_packages, lower=lower, requirements=requirements)
    return Layer(name, fill, (_recipes(), requirements.read_text()))


def stand_ins(folder: Path, scheduler: Path) -> Store:
    """The store of all stand-ins; arguments as for `built`."""
    return Store(folder, built(folder, scheduler), images())


def _base() -> Layer:
    return Layer("base", layers.base, (_recipes(),), stays=True)


def _recipes() -> str:
    """How layers are made, and the versions that are not given elsewhere."""
    return Path(layers.__file__).read_text()
