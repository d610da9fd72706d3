"""The query as parameters of a URL: `?state=failed&oem=azure&dark=1&q=web-`.

Pages and the API share these names; what they say is the same as the query box does.
"""

from collections.abc import Collection, Iterable, Mapping

from oemupdates.domain.query import EMPTY, KNOWN, BadQuery, Flag, Key, Query, Term, Value
from oemupdates.domain.query_reading import read

# The parameters that name values, each with the key that it stands for.
PARAMETERS = {
    "state": Key.STATE,
    "group": Key.GROUP,
    "version": Key.OS,
    "oem": Key.OEM,
    "basis": Key.BASIS,
    "architecture": Key.ARCH,
    "sysext": Key.SYSEXT,
    "oem_version": Key.OEM_VERSION,
    "oem_build": Key.OEM_BUILD,
    "drift": Key.DRIFT,
    "drift_basis": Key.DRIFT_BASIS,
    "exposed": Key.EXPOSED,
    "exposure_unknown": Key.EXPOSURE_UNKNOWN,
}
FLAGS = tuple(flag.value for flag in Flag)
_GROUP_DIGITS = 18


def read_parameters(
    parameters: Mapping[str, Iterable[str]], *, others: Collection[str] = ()
) -> tuple[Query, list[str]]:
    """The query that a URL asks for, and in sentences what of it cannot be understood.

    `others` are the parameters that are not about which nodes.
    """
    terms: list[Term] = []
    problems: list[str] = []
    for name, texts in parameters.items():
        try:
            terms += _terms(name, [text for text in texts if text], others)
        except BadQuery as bad:
            problems.append(str(bad))
    return Query(tuple(dict.fromkeys(terms))), problems


def _terms(name: str, texts: list[str], others: Collection[str]) -> Iterable[Term]:
    if name in PARAMETERS:
        key = PARAMETERS[name]
        values = tuple(Value(_value(name, key, text)) for text in texts)
        return [Term(key, values)] if values else []
    if name in FLAGS:
        return [_flag(name, text) for text in texts]
    if name == "q":
        return [term for text in texts for term in read(text).terms]
    if name == "standing":
        return [_standing(text) for text in texts]
    if name not in others:
        raise BadQuery(f"There is no filter {name!r}.")
    return []


def _flag(name: str, text: str) -> Term:
    if text != "1":
        raise BadQuery(f"{name} is either 1 or left out, not {text!r}.")
    return Term(Key.IS, (Value(name),))


def _standing(text: str) -> Term:
    if text not in KNOWN[Key.STANDING]:
        raise BadQuery(f"No node has the standing {text!r}.")
    return Term(Key.STANDING, (Value(text),))


def _value(name: str, key: Key, text: str) -> str:
    value = "" if text == EMPTY else text
    if key is Key.GROUP:
        if not (value.isascii() and value.isdigit() and len(value) <= _GROUP_DIGITS):
            raise BadQuery(f"A group is given by its number, and {value!r} is none.")
        return f"#{int(value)}"
    if value not in KNOWN.get(key, (value,)) or not value.isprintable():
        raise BadQuery(f"No node has the {name.replace('_', ' ')} {value!r}.")
    return value
