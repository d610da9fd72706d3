"""Reading what stands in the query box; what cannot be read is named."""

import re
from collections.abc import Iterator

from oemupdates.domain.query import (
    ALIASES,
    EMPTY,
    KNOWN,
    ORDERED,
    PREFIX,
    SINGLE,
    TIMES,
    BadQuery,
    Key,
    Op,
    Query,
    Term,
    Value,
    is_network,
    seconds,
)
from oemupdates.domain.version import BadVersion, parse

MAX_LENGTH, MAX_TERMS = 2000, 40
MAX_WORD = 256
_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+')
_KEYED = re.compile(r"(-?)([A-Za-z_]+):(.*)", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_VALUE = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^,"])*)(,|$)')
_OP = re.compile(r"<=|>=|<|>")
_LESS_AND_MORE = {Key.SEEN: ("since", "longer ago"), Key.HOLD_ENDS: ("sooner", "later")}


def read(text: str) -> Query:
    """Understand a query; `BadQuery` if it is none."""
    if len(text) > MAX_LENGTH:
        raise BadQuery(f"A query is at most {MAX_LENGTH} characters long.")
    terms = tuple(_term(word) for word in _words(text))
    if len(terms) > MAX_TERMS:
        raise BadQuery(f"A query has at most {MAX_TERMS} terms.")
    return Query(terms)


def _words(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _WORD.match(text, at)
        if match is None or (match.end() < len(text) and not text[match.end()].isspace()):
            raise BadQuery(f"A quote is opened and not closed in {_shown(text[at:])}.")
        yield match[0]
        at = match.end()


def _term(word: str) -> Term:
    keyed = None if is_network(word) else _KEYED.fullmatch(word)
    if keyed is None:
        return _bare(word)
    name = keyed[2].lower()
    key = ALIASES.get(name) or next((key for key in Key if key and key == name), None)
    if key is None:
        raise BadQuery(
            f"There is no filter {name!r} as in {_shown(word)}; quote it to search for it."
        )
    values = tuple(_value(key, part, word) for part in _parts(keyed[3], word))
    if key in SINGLE and len(values) > 1:
        raise BadQuery(f"{_shown(word)}: {key} takes one value; write {key}: again for another.")
    return Term(key, values, bool(keyed[1]))


def _bare(word: str) -> Term:
    is_negated = word.startswith("-") and len(word) > 1
    text = word[is_negated:]
    quoted = _QUOTED.fullmatch(text)
    if quoted is None:
        if '"' in text:
            raise BadQuery(f"{_shown(word)}: quotes go around the whole word.")
        text = text.rstrip("*")
    else:
        text = _unescape(quoted[1])
    if not text or text == "-":
        raise BadQuery(f"{_shown(word)} says nothing to look for.")
    if len(text) > MAX_WORD:
        raise BadQuery(f"A word to search for is at most {MAX_WORD} characters long.")
    if not text.isprintable():
        raise BadQuery("The search holds characters that no node has in its name.")
    return Term(Key.WORD, (Value(text),), is_negated)


def _parts(text: str, word: str) -> Iterator[str]:
    """The values of a term, quotes and all, at the commas outside of quotes."""
    at = 0
    while True:
        match = _VALUE.match(text, at)
        if match is None or not match[1]:
            raise BadQuery(f"{_shown(word)} has no value between its commas, or none at all.")
        yield match[1]
        if not match[2]:
            return
        at = match.end()


def _value(key: Key, part: str, word: str) -> Value:
    quoted = _QUOTED.fullmatch(part)
    if quoted is not None:
        value = Value(_unescape(quoted[1]))
    elif '"' in part:
        raise BadQuery(f"{_shown(word)}: quotes go around a whole value.")
    else:
        value = _plain_value(key, part)
    _check(key, value, word)
    return value


def _plain_value(key: Key, part: str) -> Value:
    if part == EMPTY:
        return Value("")
    if key not in ORDERED:
        return Value(part)
    op = _OP.match(part)
    if op is not None:
        return Value(part[op.end() :], Op(op[0]))
    start, is_range, end = part.partition("..")
    return Value(start, Op.RANGE, end) if is_range else Value(part)


def _check(key: Key, value: Value, word: str) -> None:
    text = value.text
    if key in KNOWN and text not in KNOWN[key]:
        named = "sysext" if key is Key.SYSEXT else key
        raise BadQuery(
            f"{_shown(word)}: no node has the {named} {text!r}; there are"
            f" {', '.join(known or EMPTY for known in KNOWN[key])}."
        )
    if not text.isprintable() or not value.end.isprintable():
        raise BadQuery(f"No node has the {key} {text!r}.")
    bounds = [text, value.end] if value.op is Op.RANGE else [text]
    if key in TIMES:
        if value.op is Op.IS:
            less, more = _LESS_AND_MORE[key]
            raise BadQuery(
                f"{_shown(word)}: say {key}:>{text} for {more}, {key}:<{text} for {less}."
            )
        for bound in bounds:
            seconds(bound)
    elif value.op is not Op.IS:
        for bound in bounds:
            _check_version(bound, word)


def _check_version(text: str, word: str) -> None:
    if PREFIX.fullmatch(text):
        return
    try:
        parse(text)
    except BadVersion as error:
        raise BadQuery(
            f"{_shown(word)}: {text!r} is no version like 4593.2.1 or 4593.2."
        ) from error


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _shown(text: str) -> str:
    return f"“{text[:60]}”"
