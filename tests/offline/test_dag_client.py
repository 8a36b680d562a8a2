"""Tasks and DAGs by snowflake.core, which talks REST to the account."""

import datetime as dt

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

from snowflake.snowpark import Session

START = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def account():
    from churnobs.testing import serve

    with serve() as served:
        served.clock.set(START)
        yield served


@pytest.fixture
def session(account):
    made = account.session(database="DB", schema="S")
    made.sql("CREATE TABLE log (what VARCHAR)").collect()
    yield made
    made.close()


@pytest.fixture
def schema(session):
    from snowflake.core import Root

    return Root(session).databases["DB"].schemas["S"]


def logged(session) -> list[str]:
    return [row[0] for row in session.sql("SELECT what FROM log ORDER BY what").collect()]


def test_a_task_by_its_collection(session, schema, account) -> None:
    from snowflake.core.exceptions import ConflictError, NotFoundError
    from snowflake.core.task import Cron, Task

    tasks = schema.tasks
    made = tasks.create(
        Task(
            name="t", definition="INSERT INTO log VALUES ('t''s')", schedule=dt.timedelta(minutes=5), comment="it's",
            warehouse="COMPUTE_WH", config={"a": 1},
        )
    )  # fmt: skip
    found = made.fetch()
    assert (found.name, found.state, found.schedule, found.comment, found.config) == (
        "T", "suspended", dt.timedelta(minutes=5), "it's", {"a": 1},
    )  # fmt: skip
    assert found.definition == "INSERT INTO log VALUES ('t''s')"
    made.resume()
    account.clock.advance(minutes=11)
    assert logged(session) == ["t's", "t's"]
    made.suspend()
    made.execute()
    assert len(logged(session)) == 3
    with pytest.raises(ConflictError):
        tasks.create(Task(name="t", definition="SELECT 1"))
    made.create_or_alter(Task(name="t", definition="SELECT 2", schedule=Cron("0 9 * * *", "UTC")))
    assert (made.fetch().schedule, made.fetch().definition) == (Cron("0 9 * * *", "UTC"), "SELECT 2")
    assert [task.name for task in tasks.iter(like="T%")] == ["T"]
    made.drop()
    with pytest.raises(NotFoundError):
        made.fetch()


def test_a_dag_is_deployed_runs_and_is_dropped(session, schema, account) -> None:
    from snowflake.core import CreateMode
    from snowflake.core.task.dagv1 import DAG, DAGOperation, DAGTask

    with DAG("etl", schedule=dt.timedelta(hours=1), warehouse="COMPUTE_WH") as dag:
        load = DAGTask("load", "INSERT INTO log VALUES ('load')", warehouse="COMPUTE_WH")
        left = DAGTask("left", "INSERT INTO log VALUES ('left')", warehouse="COMPUTE_WH")
        right = DAGTask("right", "INSERT INTO log SELECT 1 / 0", warehouse="COMPUTE_WH")
        last = DAGTask("last", "INSERT INTO log VALUES ('last')", warehouse="COMPUTE_WH")
        load >> [left, right]
        left >> last
        right >> last
        DAGTask("end", "INSERT INTO log VALUES ('end')", warehouse="COMPUTE_WH", is_finalizer=True)
    operation = DAGOperation(schema)
    operation.deploy(dag, mode=CreateMode.or_replace)
    states = {row["name"]: row["state"] for row in session.sql("SHOW TASKS").collect()}
    assert states == dict.fromkeys(("ETL", "ETL$LOAD", "ETL$LEFT", "ETL$RIGHT", "ETL$LAST", "ETL$END"), "started")
    account.clock.advance(hours=1)
    assert logged(session) == ["end", "left", "load"]
    (run,) = operation.get_complete_dag_runs(dag)
    assert (run.state, run.first_error_task_name, run.first_error_code) == ("FAILED", "ETL$RIGHT", 100051)
    (coming,) = operation.get_current_dag_runs(dag)
    assert (coming.state, coming.scheduled_time) == ("SCHEDULED", START + dt.timedelta(hours=2))
    session.sql("ALTER TASK etl SUSPEND").collect()
    session.sql("ALTER TASK etl$right MODIFY AS INSERT INTO log VALUES ('right')").collect()
    operation.run(dag)
    assert logged(session) == ["end", "end", "last", "left", "left", "load", "load", "right"]
    assert operation.iter_dags(like="E%") == ["ETL"]
    operation.deploy(dag, mode=CreateMode.or_replace)
    operation.drop(dag, drop_finalizer=True)
    assert session.sql("SHOW TASKS").collect() == []


def test_a_dag_of_python_functions_hands_values_on(session, schema, account) -> None:
    from snowflake.core.task.context import TaskContext
    from snowflake.core.task.dagv1 import DAG, DAGOperation, DAGTask

    session.sql("CREATE STAGE code").collect()

    def first(session: Session) -> str:
        return f"twenty {TaskContext(session).get_task_graph_config_property('who')}"

    def second(session: Session) -> str:
        context = TaskContext(session)
        told = context.get_predecessor_return_value("first")
        session.sql(f"INSERT INTO log VALUES ('{context.get_current_task_short_name()} {told}')").collect()
        return "done"

    with DAG(
        "py", schedule=dt.timedelta(hours=1), stage_location="@code", packages=["snowflake-snowpark-python"],
        use_func_return_value=True, config={"who": "geese"},
    ) as dag:  # fmt: skip
        one = DAGTask("first", first)
        two = DAGTask("second", second)
        one >> two
    operation = DAGOperation(schema)
    operation.deploy(dag)
    operation.run(dag)
    errors = session.sql(
        "SELECT error_message FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE))"
    ).collect()
    assert errors == []
    assert logged(session) == ["SECOND twenty geese"]
