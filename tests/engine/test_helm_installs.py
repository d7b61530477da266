"""Our reading of what Helm prints is what a real ``helm install`` leaves on the API server, to the last newline.

A chart of the test's own has block scalars in every style, ended in every way, at every place of a file. What this
does not prove: anything about other objects; only the content of Secrets and ConfigMaps is compared.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hubstack import manifests
from hubstack.cluster.api import ApiClient
from hubstack.parity import helm_documents
from tests import charts, needs
from tests.engine.conftest import Machine

NAMESPACE = "installed"
KINDS = ("Secret", "ConfigMap")
Content = dict[tuple[str, str], dict[str, bytes]]
"""What an object holds by key, by kind and name."""

STYLES = ("|", "|-", "|+", ">", ">+", '"', "plain")
"""Ways to write a text in YAML."""

ENDS = {
    "nothing": "",
    "newline": "\n",
    "newlines": "\n\n\n",
    "blanks": "  \n",
    "tabs": "\t\n \t\n",
    "no-break-space": "\u00a0\n",
    "blank-lines": "\n    \n\n  \n",
    "comment": "\n# a comment\n",
    "indented-comment": "\n  # a comment\n",
    "key": "\nimmutable: false\n",
    "document": "\n---\n# nothing\n",
    "spaced-document": "\n\n---   \n\n",
    "end-of-document": "\n...\n",
}
"""What can follow the last text of a file."""


def texts(style: str) -> Iterator[str]:
    """Lines of a member ``z`` in one style, without the end of the last line."""
    match style:
        case '"':
            yield '  z: "first\\n\\n  second é\\n"'
        case "plain":
            yield "  z: first\n    second 用户"
        case _:
            yield f"  z: {style}\n    - first é\n\n      more  \n    last: x"
            yield f"  z: {style}\n\n    \n    first"


def documents() -> Iterator[tuple[str, str]]:
    """Name and text of each template: every style with every end, in both kinds by turns, and each end in a hook."""
    written = [(style, text, end) for style in STYLES for text in texts(style) for end in ENDS]
    for number, (_, text, end) in enumerate(written):
        yield manifest(KINDS[number % len(KINDS)], f"text-{number}-{end}", text, ENDS[end])
    hook = '\n  annotations: {"helm.sh/hook": pre-install}'
    for kind in KINDS:
        for end in ENDS:
            yield manifest(kind, f"hook-{end}", "  z: |\n    first\n    second", ENDS[end], hook)


def manifest(kind: str, name: str, text: str, end: str, metadata: str = "") -> tuple[str, str]:
    """Name and text of an object with two members, of which the second is the one that matters."""
    name = f"{kind.lower()}-{name}"
    head = f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}{metadata}\n"
    member = "stringData" if kind == "Secret" else "data"
    return name, f"{head}{member}:\n  a: |\n    before\n{text}{end}"


def write_chart(folder: Path) -> None:
    """A chart of all these documents: each in a file of its own, with both kinds of line ends, and all in one file."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: endings\nversion: 0.1.0\n")
    together = []
    for name, text in documents():
        (folder / "templates" / f"{name}.yaml").write_bytes(text.encode())
        dos = text.replace(name, f"dos-{name}").replace("\n", "\r\n")
        (folder / "templates" / f"dos-{name}.yaml").write_bytes(dos.encode())
        together.append(text.replace(name, f"one-{name}"))
    (folder / "templates" / "one.yaml").write_bytes("\n---\n".join(together).encode())


def told(output: str) -> Content:
    """What the objects would hold by our reading of Helm's output."""
    return {
        (each["kind"], each["metadata"]["name"]): held(each)
        for each in helm_documents.read(output)
        if each["kind"] in KINDS
    }


def held(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The content of a Secret or ConfigMap, by key."""
    encoded = manifest.get("data" if manifest["kind"] == "Secret" else "binaryData") or {}
    text = manifest.get("stringData" if manifest["kind"] == "Secret" else "data") or {}
    return {
        **{key: base64.b64decode(value) for key, value in encoded.items()},
        **{key: value.encode() for key, value in text.items()},
    }


def live(client: ApiClient) -> Content:
    """What the objects hold on the API server."""
    return {
        (kind, each["metadata"]["name"]): held({**each, "kind": kind})
        for kind in KINDS
        for each in client.request("GET", f"/api/v1/namespaces/{NAMESPACE}/{kind.lower()}s")["items"]
    }


def helm(machine: Machine, *arguments: str) -> str:
    """Run Helm against the cluster, in the test's namespace; gives what it prints."""
    where = ["--kubeconfig", str(machine.cluster.kubeconfig), "--kube-context", machine.cluster.context]
    command = [str(machine.tools["helm"]), *arguments, "--namespace", NAMESPACE, *where]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def install(machine: Machine) -> Iterator[Any]:
    """Installs a chart, and gives what Helm prints for it; uninstalls it after the test."""
    installed = []

    def run(release: str, chart: Path, *more: str) -> str:
        helm(machine, "install", release, str(chart), "--create-namespace", *more)
        installed.append(release)
        return helm(machine, "template", release, str(chart), *more)

    yield run
    for release in installed:
        helm(machine, "uninstall", release)


def test_texts_are_read_as_they_are_installed(machine: Machine, install: Any, tmp_path: Path) -> None:
    """Every text of every object is on the API server what our reader says, byte for byte."""
    write_chart(tmp_path / "chart")
    expected = told(install("endings", tmp_path / "chart"))
    assert len(expected) == 3 * len(list(documents()))
    found = live(machine.cluster.client())
    assert {name: (found[name], content) for name, content in expected.items() if found[name] != content} == {}


DATA = {
    "text": "two\nlines\n",
    "number": 1_000_000,
    "list": [1, "é", {"yes": "no"}],
    "table": {"b": {"c": "<"}, "a": [{"x": 0.5}, {"y": True}]},
    "empty": {},
}
FILES: dict[str, Any] = {
    "a.txt": {"mountPath": "/a/a.txt", "stringData": "first\nlast"},
    "b.yaml": {"mountPath": "/a/b.yaml", "data": DATA},
    "c.bin": {"mountPath": "/a/c.bin", "binaryData": base64.b64encode(b"\x00\xff").decode()},
    "d.toml": {"mountPath": "/a/d.toml", "data": DATA},
    "e.json": {"mountPath": "/a/e.json", "data": DATA},
    "z.txt": {"mountPath": "/a/z.txt", "stringData": "first\r\n\r\nlast \t\n\n\n"},
}


@pytest.mark.parametrize("last", [*FILES, "blanks"])
def test_files_of_the_chart_are_read_as_they_are_installed(
    machine: Machine, install: Any, tmp_path: Path, last: str
) -> None:
    """The chart's Secrets with the users' files hold what our reader says, and what mode native makes.

    Each kind of file is the last one once, and so is a text of blanks.
    """
    chart = charts.real("4.4.0")
    if chart is None:
        needs.skip("chart", "chart 4.4.0 is not here; HUBSTACK_MIRROR names a folder that has it")
    files = {name: file for name, file in FILES.items() if name <= last}
    if last == "blanks":
        texts = {"x": "x", "y": " \n \u00a0\n"}
        files = {name: {"mountPath": f"/{name}", "stringData": text} for name, text in texts.items()}
    values = tmp_path / "values.yaml"
    sections = {section: {"extraFiles": files} for section in ("hub", "singleuser")}
    values.write_text(json.dumps({**sections, "prePuller": {"hook": {"enabled": False}}}))
    expected = told(install("files", chart, "--values", str(values)))
    found = live(machine.cluster.client())
    native = {
        each["metadata"]["name"]: held(each)
        for each in manifests.render_manifests([values], NAMESPACE, "files", "1.36.1", placeholders=True)
        if each["kind"] == "Secret"
    }
    for name in ("hub", "singleuser"):
        installed = {key: found["Secret", name][key] for key in files}
        assert installed == {key: expected["Secret", name][key] for key in files}
        assert installed == {key: native[name][key] for key in files}
