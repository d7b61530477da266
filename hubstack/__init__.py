"""JupyterHub on Kubernetes, as typed components for Pulumi programs.

``from hubstack import JupyterHub, JupyterHubArgs`` is for programs; docs/library.md shows how. Names are loaded when
they are used, so that commands which need no engine do not pay for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubstack.components.arguments import ChartSourceArgs, JupyterHubArgs
    from hubstack.components.image_puller import ImagePuller, ImagePullerArgs
    from hubstack.components.jupyterhub import JupyterHub
    from hubstack.components.storage_class import StorageClass, StorageClassArgs
    from hubstack.components.tokens import Tokens, TokensArgs
    from hubstack.components.user_placeholder import UserPlaceholder, UserPlaceholderArgs

_HOMES = {
    "ChartSourceArgs": "arguments",
    "ImagePuller": "image_puller",
    "ImagePullerArgs": "image_puller",
    "JupyterHub": "jupyterhub",
    "JupyterHubArgs": "arguments",
    "StorageClass": "storage_class",
    "StorageClassArgs": "storage_class",
    "Tokens": "tokens",
    "TokensArgs": "tokens",
    "UserPlaceholder": "user_placeholder",
    "UserPlaceholderArgs": "user_placeholder",
}
"""Module of each name."""

__all__ = [
    "ChartSourceArgs",
    "ImagePuller",
    "ImagePullerArgs",
    "JupyterHub",
    "JupyterHubArgs",
    "StorageClass",
    "StorageClassArgs",
    "Tokens",
    "TokensArgs",
    "UserPlaceholder",
    "UserPlaceholderArgs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hubstack' has no attribute {name!r}")
    return getattr(import_module(f"hubstack.components.{_HOMES[name]}"), name)
