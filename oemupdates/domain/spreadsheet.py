"""Cells of a table that is opened in a spreadsheet."""

# With these a spreadsheet takes a cell for a formula; before them it does not mind spaces.
_FORMULA = frozenset("=+-@")
# These alone are enough: what stands behind them may land in a cell of its own.
_BREAKS = ("\t", "\r", "\n")


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula, whatever a node or a person wrote in it."""
    is_formula = text.startswith(_BREAKS) or text.lstrip()[:1] in _FORMULA
    return f"'{text}" if is_formula else text
