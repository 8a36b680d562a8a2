"""A role that was made may do what it was granted: on tables, views, stages, tasks, procedures, models and warehouses."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set("2024-03-01")
        yield served


@pytest.fixture
def admin(account):
    session = account.session(database="DB", schema="S")
    run = lambda text: [tuple(row) for row in session.sql(text).collect()]  # noqa: E731
    run("CREATE TABLE t (a INT)")
    run("INSERT INTO t VALUES (1), (2)")
    run("CREATE TABLE secret AS SELECT 42 AS a")
    run("CREATE VIEW v AS SELECT a FROM secret")
    run("CREATE ROLE analyst COMMENT = 'reads'")
    run("GRANT ROLE analyst TO USER offline")
    for text in (
        "USAGE ON DATABASE db",
        "USAGE ON SCHEMA db.s",
        "USAGE ON WAREHOUSE compute_wh",
        "SELECT ON TABLE t",
        "SELECT ON VIEW v",
    ):
        run(f"GRANT {text} TO ROLE analyst")
    yield run
    session.close()


@pytest.fixture
def analyst(account, admin):
    session = account.session(database="DB", schema="S")
    session.sql("USE ROLE analyst").collect()
    yield lambda text: [tuple(row) for row in session.sql(text).collect()]
    session.close()


@pytest.fixture
def denied(analyst):
    from snowflake.snowpark.exceptions import SnowparkSQLException

    def run(text: str) -> str:
        with pytest.raises(SnowparkSQLException) as caught:
            analyst(text)
        message = str(caught.value)
        return (
            "hidden"
            if "does not exist or not authorized" in message
            else "refused"
            if "Insufficient privileges" in message
            else message
        )

    return run


def test_reading_and_changing(admin, analyst, denied) -> None:
    assert analyst("SELECT a FROM t ORDER BY a") == [(1,), (2,)]
    assert analyst("SELECT a FROM v") == [(42,)]  # a view reads with its owner's rights
    assert denied("SELECT * FROM secret") == "hidden"
    assert denied("SELECT * FROM t JOIN secret USING (a)") == "hidden"
    for text in ("INSERT INTO t VALUES (3)", "UPDATE t SET a = 0", "DELETE FROM t", "TRUNCATE TABLE t", "DROP TABLE t", "ALTER TABLE t ADD COLUMN b INT",
                 "CREATE OR REPLACE VIEW v AS SELECT 1 AS a", "CREATE TABLE mine (a INT)", "CREATE TABLE c CLONE t"):  # fmt: skip
        assert denied(text) == "refused", text
    assert denied("INSERT INTO secret VALUES (1)") == "hidden"
    admin("GRANT INSERT, UPDATE ON TABLE t TO ROLE analyst")
    assert analyst("INSERT INTO t VALUES (3)") == [(1,)]
    merge = "MERGE INTO t USING (SELECT 3 AS a UNION ALL SELECT 9) s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a) {}"
    assert denied(merge.format("WHEN MATCHED THEN DELETE")) == "refused"
    assert analyst(merge.format("WHEN MATCHED THEN UPDATE SET a = 30")) == [(1, 1)]
    admin("REVOKE SELECT ON TABLE t FROM ROLE analyst")
    assert denied("SELECT * FROM t") == "refused"
    admin("REVOKE USAGE ON SCHEMA s FROM ROLE analyst")
    assert denied("SELECT * FROM v") == "hidden"


def test_what_a_role_makes_is_its_own(admin, analyst, denied) -> None:
    admin("GRANT CREATE TABLE, CREATE VIEW, CREATE STAGE ON SCHEMA db.s TO ROLE analyst")
    analyst("CREATE TABLE mine AS SELECT * FROM t")
    analyst("INSERT INTO mine VALUES (7)")
    analyst("ALTER TABLE mine ADD COLUMN b INT")
    assert denied("CREATE VIEW w AS SELECT * FROM secret") == "hidden"
    assert [(row[1], row[2]) for row in admin("SHOW GRANTS ON TABLE mine")] == [("OWNERSHIP", "TABLE")]
    analyst("CREATE TEMPORARY TABLE scratch AS SELECT 1 AS a")
    assert analyst("SELECT * FROM scratch") == [(1,)]
    admin("CREATE OR REPLACE TABLE mine (a INT)")
    assert denied("SELECT * FROM mine") == "hidden"
    admin("GRANT OWNERSHIP ON TABLE mine TO ROLE analyst COPY CURRENT GRANTS")
    analyst("DROP TABLE mine")
    assert denied("CREATE SCHEMA other") == "refused"
    assert denied("CREATE WAREHOUSE big") == "refused"


def test_all_future_and_inherited_grants(admin, analyst, denied) -> None:
    admin("CREATE ROLE readers")
    admin("GRANT ROLE readers TO ROLE analyst")
    admin("GRANT SELECT ON ALL TABLES IN SCHEMA db.s TO ROLE readers")
    assert analyst("SELECT a FROM secret") == [(42,)]
    admin("CREATE TABLE later AS SELECT 1 AS a")
    assert denied("SELECT * FROM later") == "hidden"
    admin("GRANT SELECT ON FUTURE TABLES IN SCHEMA db.s TO ROLE readers")
    admin("CREATE TABLE latest AS SELECT 2 AS a")
    assert analyst("SELECT * FROM latest") == [(2,)]
    assert [row[2:4] for row in admin("SHOW GRANTS OF ROLE readers")] == [("ROLE", "ANALYST")]
    assert [row[3] for row in admin("SHOW GRANTS OF ROLE analyst")] == ["OFFLINE"]
    shown = {(row[1], row[3]) for row in admin("SHOW GRANTS TO ROLE readers")}
    assert {("SELECT", "DB.S.LATEST"), ("SELECT", "DB.S.SECRET")} <= shown
    admin("DROP ROLE readers")
    assert denied("SELECT * FROM latest") == "hidden"
    assert "ANALYST" in [row[1] for row in admin("SHOW ROLES")]


def test_roles_are_taken_by_those_who_have_them(admin, account) -> None:
    session = account.session(database="DB", schema="S")
    admin("CREATE ROLE lonely")
    for name, told in (("lonely", "not assigned"), ("nobody", "does not exist")):
        with pytest.raises(Exception, match=told):
            session.sql(f"USE ROLE {name}").collect()
    admin("GRANT ROLE lonely TO ROLE sysadmin")
    session.sql("USE ROLE lonely").collect()
    assert session.sql("SELECT CURRENT_ROLE()").collect()[0][0] == "LONELY"
    with pytest.raises(Exception, match="No active warehouse"):
        session.sql("SELECT * FROM v").collect()
    session.close()


def test_stages_and_loading(admin, analyst, denied, tmp_path, account) -> None:
    admin("CREATE STAGE st")
    assert denied("LIST @st") == "hidden"
    admin("GRANT READ ON STAGE st TO ROLE analyst")
    assert analyst("LIST @st") == []
    assert denied("COPY INTO t FROM @st") == "refused"
    admin("GRANT INSERT ON TABLE t TO ROLE analyst")
    analyst("COPY INTO t FROM @st")
    assert denied("COPY INTO @st/ FROM t") == denied("REMOVE @st/x") == "refused"
    admin("GRANT WRITE ON STAGE st TO ROLE analyst")
    analyst("COPY INTO @st/ FROM t")
    assert len(analyst("LIST @st")) == 1
    analyst("REMOVE @st")
    assert analyst("LIST @st") == []


def test_procedures_tasks_and_alerts_run_as_their_owners(account, admin, analyst, denied) -> None:
    admin(
        "CREATE PROCEDURE peek() RETURNS INT LANGUAGE SQL AS $$ BEGIN LET x INT := (SELECT a FROM secret); RETURN x; END $$"
    )
    admin("CREATE PROCEDURE peek_as_caller() RETURNS INT LANGUAGE SQL EXECUTE AS CALLER AS "
          "$$ BEGIN LET x INT := (SELECT a FROM secret); RETURN x; END $$")  # fmt: skip
    assert denied("CALL peek()") == "hidden"
    admin("GRANT USAGE ON PROCEDURE peek() TO ROLE analyst")
    admin("GRANT USAGE ON PROCEDURE peek_as_caller() TO ROLE analyst")
    assert analyst("CALL peek()") == [(42,)]
    assert denied("CALL peek_as_caller()") == "hidden"
    admin("CREATE TASK tk SCHEDULE = '1 MINUTE' AS INSERT INTO t SELECT a FROM secret")
    assert denied("EXECUTE TASK tk") == "refused"
    admin("GRANT OPERATE ON TASK tk TO ROLE analyst")
    assert denied("EXECUTE TASK tk") == "refused"
    admin("GRANT EXECUTE TASK ON ACCOUNT TO ROLE analyst")
    analyst("EXECUTE TASK tk")
    analyst("ALTER TASK tk RESUME")
    assert denied("ALTER TASK tk SET COMMENT = 'x'") == "refused"
    admin("GRANT CREATE TASK ON SCHEMA s TO ROLE analyst")
    analyst("CREATE TASK own SCHEDULE = '1 MINUTE' AS INSERT INTO t SELECT a FROM secret")
    analyst("ALTER TASK own RESUME")
    account.clock.advance(minutes=1)
    states = {row[0]: row[1] for row in admin(
        "SELECT name, state FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE state IN ('SUCCEEDED', 'FAILED')"
    )}  # fmt: skip
    assert states == {"TK": "SUCCEEDED", "OWN": "FAILED"}
    assert admin("SELECT COUNT(*) FROM t WHERE a = 42") == [(2,)]


def test_a_dynamic_table_and_a_stream(account, admin, analyst, denied) -> None:
    admin("CREATE DYNAMIC TABLE d TARGET_LAG = '1 minute' WAREHOUSE = compute_wh AS SELECT a FROM secret")
    admin("CREATE STREAM st ON TABLE t")
    assert denied("SELECT * FROM d") == denied("SELECT * FROM st") == "hidden"
    admin("GRANT SELECT ON DYNAMIC TABLE d TO ROLE analyst")
    admin("GRANT SELECT ON STREAM st TO ROLE analyst")
    assert analyst("SELECT a FROM d") == [(42,)]
    assert analyst("SELECT a FROM st") == []
    assert denied("ALTER DYNAMIC TABLE d REFRESH") == "refused"
    admin("GRANT OPERATE ON DYNAMIC TABLE d TO ROLE analyst")
    analyst("ALTER DYNAMIC TABLE d REFRESH")
    admin("GRANT CREATE DYNAMIC TABLE ON SCHEMA s TO ROLE analyst")
    assert (
        denied("CREATE DYNAMIC TABLE e TARGET_LAG = '1 minute' WAREHOUSE = compute_wh AS SELECT a FROM secret")
        == "hidden"
    )


def test_only_those_who_may_grant_do(admin, analyst, denied) -> None:
    assert denied("GRANT SELECT ON TABLE t TO ROLE public") == "refused"
    admin("GRANT SELECT ON TABLE t TO ROLE analyst WITH GRANT OPTION")
    analyst("GRANT SELECT ON TABLE t TO ROLE public")
    assert "offline account" in denied("GRANT SELECT ON TABLE t TO SHARE x")
    assert denied("GRANT SELECT ON TABLE t TO ROLE nobody") == "hidden"


def test_a_bound_name_is_read_where_roles_were_made(account, admin) -> None:
    session = account.session(database="DB", schema="S")
    assert session.create_dataframe(pd.DataFrame({"A": [1, 2]})).count() == 2


def test_temporary_objects_need_no_right_and_leave_none(account, admin) -> None:
    session = account.session(database="DB", schema="S")
    run = lambda text: [tuple(row) for row in session.sql(text).collect()]  # noqa: E731
    run("CREATE ROLE worker")
    run("SET ME = CURRENT_USER()")
    run("GRANT ROLE worker TO USER IDENTIFIER($ME)")
    run("GRANT USAGE ON DATABASE db TO ROLE worker")
    run("GRANT USAGE ON SCHEMA db.s TO ROLE worker")
    run("GRANT USAGE ON WAREHOUSE compute_wh TO ROLE IDENTIFIER('worker')")
    run("USE ROLE worker")
    run("CREATE TEMPORARY TABLE own (a INT)")
    run("ALTER TABLE own ADD COLUMN b INT")
    run("INSERT INTO own VALUES (1, 2)")
    run("CREATE TEMPORARY VIEW seen AS SELECT a + b AS c FROM own")
    assert run("SELECT c FROM seen") == [(3,)]
    run("CREATE TEMPORARY FUNCTION plus_one(x INT) RETURNS INT AS 'x + 1'")
    run("CREATE TEMPORARY PROCEDURE one() RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN 1; END'")
    assert run("SELECT plus_one(1)") == [(2,)]
    assert run("CALL one()") == [(1,)]
    run("CREATE TEMPORARY STAGE files")
    run("CREATE TEMPORARY FILE FORMAT form TYPE = CSV")
    run("ALTER FILE FORMAT form SET SKIP_HEADER = 1")
    for kind in (
        "TABLE own",
        "VIEW seen",
        "FUNCTION plus_one(INT)",
        "PROCEDURE one()",
        "STAGE files",
        "FILE FORMAT form",
    ):
        run(f"DROP {kind}")
    session.close()
    admin("CREATE TABLE own (a INT)")
    assert [row[1] for row in admin("SHOW GRANTS ON TABLE own")] == ["OWNERSHIP"]
    assert admin("SHOW GRANTS ON TABLE own")[0][5] == "ACCOUNTADMIN"


def test_a_role_reads_files_with_snowpark(account, admin) -> None:
    import io

    session = account.session(database="DB", schema="S")
    session.sql("CREATE ROLE reader").collect()
    session.sql("GRANT ROLE reader TO USER offline").collect()
    session.sql("GRANT OWNERSHIP ON DATABASE db TO ROLE reader").collect()
    session.sql("GRANT USAGE ON WAREHOUSE compute_wh TO ROLE reader").collect()
    session.sql("USE ROLE reader").collect()
    session.sql("CREATE SCHEMA landing").collect()
    session.sql("CREATE STAGE files").collect()
    frame, file = pd.DataFrame({"A": [1, 2], "B": ["x", "y"]}), io.BytesIO()
    frame.to_parquet(file)
    session.file.put_stream(io.BytesIO(file.getvalue()), "@files/in.parquet", auto_compress=False)
    session.read.parquet("@files").copy_into_table("LOADED")
    pd.testing.assert_frame_equal(session.table("LOADED").sort("A").to_pandas(), frame, check_dtype=False)
    session.close()


def test_a_grant_on_what_cannot_be_made_is_refused(account, admin) -> None:
    from snowflake.snowpark.exceptions import SnowparkSQLException

    for kind in ("COMPUTE POOL", "PIPE"):
        with pytest.raises(SnowparkSQLException, match=f"a grant on a {kind} is not supported"):
            admin(f"GRANT USAGE ON {kind} p TO ROLE analyst")
