"""What Snowflake's own history of statements says of those that churnobs tagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.deploy import where
from churnobs.backends.snowflake.link import TAG
from churnobs.ports import Spent

if TYPE_CHECKING:
    from churnobs.backends.snowflake.link import Link

# the function looks at so many, the newest of the last 7 days, before anything else is asked of them
_LIMIT: Final = 10_000


def spent(link: Link, purpose: str) -> Spent:
    """What the session user's statements took whose tag begins with a purpose, in the session's schema."""
    database, schema = where(link)
    history = f"{quoted(database)}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => {_LIMIT})"
    row = link.rows(
        f"SELECT COUNT(*), SUM(BYTES_SCANNED), SUM(ROWS_PRODUCED), "
        # what no warehouse ran is not billed as one
        f"SUM(IFF(WAREHOUSE_NAME IS NULL, 0, EXECUTION_TIME)) / 1000 FROM TABLE({history}) "
        f"WHERE STARTSWITH(QUERY_TAG, {literal(f'{TAG} {purpose}')}) "
        f"AND DATABASE_NAME = {literal(database)} AND SCHEMA_NAME = {literal(schema)}"
    )[0]
    keeps = f"it keeps the {_LIMIT:,} newest statements of a user, for 7 days"
    return Spent(int(row[0]), int(row[1] or 0), int(row[2] or 0), float(row[3] or 0), keeps)
