"""Run task_graph.sql and show what its tasks did.

python task_graph.py                            # on the default connection of connections.toml
churnobs offline -- python task_graph.py        # without an account
"""

import time
from pathlib import Path

import snowflake.connector

with (
    snowflake.connector.connect() as connection,
    Path(__file__).with_name("task_graph.sql").open(encoding="utf-8") as script,
):
    for cursor in connection.execute_stream(script):
        print(cursor.fetchone()[0])
    cursor = connection.cursor()
    cursor.execute("EXECUTE TASK INGEST")
    graphs = "SELECT STATE FROM TABLE(INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS(ROOT_TASK_NAME => 'INGEST'))"
    while not cursor.execute(graphs).fetchall():  # it only asks for the run
        time.sleep(2)
    history = "SELECT NAME, STATE, ERROR_MESSAGE, RETURN_VALUE FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())"
    for row in cursor.execute(f"{history} WHERE STATE <> 'SCHEDULED' ORDER BY QUERY_START_TIME"):
        print(*row)
    print(cursor.execute("SELECT * FROM CUSTOMER_TOTALS ORDER BY CUSTOMER").fetch_pandas_all())
