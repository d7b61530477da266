"""A chart archive that stands in for the real one: its templates are the objects of mode native.

It behaves like the real chart towards Helm, the provider and whatever takes a release over: its values have the same
defaults, a release's objects and its hub are those of mode native, tokens are drawn at the first install and looked up
later, and another value in a Secret restarts whose pods use it. It says nothing about what the real chart makes of a
setting: the parity suite does. What it takes is in `structures`; what is not mode native's is in ``data.tpl``.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hubstack.chart import helm_yaml, render
from hubstack.chart.image_puller import DELETABLE
from hubstack.chart.merge import coalesce
from hubstack.chart.proxy import NO_SECRET_CHECKSUM
from hubstack.chart.release import CHART_NAME, CHART_VERSION, Release, TokenValues
from hubstack.chart.text import compact_json
from hubstack.chart.values import ChartValues
from tests.stand_in_chart.structures import STRUCTURES, facts, schema

APP_VERSIONS = {"4.4.0": "5.5.0", "4.3.5": "5.4.6", "3.3.8": "4.1.6"}
"""For each version of the real chart that tests ask for, the JupyterHub in it."""
DATA = Path(__file__).with_name("data.tpl")
HOOK = {"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": "before-hook-creation"}
"""Annotations of what Helm makes before a release, and does not count among its objects."""

_RELEASE, _NAMESPACE = "marker-release", "marker-namespace"
"""Where the release's name and namespace go."""
_FULL_NAME = f"{_RELEASE}-{CHART_NAME}-"
"""What names begin with where the full name is derived, in a release whose name does not contain the chart's."""
_TOKENS = TokenValues("unused", "unused", "unused", {})
"""The Secret with the tokens, and the checksums that depend on them, are written by ``data.tpl``."""

Object = dict[str, Any]


def write(version: str, folder: Path) -> Path:
    """Write the archive of one version, whose images have that version's tags; gives its path.

    Arguments:
        version: one of `APP_VERSIONS`.
        folder: where it goes, under the real archive's name.
    """
    defaults = _tagged(ChartValues.defaults(), version)
    about = {
        "apiVersion": "v2",
        "name": CHART_NAME,
        "version": version,
        "appVersion": APP_VERSIONS[version],
        "description": "Stands in for the Zero to JupyterHub chart in tests; its objects are those of mode native",
    }
    files = {
        "Chart.yaml": yaml.safe_dump(about),
        "values.yaml": helm_yaml.dump(defaults),
        "values.schema.json": json.dumps(schema(defaults)),
        "templates/_data.tpl": DATA.read_text(),
        "templates/_structure.tpl": _structure(defaults),
        **{f"templates/{name}": text for name, text in _templates(defaults).items()},
    }
    archive = folder / f"{CHART_NAME}-{version}.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{CHART_NAME}/{name}")
            content = text.encode()
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def _tagged(values: Any, version: str) -> Any:
    """Values whose images are those of another version: the chart's own images have its version as their tag."""
    if isinstance(values, Mapping):
        return {key: _tagged(value, version) for key, value in values.items()}
    return version if values == CHART_VERSION else values


def _structure(defaults: Mapping[str, Any]) -> str:
    """A template that names the structure of the values."""
    known = facts(defaults)
    found = " ".join(f".Values.{'.'.join(path)}" for path in known)
    branches = [
        f"if eq $facts `{compact_json([values[index] for values in known.values()])}` -}}}}{name}{{{{- else"
        for index, name in enumerate(STRUCTURES)
    ]
    unknown = 'fail (printf "tests/stand_in_chart/structures.py has no structure with %s" $facts)'
    return (
        f'{{{{- define "structure" -}}}}{{{{- $facts := list {found} | toJson -}}}}\n'
        f"{{{{- {' '.join(branches)} -}}}}{{{{ {unknown} }}}}{{{{- end -}}}}{{{{- end -}}}}\n"
    )


def _templates(defaults: Mapping[str, Any]) -> dict[str, str]:
    """One template for each object, which holds its text in each structure that has it."""
    texts: dict[str, dict[str, list[str]]] = {}
    for name, values in STRUCTURES.items():
        tree = coalesce(values, defaults)
        release = Release(_RELEASE, _NAMESPACE, ChartValues.from_tree(tree), tree)
        for manifest in render.objects(release, _TOKENS):
            texts.setdefault(_file(manifest), {}).setdefault(_template(manifest), []).append(name)
    return {file: "".join(_branch(*each) for each in found.items()) for file, found in texts.items()}


def _branch(text: str, names: list[str]) -> str:
    several = " ".join(f'"{name}"' for name in names)
    return f'{{{{- if has (include "structure" .) (list {several}) }}}}\n{text}{{{{- end }}}}\n'


def _file(manifest: Mapping[str, Any]) -> str:
    name = manifest["metadata"]["name"].removeprefix(_FULL_NAME).replace(_RELEASE, "release")
    return f"{manifest['kind'].lower()}-{name}.yaml"


def _template(manifest: Object) -> str:
    """An object's text with Go's expressions where it depends on release, tokens or settings."""
    metadata = manifest["metadata"]
    labels = {**metadata["labels"], "app.kubernetes.io/managed-by": "Helm"}
    annotations = dict(metadata.get("annotations") or {})
    if DELETABLE.items() <= labels.items():
        annotations |= {**HOOK, "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded"}
    if labels["component"] == "image-pull-secret":
        annotations |= HOOK
    changed = {"labels": labels, **({"annotations": annotations} if annotations else {})}
    manifest = {**manifest, "metadata": {**metadata, **changed}}
    data = ""
    if manifest["kind"] == "Secret":
        del manifest["data"]
        data = f'data:\n  {{{{- include "data.{metadata["name"].removeprefix(_FULL_NAME)}" . | nindent 2 }}}}\n'
    marks = {
        _RELEASE: "{{ .Release.Name }}",
        _RELEASE.upper().replace("-", "_"): '{{ .Release.Name | upper | replace "-" "_" }}',  # as variables are called
        _NAMESPACE: "{{ .Release.Namespace }}",
        f"{CHART_NAME}-{CHART_VERSION}": "{{ .Chart.Name }}-{{ .Chart.Version }}",
    }
    pod = manifest.get("spec", {}).get("template", {}).get("metadata", {})
    for key, expression in _checksums(metadata["name"].removeprefix(_FULL_NAME), pod.get("annotations") or {}).items():
        marks[f"marker-{key}"] = f"{{{{ {expression} }}}}"
        pod["annotations"][key] = f"marker-{key}"
    text = helm_yaml.dump(manifest).replace("{{", '{{ "{{" }}')
    return re.sub("|".join(map(re.escape, marks)), lambda found: marks[found[0]], text) + data


def _checksums(name: str, annotations: Mapping[str, Any]) -> dict[str, str]:
    """Checksums of a pod that depend on the release, as expressions over the text of what they are of."""
    sources = {
        "checksum/config-map": f"configmap-{name}.yaml",
        "checksum/secret": f"secret-{name}.yaml",
        "checksum/proxy-secret": "secret-proxy-public-manual-tls.yaml",
    }
    found = {
        key: f'include (print .Template.BasePath "/{file}") . | sha256sum | quote'
        for key, file in sources.items()
        if annotations.get(key, NO_SECRET_CHECKSUM) != NO_SECRET_CHECKSUM
    }
    if "checksum/auth-token" in annotations:
        found["checksum/auth-token"] = 'include "token.proxy" . | sha256sum | trunc 4 | quote'
    return found
