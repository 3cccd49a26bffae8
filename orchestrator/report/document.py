"""A page as values: sections of paragraphs, tables, pictures and commands, before anybody says in which format.

What a page says is decided once; Markdown and HTML only dress it (:mod:`orchestrator.report.rendering`), so they cannot
disagree. Nothing here is escaped: that is the renderers' part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Span:
    """A stretch of text; ``style`` is empty, ``strong``, ``em`` or ``code``."""

    text: str
    style: str = ""


Text = tuple[Span, ...]


def strong(text: str) -> Span:
    return Span(text, "strong")


def em(text: str) -> Span:
    return Span(text, "em")


def code(text: str) -> Span:
    return Span(text, "code")


def text(*parts: str | Span) -> Text:
    """Plain strings and styled spans, one after the other."""
    return tuple(p if isinstance(p, Span) else Span(p) for p in parts)


@dataclass(frozen=True)
class Paragraph:
    """``tone`` is empty, or ``warning`` for what must not be overlooked."""

    kind: ClassVar[str] = "paragraph"
    words: Text
    tone: str = ""


@dataclass(frozen=True)
class Bullets:
    kind: ClassVar[str] = "bullets"
    items: tuple[Text, ...]


@dataclass(frozen=True)
class Column:
    """A table's column; numbers stand to the ``right``."""

    title: str
    right: bool = False


@dataclass(frozen=True)
class Table:
    """``caption`` names the table for those who hear the page; every row has one cell for each column."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure by its file's name. ``alt`` says in words what it shows, with the numbers that matter."""

    kind: ClassVar[str] = "picture"
    file: str
    alt: str
    caption: str
    width_px: int
    height_px: int
    png: bytes


@dataclass(frozen=True)
class Commands:
    """Lines to type, as they are."""

    kind: ClassVar[str] = "commands"
    lines: tuple[str, ...]


Block = Paragraph | Bullets | Table | Picture | Commands


@dataclass(frozen=True)
class Section:
    """``level`` 2, or 3 for a part of the section before."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2


@dataclass(frozen=True)
class Page:
    """``answer`` stands below the title, before everything else, its first sentence above the others. ``notices``
    follow it at once."""

    title: str
    answer: tuple[str, ...]
    sections: tuple[Section, ...]
    notices: tuple[Paragraph, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every figure, once."""
        found = {b.file: b for s in self.sections for b in s.blocks if isinstance(b, Picture)}
        return tuple(found.values())


def table(caption: str, titles: str, rows: Sequence[Sequence[str]]) -> Table:
    """``titles`` separated by ``|``; one that begins with ``>`` stands to the right."""
    columns = tuple(Column(t.strip().removeprefix(">"), t.strip().startswith(">")) for t in titles.split("|"))
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{caption}: a row of {len(row)} cells for {len(columns)} columns")
    return Table(caption, columns, tuple(tuple(row) for row in rows))


def section(title: str, *blocks: Block | None, level: int = 2) -> Section | None:
    """A section of the blocks that are there; None when none is."""
    kept = tuple(b for b in blocks if b is not None)
    return Section(title, kept, level) if kept else None
