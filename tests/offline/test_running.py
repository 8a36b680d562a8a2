"""``churnobs offline -- program``: a program that knows nothing of it, with its connections pointed at an offline account."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from churnobs.testing.running import run_program
from churnobs.testing.session import Statement

PROGRAM = """
import sys
import snowflake.connector
from snowflake.snowpark import Session

with snowflake.connector.connect(account="acme", user="me", password="wrong", database="SHOP", schema="RAW") as one:
    assert one.cursor().execute("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()").fetchall() == [("SHOP", "RAW")]
with Session.builder.configs({"connection_name": "prod", "schema": "MART"}).create() as two:
    two.create_dataframe([[1, "a"], [2, "b"]], schema=["X", "Y"]).write.save_as_table("T")
    print(two.table("T").count(), sys.argv[1:])
sys.exit(3)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_a_program_runs_unchanged_and_its_code_is_given_back(program: Path) -> None:
    heard: list[Statement] = []
    assert run_program([sys.executable, str(program), "--flag"], trace=heard.append) == 3
    assert any(s.text.startswith("SELECT CURRENT_DATABASE()") for s in heard)
    assert {s.answered_by for s in heard} <= {"fakesnow", "extension"}


def test_the_command_line_prints_each_statement(program: Path) -> None:
    command = [sys.executable, "-c", "from churnobs.cli import main; main()", "offline", "--trace", "--"]
    found = subprocess.run(
        [*command, sys.executable, str(program), "--flag"], check=False, capture_output=True, text=True
    )
    assert found.returncode == 3
    assert found.stdout.strip() == "2 ['--flag']"
    line = next(line for line in found.stderr.splitlines() if "SELECT CURRENT_DATABASE()" in line)
    assert " ms  " in line


def test_the_command_line_prints_what_is_emulated() -> None:
    command = [sys.executable, "-c", "from churnobs.cli import main; main()", "offline"]
    found = subprocess.run([*command, "--emulated"], check=True, capture_output=True, text=True)
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in found.stdout.splitlines()}
    assert lines["CREATE STREAM"][0] == "emulated"
    assert lines["CREATE STREAM"][2:] == ["document", "https://docs.snowflake.com/en/sql-reference/sql/create-stream"]
    assert lines["CREATE PIPE"][:2] == ["refused", "instead: load with COPY INTO"]
    wrong = subprocess.run(command, check=False, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "a program is to be run" in wrong.stderr


def test_a_statement_that_failed_says_so(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        "import snowflake.connector\nsnowflake.connector.connect(account='a', user='b').cursor().execute('SELECT * FROM NOWHERE')\n",
        encoding="utf-8",
    )
    heard: list[Statement] = []
    assert run_program([sys.executable, str(path)], trace=heard.append) == 1
    assert any(s.error and "NOWHERE" in s.error for s in heard)


def test_the_default_connection_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path))
    path = tmp_path / "default.py"
    path.write_text(
        "import snowflake.connector\nfrom snowflake.snowpark import Session\n"
        "assert snowflake.connector.connect().cursor().execute('SELECT 1').fetchall() == [(1,)]\n"
        "assert Session.builder.getOrCreate().sql('SELECT CURRENT_SCHEMA()').collect()[0][0] == SCHEMA\n",
        encoding="utf-8",
    )
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("SCHEMA\n", "'PUBLIC'\n"), encoding="utf-8")
    assert run_program([sys.executable, str(path)]) == 0
    path.write_text(text.replace("SCHEMA\n", "'OWN'\n"), encoding="utf-8")
    file = tmp_path / "connections.toml"
    file.write_text("[default]\naccount = 'acme'\nuser = 'me'\ndatabase = 'SHOP'\nschema = 'OWN'\n", encoding="utf-8")
    file.chmod(0o600)
    assert run_program([sys.executable, str(path)]) == 0


def test_no_such_program(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_program(["no-such-program"]) == 127
    assert "there is no program no-such-program" in capfd.readouterr().err


def test_external_stages_read_folders(tmp_path: Path) -> None:
    folder = tmp_path / "bucket"
    folder.mkdir()
    (folder / "one.csv").write_text("1\n2\n", encoding="utf-8")
    program = tmp_path / "reads.py"
    program.write_text(
        "import snowflake.connector\ncursor = snowflake.connector.connect(account='a', user='b').cursor()\n"
        "cursor.execute(\"CREATE STAGE st URL = 's3://bucket/data/'\")\n"
        "print(cursor.execute('SELECT SUM($1::INT) FROM @st').fetchone()[0])\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", "from churnobs.cli import main; main()", "offline"]
    told = subprocess.run(
        [*command, "--stage", f"s3://bucket/data={folder}", "--", sys.executable, str(program)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert told.stdout.strip() == "3"
    wrong = subprocess.run([*command, "--stage", "s3://bucket", "--", "x"], check=False, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "names no folder" in wrong.stderr
