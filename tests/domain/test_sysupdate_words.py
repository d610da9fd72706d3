"""What is said of lists that name nothing."""

from oemupdates.domain.sysupdate import Withheld
from oemupdates.domain.sysupdate_words import withheld


def test_every_reason_has_a_sentence_of_its_own() -> None:
    told = {withheld(reason.value) for reason in Withheld}
    assert len(told) == len(Withheld)
    assert all(sentence.endswith(".") for sentence in told)


def test_nothing_is_said_where_nothing_is_withheld() -> None:
    assert withheld("") == ""
