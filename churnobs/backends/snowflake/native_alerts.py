"""Snowflake's own alerts, for people: seen in Snowsight, and run by Snowflake whether or not a loop runs.

What a condition means is said once, by churnobs: the loop writes what it found into ALERT_HISTORY. The native alert of the
same name watches that table and tells each alarm once; what it has told stands in ALERTS_TOLD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from churnobs.alerts.actions import ByIntegration, unpacked
from churnobs.backends.snowflake.ddl import literal, quoted
from churnobs.backends.snowflake.native import Native
from churnobs.errors import NotFound

if TYPE_CHECKING:
    from churnobs.alerts.alert import AlertRecord
    from churnobs.backends.snowflake.engine import SnowflakeEngine

TOLD: Final = "ALERTS_TOLD"
SCHEDULE: Final = "60 MINUTE"
_COMMENT_LENGTH: Final = 256


class NativeAlerts:
    """The native alerts of one schema."""

    def __init__(self, engine: SnowflakeEngine) -> None:
        self._engine = engine

    @property
    def _native(self) -> Native:
        return Native.of(self._engine)

    def shown(self) -> dict[str, dict[str, Any]]:
        """The native alerts in the schema, by name."""
        schema = ".".join(map(quoted, (self._native.database, self._native.schema)))
        return {str(row["name"]): row for row in self._engine.link.shown(f"SHOW ALERTS IN SCHEMA {schema}")}

    def follow(self, alert: AlertRecord, former: AlertRecord | None) -> None:
        """Make the native alert what the record says, knowing what it said before; only what differs is sent."""
        if former is None or _told_of(alert) != _told_of(former):
            self._create(alert)
        elif alert.state != former.state:
            try:
                self.set_state(alert.name, alert.state)
            except NotFound:
                # it could not be made when the record was
                self._create(alert)

    def set_state(self, name: str, state: str) -> None:
        """Suspend or resume a native alert."""
        verb = "RESUME" if state == "started" else "SUSPEND"
        self._engine.ddl(f"ALTER ALERT {self._native.qualified(name)} {verb}")

    def drop(self, name: str) -> None:
        """Drop a native alert if it is there."""
        self._engine.ddl(f"DROP ALERT IF EXISTS {self._native.qualified(name)}")

    def differs(self, alert: AlertRecord, shown: dict[str, Any]) -> bool:
        """Whether a native alert is another than the record says, its state apart."""
        return (shown["comment"] or "") != comment_of(alert)

    def _create(self, alert: AlertRecord) -> None:
        """Make it, which leaves it suspended."""
        native = self._native
        self._engine.ddl(
            f"CREATE OR REPLACE ALERT {native.qualified(alert.name)} WAREHOUSE = {native.warehouse} "
            f"SCHEDULE = '{SCHEDULE}' COMMENT = {literal(comment_of(alert))} "
            f"IF (EXISTS (SELECT 1 {self._untold(alert.name)})) THEN {self._action(alert)}"
        )
        if alert.state == "started":
            self.set_state(alert.name, alert.state)

    def _untold(self, name: str) -> str:
        """Which rows of the history are alarms that nobody was told of.

        An alarm tried again is the same one, and a row without an EVENT is of a cause that was told before.
        """
        history, told = self._native.qualified("ALERT_HISTORY"), self._native.qualified(TOLD)
        return (
            f"FROM {history} AS H WHERE H.NAME = {literal(name)} AND H.EVENT IS NOT NULL AND H.ATTEMPT = 1 "
            f"AND H.POSITION > (SELECT COALESCE(MAX(T.POSITION), 0) FROM {told} AS T WHERE T.NAME = {literal(name)})"
        )

    def _action(self, alert: AlertRecord) -> str:
        """A row an alarm in ALERTS_TOLD, in one statement; where people are to be told, that comes first.

        Snowflake runs an action that failed again at the next look: a message that could not be sent is sent later.
        """
        row = "H.NAME, H.POSITION, H.MONTH, H.WORDS, SYSDATE()"
        listed = "NAME, POSITION, MONTH, WORDS, TOLD_AT"
        insert = f"INSERT INTO {self._native.qualified(TOLD)} ({listed}) SELECT {row} {self._untold(alert.name)}"
        messages = _messages(alert)
        if not messages:
            return insert
        untold = self._untold(alert.name)
        where = literal(f" (alert {alert.name} of {self._native.database}.{self._native.schema})")
        words = f"LISTAGG(H.MONTH || ': ' || H.WORDS, '; ') WITHIN GROUP (ORDER BY H.POSITION) || {where}"
        steps = [
            # a row that comes in between is told at the next look
            f"LET upto NUMBER(38,0) := (SELECT MAX(H.POSITION) {untold})",
            f"LET words VARCHAR := (SELECT {words} {untold} AND H.POSITION <= :upto)",
            *(
                f"CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(SNOWFLAKE.NOTIFICATION.TEXT_PLAIN(:words), {_target(alert, one)})"
                for one in messages
            ),
            f"{insert} AND H.POSITION <= :upto",
        ]
        return f"BEGIN {'; '.join(steps)}; END"


def comment_of(alert: AlertRecord) -> str:
    """What people read beside a native alert: the condition in words, who is told, and the alert's own comment.

    >>> from churnobs.alerts.alert import AlertRecord
    >>> comment_of(AlertRecord("LOW", "F1_SCORE of DEFAULT below 0.7", "", comment="call the owner"))
    'F1_SCORE of DEFAULT below 0.7; call the owner'
    """
    parts = [alert.condition, *(message.words for message in _messages(alert)), alert.comment]
    return "; ".join(part for part in parts if part)[:_COMMENT_LENGTH]


def _messages(alert: AlertRecord) -> list[ByIntegration]:
    pairs = zip(alert.actions_data, alert.actions, strict=True)
    actions = [unpacked(text, words) for text, words in pairs if text]
    return [action for action in actions if isinstance(action, ByIntegration)]


def _told_of(alert: AlertRecord) -> tuple[Any, ...]:
    """What of a record its native alert shows and does."""
    return comment_of(alert), _messages(alert)


def _target(alert: AlertRecord, message: ByIntegration) -> str:
    name = literal(message.integration)
    if not message.to:
        return f"SNOWFLAKE.NOTIFICATION.INTEGRATION({name})"
    addresses = ", ".join(map(literal, message.to))
    subject = literal(f"churnobs: {alert.name}")
    return f"SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG({name}, {subject}, ARRAY_CONSTRUCT({addresses}))"
