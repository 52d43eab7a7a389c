"""Text from outside, made fit for a terminal and for the log of a CI system. Pure.

Names, errors, comments, file names and what a project prints may hold anything. A terminal obeys
escape sequences; GitHub's runner takes a line that begins with `::`, or holds `##[`, for a command
(https://docs.github.com/actions/reference/workflow-commands-for-github-actions), as Azure's takes
`##vso[` and TeamCity's `##teamcity[`; and a line end lets a name forge a line of ours. So each text
goes through here on its way to a person, and programs get the true characters in JSON.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

INDENT = "  "
TAB = "    "
_CONTROLS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and format characters (bidirectional marks too), surrogates, separators of lines."""
_SUSPECT = re.compile(r"[^ -~]")
_COMMAND = re.compile(r"#(?=#(?:vso|teamcity)?\[)")
_COMMAND_BEGINS = re.compile(r"^(\s*):(?=:)")


def printable(text: str) -> str:
    """The text on one line: what is invisible, and what a CI system would obey, is escaped."""
    shown = _SUSPECT.sub(_escaped, text)
    return _COMMAND_BEGINS.sub(r"\1\\x3a", _COMMAND.sub(r"\\x23", shown), count=1)


def printable_lines(text: str) -> list[str]:
    """The same of a text of one or more lines, each by itself; a tab is shown as spaces."""
    lines = text.replace("\r\n", "\n").replace("\t", TAB).split("\n")
    while lines[1:] and not lines[-1].strip():
        lines.pop()
    return [printable(line) for line in lines]


def paragraph(text: str) -> str:
    """The same as one text, of which each line but the first is indented."""
    first, *rest = printable_lines(text)
    return "\n".join([first, *(one if one.startswith(INDENT) else INDENT + one for one in rest)])


def _escaped(found: re.Match[str]) -> str:
    return _spelled(found[0])


@lru_cache(4096)
def _spelled(char: str) -> str:
    if unicodedata.category(char) not in _INVISIBLE:
        return char
    if char in _CONTROLS:
        return _CONTROLS[char]
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004 - two hexadecimal digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four
