"""SHOW SEQUENCES and SHOW VARIABLES, and the lists of kinds of object that cannot be made here, which are empty."""

from __future__ import annotations

from churnobs.testing.catalog import OWNER
from churnobs.testing.lexer import Parser
from churnobs.testing.names import Name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows
from churnobs.testing.session import Session
from churnobs.testing.show import filters, nothing
from churnobs.testing.statements import command


@command("SHOW SEQUENCES", reads=True, proof=document("sql/show-sequences"))
def show_sequences(session: Session, parser: Parser) -> Result:
    """SHOW SEQUENCES [LIKE] [IN]; those of AUTOINCREMENT columns are not among them."""
    parser.expect("SHOW", "SEQUENCES")
    found = filters(session, parser)
    asked = session.engine.run(
        "SELECT database_name, schema_name, sequence_name, start_value, increment_by, last_value FROM duckdb_sequences()"
        " WHERE NOT starts_with(sequence_name, '_fs_') ORDER BY ALL"
    )
    columns = {
        "name": "text", "database_name": "text", "schema_name": "text", "next_value": "fixed", "interval": "fixed",
        "created_on": "timestamp_ltz", "owner": "text", "comment": "text", "owner_role_type": "text", "ordered": "text",
    }  # fmt: skip
    started = session.account.started
    rows = [
        (name, database, schema, start if last is None else last + step, step, started, OWNER, "", "ROLE", "Y")
        for database, schema, name, start, step, last in asked
        if found.holds(Name(database, schema, name))
    ]
    return found.shown(columns, rows)


@command("SHOW VARIABLES", reads=True, proof=document("sql/show-variables"))
def show_variables(session: Session, parser: Parser) -> Result:
    """SHOW VARIABLES [LIKE]: those that SET made in this session."""
    parser.expect("SHOW", "VARIABLES")
    found = filters(session, parser)
    columns = {
        "session_id": "text", "created_on": "timestamp_ltz", "updated_on": "timestamp_ltz", "name": "text", "value": "text",
        "type": "text", "comment": "text",
    }  # fmt: skip
    started = session.account.started
    rows = [
        (str(session.id), started, started, name, str(value).lower() if isinstance(value, bool) else str(value),
         _type_of(value), "")
        for name, value in sorted(session.engine.variables.items()) if found.fits(name)
    ]  # fmt: skip
    return of_rows(columns, rows)


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "real" if isinstance(value, float) else "fixed"


nothing(
    "SHOW PIPES",
    columns="created_on name database_name schema_name definition owner notification_channel comment integration pattern"
    " error_integration owner_role_type invalid_reason kind",
)
nothing(
    "SHOW EXTERNAL TABLES",
    columns="created_on name database_name schema_name invalid invalid_reason owner comment stage location file_format_name"
    " file_format_type cloud region notification_channel last_refreshed_on table_format last_refresh_details owner_role_type",
)  # fmt: skip
nothing(
    "SHOW MATERIALIZED VIEWS",
    columns="created_on name reserved database_name schema_name cluster_by rows bytes source_database_name source_schema_name"
    " source_table_name refreshed_on compacted_on owner invalid invalid_reason behind_by comment text is_secure",
)
nothing(
    "SHOW EXTERNAL FUNCTIONS",
    columns="created_on name schema_name is_builtin is_aggregate is_ansi min_num_arguments max_num_arguments arguments"
    " description catalog_name is_table_function valid_for_clustering is_secure is_external_function language",
)
nothing(
    "SHOW SECRETS",
    columns="created_on name schema_name database_name owner comment secret_type oauth_scopes owner_role_type",
)
nothing(
    "SHOW NETWORK POLICIES", columns="created_on name comment entries_in_allowed_ip_list entries_in_blocked_ip_list"
)
nothing("SHOW EVENT TABLES", columns="created_on name database_name schema_name owner comment owner_role_type")
