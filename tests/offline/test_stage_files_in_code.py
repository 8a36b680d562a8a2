"""Code of functions and procedures reads the files of stages with SnowflakeFile, by their paths and their scoped URLs."""

from __future__ import annotations

import io
import json

import pytest

pytest.importorskip("fakesnow", reason="needs churnobs[offline]")

HEAD = (
    "LANGUAGE PYTHON RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python', 'pandas') HANDLER = 'run' AS $$"
)
NAMES = [["MIA", "Miami"], ["HNL", "Honolulu"]]
FILES = "from snowflake.snowpark.files import SnowflakeFile"


@pytest.fixture
def staged(snowflake_session, sql):
    sql("CREATE STAGE FILES")
    for name, text in {"names.json": json.dumps(NAMES), "rows.csv": "X,Y\n1,ä\n2,b\n"}.items():
        snowflake_session.file.put_stream(io.BytesIO(text.encode()), f"@FILES/in/{name}", auto_compress=False)
    return sql


def test_a_vectorised_function_opens_a_stages_path(staged) -> None:
    staged(
        f"""CREATE FUNCTION CITY(CODE VARCHAR) RETURNS VARCHAR {HEAD}
import json
import pandas
from _snowflake import vectorized
{FILES}

@vectorized(input=pandas.DataFrame)
def run(frame):
    held = dict(json.loads(SnowflakeFile.open("@FILES/in/names.json", "r", require_scoped_url=False).read()))
    return frame[0].map(held)
$$"""
    )
    codes = ", ".join(f"('{code}')" for code, _ in NAMES)
    assert staged(f"SELECT COLUMN1, CITY(COLUMN1) FROM VALUES {codes} ORDER BY 1 DESC") == [tuple(n) for n in NAMES]


def test_a_procedure_loads_the_file_of_a_scoped_url(staged, fails) -> None:
    staged(
        f"""CREATE PROCEDURE LOAD(URL STRING, TARGET STRING) RETURNS VARIANT {HEAD}
import pandas as pd
{FILES}

def run(session, url, target):
    with SnowflakeFile.open(url, "rb") as file:
        session.create_dataframe(pd.read_csv(file)).write.save_as_table(target)
    return True
$$"""
    )
    staged("CALL LOAD(BUILD_SCOPED_FILE_URL(@FILES, 'in/rows.csv'), 'BY_URL')")
    staged("CALL LOAD('@FILES/in/rows.csv', 'BY_PATH')")
    assert (
        staged("SELECT * FROM BY_URL ORDER BY X") == staged("SELECT * FROM BY_PATH ORDER BY X") == [(1, "ä"), (2, "b")]
    )
    assert "was not found" in fails("CALL LOAD('@FILES/in/none.csv', 'T')")[1]


def test_a_table_function_reads_the_lines_of_each_file(staged) -> None:
    staged(
        f"""CREATE FUNCTION LINES(URL STRING) RETURNS TABLE (LINE STRING) {HEAD}
{FILES}

class run:
    def process(self, url):
        with SnowflakeFile.open(url) as file:
            for line in file:
                yield (line.strip(),)
$$"""
    )
    assert [row[0] for row in staged("SELECT * FROM TABLE(LINES('@FILES/in/rows.csv'))")] == ["X,Y", "1,ä", "2,b"]
