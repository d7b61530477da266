"""Settings of older chart versions and of other programs, and what to do about them."""

from __future__ import annotations

from collections.abc import Sequence

_CHP = (
    "containerSecurityContext",
    "image",
    "networkPolicy",
    "nodeSelector",
    "pdb",
    "resources",
    "tolerations",
    "extraEnv",
)

_MOVED = {
    "auth": "set the authenticator below hub.config",
    "hub.uid": "use hub.containerSecurityContext.runAsUser",
    "hub.extraConfigMap": "use custom",
    "hub.imagePullPolicy": "use hub.image.pullPolicy",
    "hub.imagePullSecret": "use imagePullSecret",
    "hub.publicURL": "use hub.config.JupyterHub.public_url",
    "prePuller.continuous.extraTolerations": "use prePuller.extraTolerations",
    "prePuller.hook.extraTolerations": "use prePuller.extraTolerations",
    "scheduling.userScheduler.policy": "use scheduling.userScheduler.plugins",
    "singleuser.affinity": "use singleuser.extraNodeAffinity, extraPodAffinity or extraPodAntiAffinity",
    "singleuser.cloudMetadata.enabled": "use singleuser.cloudMetadata.blockWithIptables, which means the opposite",
    "singleuser.extraVolumes": "use singleuser.storage.extraVolumes",
    "singleuser.extraVolumeMounts": "use singleuser.storage.extraVolumeMounts",
    "singleuser.imagePullPolicy": "use singleuser.image.pullPolicy",
    "singleuser.imagePullSecret": "use imagePullSecret",
    "singleuser.serviceAccount": "use singleuser.serviceAccountName",
    "singleuser.tolerations": "use singleuser.extraTolerations",
    **{f"proxy.{key}": f"use proxy.chp.{key}" for key in _CHP},
}


def replacement(path: Sequence[str]) -> str | None:
    """How to say today what an old setting said; None for a path that never was one."""
    return _MOVED.get(".".join(path))
