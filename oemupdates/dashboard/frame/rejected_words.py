"""What the page of rejected requests says of each reason: what it means, and how to mend it."""

from typing import NamedTuple


class Rejected(NamedTuple):
    """A reason for which the update endpoint refuses a request, and how to mend it."""

    what: str
    how: str


REJECTED = {
    "malformed_xml": Rejected(
        "The request is not well-formed XML.",
        'Look at the sample: a double quote in MACHINE_ALIAS, such as rack "7", is sent unescaped'
        " by the node's client. Take it out of /etc/flatcar/update.conf; no restart is needed.",
    ),
    "bad_values": Rejected(
        "The request holds values that no node can have.",
        "The detail names the value: too long, with control characters, or no machine id. Mend it"
        " in /etc/flatcar/update.conf or /etc/machine-id on the node.",
    ),
    "not_omaha": Rejected(
        "The request is XML, but no Omaha request.",
        "Something other than a Flatcar node posts here. Find it by its address.",
    ),
    "doctype": Rejected(
        "The request carries a document type definition.",
        "No update client sends one: this is a probe, or a broken proxy. Block the source.",
    ),
    "encoding": Rejected(
        "The request is not in UTF-8.",
        "Flatcar nodes always send UTF-8. Find what rewrites requests on their way.",
    ),
    "too_large": Rejected(
        "The request is larger than any node's.",
        "A node sends about 1 KiB. Find the source by its address, and block it.",
    ),
    "slow_body": Rejected(
        "The request did not arrive in time.",
        "A bad network, or somebody who holds connections open. Nodes try again by themselves.",
    ),
    "hung_up": Rejected(
        "The source hung up before its request was whole.",
        "A bad network, or a proxy with a short time-out. Nodes try again by themselves.",
    ),
    "bad_report": Rejected(
        "What was posted as a report is no node's report.",
        "The detail says what is wrong. Bring the scripts on the node up to date with the line on"
        " its group's page; if it is no node of yours, block the source.",
    ),
    "wrong_verb": Rejected(
        "The request is not a POST.",
        "Somebody opened the update address in a browser, or a proxy turned a redirected POST"
        " into a GET. Point SERVER at the final address.",
    ),
    "wrong_path": Rejected(
        "The request asks for an address below the update endpoint that does not exist.",
        "Copy SERVER from a group's page into /etc/flatcar/update.conf on the node.",
    ),
    "wrong_group": Rejected(
        "The address holds the secret of one group, and the node asks for another.",
        "Copy SERVER and GROUP from the same group's page into the node's update.conf; or give it"
        " a secret that is for every group.",
    ),
    "wrong_secret": Rejected(
        "The address holds a secret that is not valid, or none.",
        "If the source is a node of yours, copy SERVER from a group's page into its"
        " /etc/flatcar/update.conf: the secret was rotated, or never set there.",
    ),
}


def rejected(reason: str) -> Rejected:
    """A reason for refusing a request, in words."""
    return REJECTED.get(reason) or Rejected(
        f"Refused: {reason.replace('_', ' ')}.", "The detail and the sample say what was sent."
    )
