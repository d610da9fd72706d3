"""Release notes, folded by heading and by package.

Their publisher writes them in Markdown. What a library makes of that is HTML of a stranger's; of
what such notes use, headings, lists and links are read here, and all else stays plain text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEADING = re.compile(r" {0,3}#{1,6}\s+(?P<title>.*?)[\s#:]*")
_ITEM = re.compile(r"(?P<indent>\s*)[-*+]\s+(?P<text>\S.*)")
_LINK = re.compile(r"\[(?P<text>[^\[\]]{1,300})\]\((?P<url>https?://[^\s()<>\"']{1,500})\)")
# "Linux ([CVE-...", "app-misc/jq: ...": what stands before the first bracket or colon.
_PACKAGE = re.compile(r"(?P<name>[0-9A-Za-z][\w .+/-]{0,79}?)\s*[(\[:]", re.ASCII)
_MOST_WORDS = 3
_MARKS = str.maketrans("", "", "*`")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a note, and the address that they lead to, if they do."""

    text: str
    url: str = ""


@dataclass(slots=True)
class Package:
    """What is said about one package; of what names none, `name` is empty."""

    name: str
    notes: list[tuple[Piece, ...]] = field(default_factory=list)

    @property
    def links(self) -> int:
        """How many addresses its notes name: fixes, and releases of its own."""
        return sum(bool(piece.url) for note in self.notes for piece in note)


@dataclass(slots=True)
class Section:
    """What stands below one heading, which is empty for what stands above the first."""

    title: str
    packages: list[Package] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Take a note, beside others about its package."""
        name = _package(text)
        for known in self.packages:
            if known.name == name:
                break
        else:
            known = Package(name)
            self.packages.append(known)
        known.notes.append(tuple(_pieces(text.strip("_"))))


def fold(text: str) -> list[Section]:
    """The sections of some notes in their order, without those that say nothing."""
    found = [Section("")]
    note = ""
    for line in [*text.splitlines(), ""]:
        heading, item = _HEADING.fullmatch(line), _ITEM.fullmatch(line)
        begins = item is not None and len(item["indent"].expandtabs()) <= 1
        if note and (heading or begins or not line.strip()):
            found[-1].add(note)
            note = ""
        if heading:
            found.append(Section(_plain(heading["title"])))
        elif item:
            note = f"{note}; {item['text']}" if note else item["text"]
        elif line.strip():
            note = f"{note} {line.strip()}".strip()
    return [section for section in found if section.packages]


def _package(text: str) -> str:
    match = _PACKAGE.match(_plain(text))
    name = match["name"] if match else ""
    return name if len(name.split()) <= _MOST_WORDS else ""


def _pieces(text: str) -> Iterator[Piece]:
    end = 0
    for match in _LINK.finditer(text):
        if before := text[end : match.start()].translate(_MARKS):
            yield Piece(before)
        yield Piece(match["text"].translate(_MARKS), match["url"])
        end = match.end()
    if rest := text[end:].translate(_MARKS):
        yield Piece(rest)


def _plain(text: str) -> str:
    return text.translate(_MARKS).strip("_ ")
