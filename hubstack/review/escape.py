"""Text of settings that stands in a Markdown comment as text, with no markup of its own."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\<>|*_`\[\]~#])")


def inline(text: str) -> str:
    """A text on one line, without markup, and without calling anybody by ``@name``."""
    return escaped(" ".join(text.split())).replace("@", "@\u200b")


def escaped(text: str) -> str:
    """A text in which each character of markup stands for itself."""
    return _MARKUP.sub(r"\\\1", text)
