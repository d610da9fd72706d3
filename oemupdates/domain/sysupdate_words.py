"""What is said of a list of a component that names nothing."""

from oemupdates.domain.sysupdate import Withheld

_SENTENCES = {
    Withheld.UNKNOWN_NODE: "It never checked in here, so nothing is listed for it.",
    Withheld.NOT_WANTED: "Its group does not want the component, so nothing is listed for it.",
    Withheld.UPDATES_OFF: "Updates of its group are off, so nothing is listed for it.",
    Withheld.HELD: "The node is held, so nothing is listed for it.",
    Withheld.NONE_FITS: "No image that its group may have fits its OS version and architecture.",
}


def withheld(reason: str) -> str:
    """Why a list names nothing, in a sentence; empty if nothing is withheld."""
    return _SENTENCES[Withheld(reason)] if reason else ""
