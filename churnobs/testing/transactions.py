"""SHOW TRANSACTIONS, SYSTEM$ABORT_TRANSACTION and SYSTEM$ABORT_SESSION: what others left open, and how to end it."""

from __future__ import annotations

from churnobs.testing.failures import SqlError
from churnobs.testing.lexer import Parser
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.session import Session
from churnobs.testing.statements import command
from churnobs.testing.trees import Tree, value_of

_COLUMNS = {
    "id": "fixed", "user": "text", "session": "text", "name": "text", "started_on": "timestamp_ltz", "state": "text",
    "scope": "fixed",
}  # fmt: skip


@command("SHOW TRANSACTIONS", reads=True, proof=document("sql/show-transactions"))
def show_transactions(session: Session, parser: Parser) -> Result:
    """SHOW TRANSACTIONS [IN ACCOUNT]: the open transactions of the user's sessions."""
    parser.rest()
    rows = [
        (
            int(one.shared.transaction_id),
            one.user,
            one.id,
            one.shared.transaction_id,
            session.account.started,
            "running",
            0,
        )
        for one in session.account.sessions.values()
        if not one.nested and one.engine.in_transaction and one.shared.transaction_id
    ]
    return of_rows(_COLUMNS, rows)


@scalar("SYSTEM$ABORT_TRANSACTION", proof=document("functions/system_abort_transaction"))
def abort_transaction(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$ABORT_TRANSACTION(id): undo what another session has changed and not committed."""
    wanted = str(rewriter.evaluate(args[0]))
    for one in list(rewriter.session.account.sessions.values()):
        if one.engine.in_transaction and one.shared.transaction_id == wanted and one is not rewriter.session:
            with one.lock:
                one.rollback()
            return value_of(f"Aborted transaction id: {wanted}.")
    raise SqlError(f"Transaction {wanted} does not exist or not authorized.", 2043, "02000")


@scalar("SYSTEM$ABORT_SESSION", proof=document("functions/system_abort_session"))
def abort_session(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SYSTEM$ABORT_SESSION(id): end another session, with what it has changed and not committed."""
    wanted, account = str(rewriter.evaluate(args[0])), rewriter.session.account
    for token, one in list(account.sessions.items()):
        if one.id == wanted and one is not rewriter.session:
            with one.lock:
                account.close_session(token)
            return value_of(f"session [{wanted}] terminated.")
    raise SqlError(f"Session {wanted} does not exist or not authorized.", 2043, "02000")
