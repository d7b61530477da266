"""The components for programs in any language: a provider plugin whose schema is inferred from their types.

The engine starts it as ``pulumi-resource-hubstack``, which a wheel installs, or from the folder ``plugin/`` through
Pulumi's language host for Python.
"""

from importlib.metadata import version

from pulumi.provider.experimental import component_provider_host

from hubstack import ImagePuller, JupyterHub, StorageClass, Tokens, UserPlaceholder

COMPONENTS = [JupyterHub, ImagePuller, StorageClass, Tokens, UserPlaceholder]
"""What programs in other languages can use; each of them makes sense alone (docs/library.md)."""


def main() -> None:
    """Serve the engine until it has no more questions."""
    component_provider_host(components=COMPONENTS, name="hubstack", version=version("hubstack"))
