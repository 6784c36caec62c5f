"""Check: one row of the table that `tsm verify` prints."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Check:
    """One row of the table.

    Attributes:
        name: The name of the check.
        passed: Whether it passed; None if it could not run here.
        detail: The result in words.
    """

    name: str
    passed: bool | None
    detail: str
