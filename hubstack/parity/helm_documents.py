"""What Helm installs, read from what it prints.

``helm template`` prints the text that ``helm install`` hands to Kubernetes' own client, and the hooks after it. Helm
cuts a template's rendered file into documents, trims white space at both ends of each (``releaseutil.SplitManifests``),
and writes each below ``---`` and a comment, with one newline at its end (``action.renderResources``). The client goes
line by line, ends every line with LF, the last one too, and takes a line that starts with ``---`` for a separator
(``k8s.io/apimachinery/pkg/util/yaml.YAMLReader``). So the newline before a separator belongs to the document above it:
a block scalar at a document's end keeps its own last newline, and loses only the blanks that Helm trimmed.
"""

from __future__ import annotations

import re
from typing import Any

from hubstack.chart import helm_yaml
from hubstack.chart.errors import Problem, SettingsError

_SOURCE = "output of Helm"
_SEPARATOR = re.compile(r"^---(.*)\n", re.MULTILINE)


def read(text: str) -> list[dict[str, Any]]:
    """The objects that ``helm install`` would make, in the order in which they stand there.

    Arguments:
        text: what ``helm template`` printed, or the manifest in a record of Helm.

    Raises:
        SettingsError: Kubernetes' client could not read the text.
    """
    loaded = [helm_yaml.load(document, source=_SOURCE) for document in split(text)]
    # A document of comments alone is no object.
    return [document for document in loaded if document is not None]


def split(text: str) -> list[str]:
    """The text of each document, as Kubernetes' client cuts it.

    Raises:
        SettingsError: something else than a comment follows a separator.
    """
    lines = text.replace("\r\n", "\n").removesuffix("\n") + "\n"
    first, *others = _SEPARATOR.split(lines)
    for rest in map(str.strip, others[::2]):
        if rest and not rest.startswith("#"):
            raise SettingsError([Problem(_SOURCE, "", "a line starts with '---' and is no separator of documents")])
    return [first, *others[1::2]]
