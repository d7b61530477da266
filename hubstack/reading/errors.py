"""Why a file or a text cannot be read."""

from __future__ import annotations

from hubstack.errors import HubstackError
from hubstack.safe_text import visible


class Unreadable(HubstackError):
    """A file or a text that cannot be used as it is. The message says where and why, and quotes nothing of it."""

    def __init__(self, source: str, message: str, line: int | None = None, column: int | None = None) -> None:
        """Say what is wrong.

        Arguments:
            source: the file's name, or what the text is.
            message: what is wrong.
            line: where, from 1; None where it is wrong as a whole.
            column: where in the line, from 1.
        """
        self.source = source
        self.message = message
        self.line = line
        self.column = column
        super().__init__(": ".join(visible(part) for part in (source, self.where, message) if part))

    @property
    def where(self) -> str:
        """``line 3, column 5``, or blank."""
        if self.line is None:
            return ""
        return f"line {self.line}" if self.column is None else f"line {self.line}, column {self.column}"
