"""An offline Snowflake account for tests: the real clients, served by this process, without an account.

    with offline_account() as session:
        session.sql("SELECT 1").collect()

It is evidence that a program's calls and SQL are well formed and consistent, not that Snowflake accepts them;
docs/offline_account.md lists what is emulated.
"""

from churnobs.testing.account import Config, Notification, OfflineAccount, offline_account, serve
from churnobs.testing.session import Statement

__all__ = ["Config", "Notification", "OfflineAccount", "Statement", "offline_account", "serve"]

HANDLERS = ("environment", "tables", "show", "streams", "views", "functions", "stages", "copy_into", "infer", "alerts", "cortex", "tags", "routines", "models", "datasets", "lineage", "monitors")
