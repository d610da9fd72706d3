"""How a provider is described: one table of a file, in which nothing may be misspelt."""

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, TypeVar

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
Choice = TypeVar("Choice", bound=StrEnum)


class BadProvider(ValueError):
    """What is said of an identity provider cannot be meant; the text says of which, and what."""


class Section:
    """One table: each word is asked for once, and at the end none is left over."""

    def __init__(self, name: str, table: object, read_file: Callable[[str], str]) -> None:
        if not isinstance(table, dict):
            raise BadProvider(f"{name}: a provider is a table, [{name}]")
        if not _NAME.fullmatch(name):
            raise BadProvider(f"{name!r}: a provider is called by up to 40 of a-z, 0-9 and -")
        self.name = name
        self._left: dict[str, Any] = dict(table)
        self._read_file = read_file

    def text(self, word: str, *, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self._left.pop(word, default)
        if value is None:
            raise BadProvider(f"{self.name}: {word} is missing")
        return self._text(word, value)

    def secret(self, word: str) -> str:
        """A text that is written here, or in a file that is named here."""
        if f"{word}_file" not in self._left:
            return self.text(word)
        if word in self._left:
            raise BadProvider(f"{self.name}: {word} or {word}_file, not both")
        path = self.text(f"{word}_file")
        try:
            found = self._read_file(path).strip()
        except (OSError, ValueError) as error:
            raise BadProvider(f"{self.name}: {word}_file {path}: {error}") from error
        if not found:
            raise BadProvider(f"{self.name}: {word}_file {path} is empty")
        return found

    def texts(self, word: str, *, default: Iterable[str]) -> tuple[str, ...]:
        """Several texts, or one."""
        return self._texts(word, self._left.pop(word, list(default)))

    def lists(self, word: str) -> dict[str, tuple[str, ...]]:
        """A table of texts, one or several each."""
        table = self._left.pop(word, {})
        if not isinstance(table, dict):
            raise BadProvider(f"{self.name}: {word} is a table, [{self.name}.{word}]")
        return {str(key): self._texts(f"{word} of {key!r}", value) for key, value in table.items()}

    def switch(self, word: str) -> bool:
        """Yes or no, and no if nothing is said."""
        value = self._left.pop(word, False)
        if not isinstance(value, bool):
            raise BadProvider(f"{self.name}: {word} is true or false")
        return value

    def choice(self, word: str, choices: type[Choice], *, default: Choice) -> Choice:
        """One of some words."""
        value = self._left.pop(word, default)
        if value not in set(choices):
            raise BadProvider(f"{self.name}: {word} is one of {', '.join(choices)}")
        return choices(value)

    def nothing_else(self) -> None:
        """Refuse what nobody asked for: it is misspelt, or of another kind of provider."""
        if self._left:
            raise BadProvider(f"{self.name}: {', '.join(sorted(self._left))} is not known here")

    def _texts(self, word: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list | tuple):
            raise BadProvider(f"{self.name}: {word} is a text or a list of them")
        return tuple(self._text(word, one) for one in value)

    def _text(self, word: str, value: object) -> str:
        if not isinstance(value, str) or any(letter < " " for letter in value):
            raise BadProvider(f"{self.name}: {word} is a text in one line")
        return value.strip()
