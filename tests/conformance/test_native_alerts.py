"""Snowflake's own alerts beside churnobs': what people see in Snowsight, told once an alarm, and never in the loop's way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loops import scripted, write_shop

import churnobs
from churnobs import Alert, BackendFailed, BadConfig, Metric, Month, Notify, NotSupported, Observed, Workspace
from churnobs.backends.snowflake.reconcile import reconcile
from churnobs.testing import serve

DAY = dt.date(2024, 5, 1)
BAD = Observed("2024-04", DAY, drift={"AGE": {"JENSEN_SHANNON": 0.5}})
GOOD = Observed("2024-05", DAY, drift={"AGE": {"JENSEN_SHANNON": 0.0}})
WORSE = Observed("2024-06", DAY, drift={"AGE": {"JENSEN_SHANNON": 0.7}})
MOVED = Metric("jensen_shannon", above=0.1, column="age")


@pytest.fixture
def workspace(open_workspace: Callable[[str], Any]) -> Iterator[Workspace]:
    with open_workspace("snowflake-offline") as opened:
        yield opened


def session_of(workspace: Workspace) -> Any:
    return workspace._backend.engine.link.session  # type: ignore[attr-defined]


def sql(workspace: Workspace, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session_of(workspace).sql(statement).collect()]


def natives(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Name -> state and comment."""
    shown = session_of(workspace).sql("SHOW ALERTS IN SCHEMA").collect()
    return {row["name"]: (row["state"], row["comment"]) for row in shown}


def told(workspace: Workspace) -> list[tuple[Any, ...]]:
    return sql(workspace, "SELECT NAME, MONTH FROM ALERTS_TOLD ORDER BY NAME, POSITION")


def about_alerts(statements: list[Any]) -> list[str]:
    found = (" ".join(one.text.split()) for one in statements)
    return [text for text in found if " ALERT " in f"{text} " and not text.startswith("SHOW")]


def test_a_native_alert_follows_its_record(workspace: Workspace, snowflake_account: Any) -> None:
    workspace.alerts.create_alert(Alert("moved", MOVED, comment="it's $$ours$$"))
    state, comment = natives(workspace)["MOVED"]
    assert state == "suspended"
    assert comment == f"{MOVED.words}; it's $$ours$$"
    before = len(snowflake_account.statements)
    workspace.alerts.resume("moved")
    assert natives(workspace)["MOVED"][0] == "started"
    workspace.alerts.resume("moved")
    workspace.alerts.suspend("moved")
    assert natives(workspace)["MOVED"][0] == "suspended"
    schema = session_of(workspace).get_current_schema().strip('"')
    name = f'"CONFORMANCE"."{schema}"."MOVED"'
    sent = about_alerts(snowflake_account.statements[before:])
    assert sent == [f"ALTER ALERT {name} RESUME", f"ALTER ALERT {name} SUSPEND"], "only what changed is sent"
    workspace.alerts.resume("moved")
    workspace.alerts.alter_alert(Alert("moved", Metric("jensen_shannon", above=0.2, column="age"), retries=1))
    assert natives(workspace)["MOVED"] == ("started", "JENSEN_SHANNON of AGE above 0.2")
    workspace.alerts.drop_alert("moved")
    assert natives(workspace) == {}


def test_an_alarm_is_told_once(workspace: Workspace, snowflake_account: Any) -> None:
    def always(_: Any) -> None:
        raise RuntimeError("nobody home")

    alerts = workspace.alerts
    alerts.create_alert(Alert("moved", MOVED))
    alerts.create_alert(Alert("other", MOVED, action=always))
    sql(workspace, "EXECUTE ALERT MOVED")
    assert told(workspace) == [], "nothing is true yet"
    for name in ("moved", "other"):
        alerts.resume(name)
    before = len(snowflake_account.statements)
    alerts.look_now(DAY, BAD)
    alerts.look_now(DAY, BAD)  # the same cause goes on; the failed action is tried again
    assert about_alerts(snowflake_account.statements[before:]) == [], "a look sends nothing natively"
    for _ in range(2):
        sql(workspace, "EXECUTE ALERT MOVED")
        sql(workspace, "EXECUTE ALERT OTHER")
    assert told(workspace) == [("MOVED", "2024-04"), ("OTHER", "2024-04")]
    alerts.look_now(DAY, GOOD)
    sql(workspace, "EXECUTE ALERT MOVED")
    alerts.look_now(DAY, WORSE)
    sql(workspace, "EXECUTE ALERT MOVED")
    sql(workspace, "EXECUTE ALERT MOVED")
    assert told(workspace) == [("MOVED", "2024-04"), ("MOVED", "2024-06"), ("OTHER", "2024-04")]
    words, moment = sql(workspace, "SELECT WORDS, TOLD_AT FROM ALERTS_TOLD WHERE MONTH = '2024-06'")[0]
    assert words == alerts.alarms("moved")[-1].words
    assert isinstance(moment, dt.datetime)
    runs = "SELECT STATE FROM TABLE(INFORMATION_SCHEMA.ALERT_HISTORY(ALERT_NAME => 'MOVED')) ORDER BY SCHEDULED_TIME"
    states = [state for (state,) in sql(workspace, runs)][-6:]
    assert states == [
        "CONDITION_FALSE",
        "TRIGGERED",
        "CONDITION_FALSE",
        "CONDITION_FALSE",
        "TRIGGERED",
        "CONDITION_FALSE",
    ]


def test_people_are_told_by_an_integration_of_the_account(workspace: Workspace, snowflake_account: Any) -> None:
    action = Notify("snowflake://people_mail?to=a@b.c,d@e.f", "snowflake://people_hook")
    workspace.alerts.create_alert(Alert("moved", MOVED, action=action))
    workspace.alerts.resume("moved")
    assert natives(workspace)["MOVED"][1] == (
        f"{MOVED.words}; notify a@b.c, d@e.f, by PEOPLE_MAIL; notify by PEOPLE_HOOK"
    )
    (row,) = workspace.alerts.look_now(DAY, BAD)
    assert (row["STATE"], row["ACTION_TAKEN"]) == ("TRIGGERED", "TAKEN")
    before = len(snowflake_account.notifications)
    sql(workspace, "EXECUTE ALERT MOVED")
    assert told(workspace) == [], "there is no such integration yet: it is tried again"
    sql(workspace, "CREATE OR REPLACE NOTIFICATION INTEGRATION PEOPLE_MAIL TYPE = EMAIL ENABLED = TRUE")
    sql(
        workspace,
        "CREATE OR REPLACE NOTIFICATION INTEGRATION PEOPLE_HOOK TYPE = EMAIL ENABLED = TRUE "
        "DEFAULT_RECIPIENTS = ('h@i.j') DEFAULT_SUBJECT = 'churn'",
    )
    sql(workspace, "EXECUTE ALERT MOVED")
    sql(workspace, "EXECUTE ALERT MOVED")
    mail, hook = snowflake_account.notifications[before:]
    assert (mail.integration, mail.recipients, mail.subject) == ("PEOPLE_MAIL", ("a@b.c", "d@e.f"), "churnobs: MOVED")
    assert mail.body.startswith(f"2024-04: {row['WORDS']} (alert MOVED of CONFORMANCE.")
    assert (hook.integration, hook.recipients) == ("PEOPLE_HOOK", ("h@i.j",))
    assert told(workspace) == [("MOVED", "2024-04")]
    before = len(snowflake_account.statements)
    workspace.alerts.alter_alert(Alert("moved", MOVED, action=action, retries=9))
    assert about_alerts(snowflake_account.statements[before:]) == [], "the same alert is not made again"


def test_an_integration_is_for_a_workspace_in_snowflake() -> None:
    alert = Alert("moved", MOVED, action=Notify("snowflake://mail?to=a@b.c"))
    with churnobs.connect() as local:
        with pytest.raises(NotSupported, match=r"snowflake:// is for a workspace in Snowflake"):
            local.alerts.create_alert(alert)
        with pytest.raises(NotSupported):
            local.alerts.look(BAD, [alert])
        assert local.alerts.show_alerts().empty
    for wrong in ("snowflake://mail?cc=a@b.c", "snowflake://mail/more", "snowflake://"):
        with pytest.raises(BadConfig):
            Notify(wrong)
    event = None
    with pytest.raises(NotSupported):
        Notify("snowflake://mail")(event)  # type: ignore[arg-type]
    assert not issubclass(NotSupported, BackendFailed)


@pytest.mark.parametrize("denied", ["CREATE ALERT", "EXECUTE ALERT"])
def test_a_missing_grant_stops_nothing_and_is_named(denied: str) -> None:
    rights: list[str] = [denied]
    with serve(denied=rights) as account:
        session = account.session(database="D", schema="FRESH")
        with churnobs.connect(session) as workspace:
            workspace.deploy(show=None)
            checks = {check.name: check for check in workspace.doctor()}
            where = "schema D.FRESH" if denied == "CREATE ALERT" else "account"
            missing = checks[f"grant {denied} on {where}"]
            assert missing.ok is False
            assert "the loop runs without" in missing.found
            assert missing.mend.startswith(
                f"GRANT {denied} ON {'SCHEMA D.FRESH' if 'schema' in where else 'ACCOUNT'} TO ROLE"
            )
            if denied == "CREATE ALERT":
                with pytest.warns(UserWarning, match="Insufficient privileges"):
                    workspace.alerts.create_alert(Alert("moved", MOVED))
            else:
                workspace.alerts.create_alert(Alert("moved", MOVED))
            with pytest.warns(UserWarning, match="MOVED is kept and looked at"):
                workspace.alerts.resume("moved")
            assert [row["STATE"] for row in workspace.alerts.look_now(DAY, BAD)] == ["TRIGGERED"]
            assert "not as recorded" in reconcile(workspace._backend.engine)[-1]  # type: ignore[arg-type]
            rights.clear()
            workspace.alerts.suspend("moved")
            workspace.alerts.resume("moved")
            assert natives(workspace)["MOVED"][0] == "started", "what could not be made is made up for"
            assert reconcile(workspace._backend.engine) == ()  # type: ignore[arg-type]
        session.close()


def test_taking_over_makes_native_alerts_what_the_records_say(workspace: Workspace) -> None:
    engine: Any = workspace._backend.engine
    for name in ("gone", "asleep", "other", "dropped"):
        workspace.alerts.create_alert(Alert(name, MOVED))
        workspace.alerts.resume(name)
    workspace.alerts.drop_alert("dropped")
    assert reconcile(engine) == ()
    never = "SCHEDULE = '1 MINUTE' IF (EXISTS (SELECT 1)) THEN SELECT 1"
    for statement in (
        "DROP ALERT GONE", "ALTER ALERT ASLEEP SUSPEND", "ALTER ALERT OTHER SET COMMENT = 'changed'",
        f"CREATE ALERT DROPPED {never}", f"CREATE ALERT THEIRS {never}",
    ):  # fmt: skip
        sql(workspace, statement)
    assert reconcile(engine) == (
        "made alert GONE",
        "made alert ASLEEP started",
        "made alert OTHER",
        "dropped alert DROPPED",
    )
    assert {name: state for name, (state, _) in natives(workspace).items()} == {
        "GONE": "started", "ASLEEP": "started", "OTHER": "started", "THEIRS": "suspended",
    }  # fmt: skip
    assert reconcile(engine) == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_month_sends_nothing_natively_unless_an_alert_changed(
    workspace: Workspace, snowflake_account: Any, tmp_path: Path
) -> None:
    files = write_shop(tmp_path, Month(2024, 1), 3)
    alerts = (Alert("late", churnobs.Freshness(0)), Alert("low", "roc_auc", below=0.01, suspend_after_num_failures=0))
    loop = workspace.lifecycle(scripted(alerts=alerts), source=files)
    sent = []
    for _ in range(3):
        before = len(snowflake_account.statements)
        loop.process_one_month()
        sent.append(
            [text.split('"')[0] + text.split()[-1] for text in about_alerts(snowflake_account.statements[before:])]
        )
    assert len(sent[0]) == 4, "two are made, and resumed"
    assert sent[1:] == [[], []]
    assert {name: state for name, (state, _) in natives(workspace).items()} == {"LATE": "started", "LOW": "started"}
