from oemupdates.domain.chain import START, link


def test_the_order_of_names_changes_nothing() -> None:
    assert link(START, {"a": 1, "b": {"c": 2, "d": 3}}) == link(
        START, {"b": {"d": 3, "c": 2}, "a": 1}
    )


def test_everything_else_does() -> None:
    first = link(START, {"a": 1})
    assert len({first, link(START, {"a": "1"}), link(START, {"b": 1}), link(first, {"a": 1})}) == 4


def test_is_what_others_can_compute() -> None:
    # printf '["%064d",{"verb":"x"}]' 0 | sha256sum
    assert link(START, {"verb": "x"}) == (
        "710a04264c9a6a3ea353d2f3e0a54cab9269ac9e33dfe4318880d7838c256c39"
    )
