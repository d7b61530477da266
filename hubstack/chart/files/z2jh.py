"""What the hub was deployed with, for jupyterhub_config.py and for ``hub.extraConfig``.

``from z2jh import get_config`` works as it does with the Zero to JupyterHub chart: same names, same arguments, same
results.
"""

import functools
import os
from collections.abc import Mapping
from pathlib import Path

import yaml

MOUNT = Path("/usr/local/etc/jupyterhub")
"""Where the pod has the ConfigMap (``config``), the hub's Secret (``secret``) and the users' own (``existing-secret``)."""

_REQUIRED = object()


def get_config(key, default=None):
    """The setting at a dotted path of the values, such as ``singleuser.memory.limit``.

    A path that leads nowhere gives the default; a null on the way counts as leading nowhere, a null at its end is null.
    """
    found = _values()
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            return default
        found = found[step]
    return found


def set_config_if_not_none(cparent, name, key):
    """Set the trait ``name`` of a configuration section to the setting at ``key``, unless that is null or absent."""
    setting = get_config(key)
    if setting is not None:
        setattr(cparent, name, setting)


def get_name(name):
    """Full name of an object of this release from its short name, such as ``proxy-api``."""
    return _config_map_entry(name)


def get_name_env(name, suffix=""):
    """Value of the environment variable that Kubernetes derives from an object's full name and a suffix."""
    return os.environ[(get_name(name) + suffix).upper().replace("-", "_")]


@functools.lru_cache
def get_secret_value(key, default=_REQUIRED):
    """Text of one key of the users' own Secret or else of the hub's Secret."""
    for secret in ("existing-secret", "secret"):
        file = MOUNT / secret / key
        if file.exists():
            return _text(file)
    if default is _REQUIRED:
        raise Exception(f"neither the existing Secret nor the hub's has a key {key}")
    return default


@functools.lru_cache
def _values():
    """All settings; those of the users' own Secret lie over the others."""
    merged = {}
    for secret in ("secret", "existing-secret"):
        file = MOUNT / secret / "values.yaml"
        if file.exists():
            print(f"settings from {file}")
            merged = _over(merged, yaml.safe_load(_text(file)))
    return merged


@functools.lru_cache
def _config_map_entry(key):
    file = MOUNT / "config" / key
    if not file.exists():
        raise Exception(f"the hub's ConfigMap has no key {key}: {file} does not exist")
    return _text(file)


def _text(file):
    with file.open() as stream:
        return stream.read()


def _over(lower, upper):
    result = dict(lower)
    for key, value in upper.items():
        both = isinstance(result.get(key), Mapping) and isinstance(value, Mapping)
        result[key] = _over(result[key], value) if both else value
    return result
