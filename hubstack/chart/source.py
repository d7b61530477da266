"""Where a chart may come from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubstack.chart.errors import Problem

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SCHEMES = ("https://", "oci://")
_PLAIN = "http://"


def problems(where: str, source: str, *, repository: str, digest: str | None, insecure: bool) -> Iterator[Problem]:
    """What is wrong with the settings of a chart; no problem quotes what may be a password.

    Arguments:
        where: the settings' common beginning, for messages.
        source: what the settings are from, for messages.
        repository, digest, insecure: the settings.
    """
    if digest is not None and not DIGEST.fullmatch(digest):
        yield Problem(source, f"{where}.digest", f"{digest!r}: must be sha256: and 64 hexadecimal digits in lower case")
    address = repository.partition("://")[2]
    if "@" in address or "?" in address or "#" in address:
        yield Problem(
            source,
            f"{where}.repository",
            "has a user name, a password or a query in it, which would be shown in logs and stay in the repository; "
            "fetch the archive yourself and name it in chart.path",
        )
    elif re.search(r"[\s\x00-\x20\x7f\\]", repository) or not address:
        yield Problem(source, f"{where}.repository", f"{repository!r}: is no URL such as https://example.org/charts/")
    elif repository.startswith(_PLAIN) and not insecure:
        yield Problem(
            source,
            f"{where}.repository",
            f"{repository!r}: is not encrypted, so that anybody on the way can replace the chart; use https://, or set "
            f"{where}.insecure to true, best with a {where}.digest",
        )
    elif not repository.startswith((*_SCHEMES, _PLAIN)):
        yield Problem(source, f"{where}.repository", f"{repository!r}: must begin with {' or '.join(_SCHEMES)}")
