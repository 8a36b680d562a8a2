"""A task graph that consumes a stream exactly once, driven by the clock for many cycles and checked against a pandas rewrite."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
CYCLES = 40
GRAPH = [
    "CREATE TABLE orders (id INT, customer VARCHAR, amount INT)",
    "CREATE STREAM changes ON TABLE orders",
    "CREATE TABLE staged (batch TIMESTAMP_NTZ, id INT, customer VARCHAR, amount INT, action VARCHAR, is_update BOOLEAN)",
    "CREATE TABLE totals (customer VARCHAR, amount INT, orders INT)",
    "CREATE TABLE batches (batch TIMESTAMP_NTZ, changes INT)",
    "CREATE TABLE broken (what VARCHAR)",
    """
    CREATE TASK take SCHEDULE = '30 MINUTE' SUSPEND_TASK_AFTER_NUM_FAILURES = 0 WHEN SYSTEM$STREAM_HAS_DATA('CHANGES') AS
    DECLARE
        trouble EXCEPTION (-20001, 'take is broken');
    BEGIN
        BEGIN TRANSACTION;
        INSERT INTO staged SELECT SYSDATE(), id, customer, amount, METADATA$ACTION, METADATA$ISUPDATE FROM changes;
        LET count := SQLROWCOUNT;
        LET is_broken BOOLEAN := (SELECT COUNT(*) > 0 FROM broken WHERE what = 'take');
        IF (is_broken) THEN
            ROLLBACK;
            RAISE trouble;
        END IF;
        COMMIT;
        CALL SYSTEM$SET_RETURN_VALUE(:count);
    END
    """,
    """
    CREATE TASK add_up AFTER take AS
    BEGIN
        LET batch TIMESTAMP_NTZ := (SELECT MAX(batch) FROM staged);
        LET is_broken INT := (SELECT COUNT(*) FROM broken WHERE what = 'add_up');
        LET fine FLOAT := 1 / (1 - is_broken);
        MERGE INTO totals t USING (
            SELECT customer, SUM(IFF(action = 'INSERT', amount, -amount)) AS amount, SUM(IFF(action = 'INSERT', 1, -1)) AS orders
            FROM staged WHERE batch = :batch GROUP BY customer
        ) s ON t.customer = s.customer
        WHEN MATCHED THEN UPDATE SET amount = t.amount + s.amount, orders = t.orders + s.orders
        WHEN NOT MATCHED THEN INSERT (customer, amount, orders) VALUES (s.customer, s.amount, s.orders);
    END
    """,
    """
    CREATE TASK note AFTER take AS
    INSERT INTO batches SELECT MAX(batch), SYSTEM$GET_PREDECESSOR_RETURN_VALUE('TAKE')::INT FROM staged
    """,
]


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set(START)
        yield served


def change(table: pd.DataFrame, rng: np.random.Generator, first: int) -> tuple[list[str], pd.DataFrame]:
    """Random changes of the orders: as SQL, and done to a frame."""
    new = pd.DataFrame({
        "id": range(first, first + int(rng.integers(0, 4))),
        "customer": "",
        "amount": 0,
    })  # fmt: skip
    new["customer"] = [f"c{rng.integers(0, 5)}" for _ in range(len(new))]
    new["amount"] = [int(rng.integers(1, 100)) for _ in range(len(new))]
    texts = [f"INSERT INTO orders VALUES ({row.id}, '{row.customer}', {row.amount})" for row in new.itertuples()]
    made = pd.concat([table, new], ignore_index=True)
    for _ in range(int(rng.integers(0, 3))):
        if len(made):
            one = int(rng.choice(made["id"]))
            if rng.random() < 0.5:
                amount = int(rng.integers(1, 100))
                texts.append(f"UPDATE orders SET amount = {amount} WHERE id = {one}")
                made.loc[made["id"] == one, "amount"] = amount
            else:
                texts.append(f"DELETE FROM orders WHERE id = {one}")
                made = made[made["id"] != one].reset_index(drop=True)
    return texts, made


def net(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The rows that a standard stream shows between two states of the table."""
    both = before.merge(after, on="id", how="outer", suffixes=("_b", "_a"), indicator=True)
    same = (both["customer_b"] == both["customer_a"]) & (both["amount_b"] == both["amount_a"])
    both = both[~same]
    is_update = both["_merge"] == "both"
    gone = both[both["_merge"] != "right_only"].assign(action="DELETE")
    came = both[both["_merge"] != "left_only"].assign(action="INSERT")
    parts = [
        pd.DataFrame({"id": part["id"], "customer": part[f"customer_{side}"], "amount": part[f"amount_{side}"].astype(int),
                      "action": part["action"], "is_update": is_update.loc[part.index]})
        for part, side in ((gone, "b"), (came, "a"))
    ]  # fmt: skip
    return pd.concat(parts).sort_values(["id", "action"]).reset_index(drop=True)


def totals(table: pd.DataFrame) -> dict[str, tuple[int, int]]:
    found = table.groupby("customer")["amount"].agg(["sum", "count"])
    return {str(name): (int(row["sum"]), int(row["count"])) for name, row in found.iterrows()}


def test_every_change_is_taken_exactly_once(account) -> None:
    session = account.session(database="LOOP", schema="S")

    def sql(text: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in session.sql(text).collect()]

    for text in GRAPH:
        sql(text)
    sql("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('TAKE')")
    rng = np.random.default_rng(11)
    table = taken = pd.DataFrame(
        {"id": pd.Series(dtype=int), "customer": pd.Series(dtype=str), "amount": pd.Series(dtype=int)}
    )
    expected: list[tuple[object, ...]] = []
    batches: list[tuple[object, ...]] = []
    states: list[str] = []
    behind: list[pd.DataFrame] = []  # batches that ADD_UP failed on: they are added up when the graph is retried
    for cycle in range(CYCLES):
        texts, table = change(table, rng, 10 * cycle)
        for text in texts:
            sql(text)
        trouble = rng.choice(["", "take", "add_up"], p=[0.7, 0.2, 0.1])
        sql("DELETE FROM broken")
        if trouble:
            sql(f"INSERT INTO broken VALUES ('{trouble}')")
        ran = account.clock.advance(minutes=30)
        at = START + dt.timedelta(minutes=30 * (cycle + 1))
        assert [(one.kind, one.at) for one in ran] == [("TASK", at)]
        found = net(taken, table)
        if found.empty:
            states.append("SKIPPED")
        elif trouble == "take":
            states.append("FAILED")
        else:
            taken = table
            stamp = at.replace(tzinfo=None)
            expected += [(stamp, *row) for row in found.itertuples(index=False, name=None)]
            batches.append((stamp, len(found)))
            states.append("SUCCEEDED")
            if trouble == "add_up":
                behind.append(found)
                sql("DELETE FROM broken")
                sql("EXECUTE TASK take RETRY LAST")
        assert {
            name: (amount, orders) for name, amount, orders in sql("SELECT * FROM totals WHERE orders > 0")
        } == totals(taken)
    assert sql("SELECT * FROM staged ORDER BY batch, id, action") == expected
    assert sql("SELECT * FROM batches ORDER BY batch") == batches
    runs = "SELECT state FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'TAKE', RESULT_LIMIT => 1000)) " \
        "WHERE scheduled_from = 'SCHEDULE' AND state <> 'SCHEDULED' ORDER BY scheduled_time"  # fmt: skip
    assert [state for (state,) in sql(runs)] == states
    assert behind, "the seed should let ADD_UP fail"
    assert {"SKIPPED", "FAILED", "SUCCEEDED"} == set(states)
    (last,) = sql("SELECT SYSTEM$STREAM_HAS_DATA('CHANGES')")[0]
    assert last is not net(taken, table).empty
    session.close()
