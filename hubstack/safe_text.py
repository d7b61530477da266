"""Texts that others wrote, made harmless for the place where they are shown: a terminal, a log, Markdown, HTML.

A name, a setting, a server's header or an event of the cluster may hold anything. In a terminal it could move the
cursor or fill the clipboard, in a log of CI give orders to the runner, in a comment call people or fake a result.
"""

from __future__ import annotations

import re
from html import escape

_CONTROL = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, and C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # change the direction of what follows
    r"\u2028\u2029\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"  # lines, invisible text, half characters
)
_IN_LINES = re.compile(f"[{_CONTROL}]")
_IN_A_LINE = re.compile(rf"[\t\n{_CONTROL}]")
_NAMED = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}

_COMMAND = re.compile(r"(?<!\S)(?=::[A-Za-z])|(?<=#)(?=#(?:\[|vso\[))")
"""How an order to a CI runner starts: GitHub's at the start of a line, its older ones and Azure's anywhere. A long line
may be folded before any word."""

_MARKUP = re.compile(r"([\\<>|*_`\[\]~#&$])")
_LINKED = re.compile(r"(?i)(?<=@)|(?<=#)(?=\d)|(?<=GH-)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=:)(?=[\w+-]+:)")
"""Where GitHub begins to see a mention, an issue, an address or an emoji."""
_BREAK = "\u200b"
"""A space of no width: nobody sees it, and no reference goes over it."""


def visible(text: object) -> str:
    """A text on one line, with each character that is no letter, sign or blank written as its escape: ``\\x1b``."""
    return _IN_A_LINE.sub(_escaped, str(text))


def visible_lines(text: object) -> str:
    """The same for a text of several lines; line ends and tabs stay."""
    return _IN_LINES.sub(_escaped, str(text))


def without_commands(text: str) -> str:
    """A text that is no order to a CI runner that reads the log: ``\\::add-mask::``."""
    return _COMMAND.sub(r"\\", text)


def inline(text: str) -> str:
    """A text on one line of Markdown: no markup, nobody called by ``@name``, no link, no issue, no emoji."""
    return escaped(_LINKED.sub(_BREAK, visible(" ".join(text.split()))))


def escaped(text: str) -> str:
    """A text in which each character of Markdown's markup stands for itself."""
    return _MARKUP.sub(r"\\\1", text)


def code(text: str) -> str:
    """A text as code in a line of Markdown, in a fence that no backtick in it can end."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    return f"`{shown}`" if not longest else f"{'`' * (longest + 1)} {shown} {'`' * (longest + 1)}"


def fenced(lines: str, language: str = "") -> str:
    """Lines as a block of code in Markdown, in a fence longer than any in them."""
    longest = max((len(run) for run in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible_lines(lines)}\n{fence}"


def html(text: str) -> str:
    """A text within HTML in Markdown, which looks for mentions and links there, too."""
    return _LINKED.sub(_BREAK, escape(visible(text)))


def json_without_commands(text: str) -> str:
    """JSON that says the same, and is no order to a CI runner either."""
    return text.replace("##[", "##\\u005b").replace("##vso[", "##vso\\u005b")


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    number = ord(character)
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
