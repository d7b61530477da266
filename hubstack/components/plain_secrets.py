"""What is said of secrets that somebody has left in plain text: which settings, where, and how to encrypt them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hubstack.chart.samples import Path, dotted
from hubstack.configuration import config_path, key

LIST = "a list is given as a whole; write hub.extraEnv and the like as a map from name to value"


def warnings(found: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """One sentence for each file, or other place, with secrets in plain text.

    Arguments:
        found: settings by where they stand.
    """
    for source, places in found.items():
        settings = ", ".join(map(dotted, places))
        single = next((place for place in places if all(isinstance(step, str) for step in place)), None)
        how = f"pulumi config set --secret --path '{config_path(key('secretValues'), single)}'" if single else LIST
        yield (
            f"{source or 'values'}: {settings}: secret, and here in plain text: whoever can read this can read them. "
            f"The state has them encrypted. Take each out of here, and encrypt it in the stack's file: {how}"
        )


def unencrypted(name: str) -> str:
    """What is said of a setting of the stack's file for secrets, in which nothing is encrypted.

    Arguments:
        name: the setting, such as ``secretValues``.
    """
    return (
        f"hubstack:{name}: nothing in it is encrypted: whoever can read the stack's file can read the secrets in it. "
        f"Set each again with: pulumi config set --secret --path 'hubstack:{name}....'"
    )
