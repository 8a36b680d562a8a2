"""An offline Snowflake account for tests: the real clients, served by this process, without an account.

    with offline_account() as session:
        session.sql("SELECT 1").collect()

It is evidence that a program's calls and SQL are well formed and consistent, not that Snowflake accepts them;
docs/offline_account.md lists what is emulated. It needs ``pip install churnobs[offline]``, and nothing of that is loaded
before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churnobs.testing.account import Config, Notification, OfflineAccount, offline_account, serve
    from churnobs.testing.keeping import CannotKeep
    from churnobs.testing.session import Statement

__all__ = ["CannotKeep", "Config", "Notification", "OfflineAccount", "Statement", "offline_account", "serve"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from churnobs.testing import account, keeping, session

    return getattr({"Statement": session, "CannotKeep": keeping}.get(name, account), name)
