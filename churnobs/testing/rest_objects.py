"""Databases, schemas, tables, views, stages and warehouses as snowflake.core asks for them: listed, shown, made and dropped."""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from churnobs.testing.failures import missing, not_supported
from churnobs.testing.names import fold, quote, quoted_if_needed
from churnobs.testing.results import Result
from churnobs.testing.session import Session
from churnobs.testing.statements import execute
from churnobs.testing.trees import value_of

Answer = Any
_PLACE = re.compile(
    r"/api/v2/(?:databases(?:/(?P<database>[^/:]+)/schemas(?:/(?P<schema>[^/:]+)/(?P<inner>tables|views|stages))?)?"
    r"|(?P<outer>warehouses))(?:/(?P<name>[^/:]+))?(?P<verb>(?::[\w-]+|/files))?/?"
)
_TEXTS = {"comment": "COMMENT", "warehouse_size": "WAREHOUSE_SIZE", "warehouse_type": "WAREHOUSE_TYPE", "url": "URL"}
_PLAIN = {
    "data_retention_time_in_days": "DATA_RETENTION_TIME_IN_DAYS", "auto_suspend": "AUTO_SUSPEND", "auto_resume": "AUTO_RESUME",
    "initially_suspended": "INITIALLY_SUSPENDED",
}  # fmt: skip
_SHOWN = {"retention_time": "data_retention_time_in_days", "text": "query"}
_FLAGS = frozenset({"is_default", "is_current", "has_credentials", "has_encryption_key", "change_tracking"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: what kind of object, where it lies, its name, and what was sent."""

    session: Session
    kind: str
    place: str
    name: str
    given: Mapping[str, str]
    body: Any

    @property
    def full(self) -> str:
        """The object's full name."""
        return ".".join(filter(None, (self.place, quote(self.name))))

    def run(self, text: str) -> Result:
        """Run a statement in the session of the request."""
        return execute(self.session, text)[1]

    def status(self, text: str) -> dict[str, str]:
        """Run a statement and give its status."""
        return {"status": str(self.run(text).rows[0][0])}

    def known(self, *names: str) -> None:
        """Refuse what the request says beyond these."""
        for name, value in self.given.items():
            if name not in names and value.lower() != "false":
                raise not_supported(f"{name} of {self.kind.lower()}s in snowflake.core", "use SQL")


def read(session: Session, method: str, path: str, given: Mapping[str, str], body: Any) -> Callable[[], Answer] | None:
    """What answers a request about one of these objects; None where it is about something else."""
    found = _PLACE.fullmatch(path)
    if found is None:
        return None
    names = {key: quote(fold(urllib.parse.unquote(found[key]))) for key in ("database", "schema") if found[key]}
    kind = (found["inner"] or found["outer"] or ("schemas" if "database" in names else "databases"))[:-1].upper()
    name = fold(urllib.parse.unquote(found["name"])) if found["name"] else ""
    handler = _ROUTES.get((method, bool(name), found["verb"] or ""))
    if handler is None or (found["verb"] and kind not in _VERBS.get(found["verb"], ())):
        return None
    return lambda: handler(Asked(session, kind, ".".join(names.values()), name, given, body))


def _text(value: Any) -> str:
    return str(value_of(str(value)).sql("snowflake"))


def _list(asked: Asked) -> Answer:
    asked.known("like", "startsWith", "showLimit", "fromName")
    given = asked.given
    text = f"SHOW {asked.kind}S" + (f" LIKE {_text(given['like'])}" if "like" in given else "") + _within(asked)
    text += f" STARTS WITH {_text(given['startsWith'])}" if "startsWith" in given else ""
    if "showLimit" in given or "fromName" in given:
        text += f" LIMIT {int(given.get('showLimit', '10000'))}"
        text += f" FROM {_text(given['fromName'])}" if "fromName" in given else ""
    return [_model(asked, row) for row in _rows(asked.run(text))]


def _within(asked: Asked) -> str:
    above = "DATABASE" if asked.kind == "SCHEMA" else "SCHEMA"
    return f" IN {above} {asked.place}" if asked.place else ""


def _fetch(asked: Asked) -> Answer:
    for row in _rows(asked.run(f"SHOW {asked.kind}S{_within(asked)}")):
        if row["name"] == asked.name:
            return _model(asked, row)
    raise missing(asked.kind.capitalize(), asked.full.replace('"', ""))


def _rows(result: Result) -> list[dict[str, Any]]:
    names = [column.name.lower() for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def _model(asked: Asked, row: dict[str, Any]) -> dict[str, Any]:
    """A row of SHOW as the client's model."""
    made = {_SHOWN.get(key, key): _wire(key, value) for key, value in row.items() if key != "options"}
    made["name"] = quoted_if_needed(row["name"])
    if asked.kind in ("DATABASE", "TABLE", "STAGE"):
        kind = row["kind"] if asked.kind == "TABLE" else ""
        made["kind"] = kind if kind in ("TRANSIENT", "TEMPORARY") else "PERMANENT"
    if asked.kind in ("TABLE", "VIEW"):
        made["cluster_by"] = None
        full = f"{asked.place}.{quote(row['name'])}"
        described = _rows(asked.run(f"DESCRIBE {asked.kind} {full}"))
        made["columns"] = [_column(column) for column in described]
    return made


def _wire(key: str, value: Any) -> Any:
    if key in _FLAGS:
        return value in ("Y", "ON", "true")
    if key == "retention_time":
        return int(value)
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _column(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": quoted_if_needed(row["name"]), "datatype": row["type"], "nullable": row["null?"] == "Y",
        "default": row["default"], "comment": row["comment"],
    }  # fmt: skip


def _create(asked: Asked) -> Answer:
    asked.known("createMode")
    if asked.kind == "VIEW":
        raise not_supported("making a view by snowflake.core", "CREATE VIEW")
    mode = asked.given.get("createMode", "errorIfExists").lower()
    body = {key: value for key, value in asked.body.items() if value is not None}
    name, kind = body.pop("name"), str(body.pop("kind", "PERMANENT")).upper()
    words = ["CREATE", *(["OR REPLACE"] if mode == "orreplace" else [])]
    if kind in ("TRANSIENT", "TEMPORARY"):
        words.append(kind)
    elif kind not in ("PERMANENT", "INTERNAL"):
        raise not_supported(f"a {asked.kind.lower()} of the kind {kind}", "use SQL")
    words += [asked.kind, *(["IF NOT EXISTS"] if mode == "ifnotexists" else [])]
    parts = [".".join(filter(None, (asked.place, name)))]
    if asked.kind == "TABLE":
        parts.append(f"({', '.join(map(_defined, body.pop('columns', [])))})")
    if body.pop("managed_access", False):
        parts.append("WITH MANAGED ACCESS")
    for key, value in body.items():
        if key in _TEXTS:
            parts.append(f"{_TEXTS[key]} = {_text(value)}")
        elif key in _PLAIN:
            parts.append(f"{_PLAIN[key]} = {value}")
        elif value not in ([], False):
            raise not_supported(f"{key} of a {asked.kind.lower()} in snowflake.core", "leave it out, or use SQL")
    engine, warehouse = asked.session.engine, asked.session.warehouse
    place = engine.database, engine.schema
    made = asked.status(" ".join([*words, *parts]))
    asked.session.warehouse = warehouse  # what SQL makes becomes the current one, what a request makes does not
    if place[0] is not None and place != (engine.database, engine.schema):
        engine.use(place[0], place[1])
    return made


def _defined(column: Mapping[str, Any]) -> str:
    """A column of CREATE TABLE."""
    given = {key: value for key, value in column.items() if value is not None}
    parts = [given.pop("name"), given.pop("datatype")]
    if given.pop("nullable", True) is False:
        parts.append("NOT NULL")
    if "default" in given:
        parts.append(f"DEFAULT {given.pop('default')}")
    if given.pop("autoincrement", False):
        start, by = given.pop("autoincrement_start", 1), given.pop("autoincrement_increment", 1)
        parts.append(f"AUTOINCREMENT START {start} INCREMENT {by}")
    if "comment" in given:
        parts.append(f"COMMENT {_text(given.pop('comment'))}")
    if refused := [key for key, value in given.items() if value not in ([], False)]:
        raise not_supported(f"{refused[0]} of a column in snowflake.core", "leave it out, or use SQL")
    return " ".join(parts)


def _drop(asked: Asked) -> Answer:
    asked.known("ifExists")
    if_exists = "IF EXISTS " if asked.given.get("ifExists", "").lower() == "true" else ""
    return asked.status(f"DROP {asked.kind} {if_exists}{asked.full}")


def _altered(word: str) -> Callable[[Asked], Answer]:
    def handler(asked: Asked) -> Answer:
        asked.known("ifExists")
        return asked.status(f"ALTER {asked.kind} {asked.full} {word}")

    return handler


def _files(asked: Asked) -> Answer:
    asked.known("pattern")
    pattern = f" PATTERN = {_text(asked.given['pattern'])}" if "pattern" in asked.given else ""
    rows = _rows(asked.run(f"LIST @{asked.full}{pattern}"))
    return [{key: str(value) for key, value in row.items()} for row in rows]


# by method, whether an object is named, and what stands after its name
_ROUTES: dict[tuple[str, bool, str], Callable[[Asked], Answer]] = {
    ("GET", False, ""): _list,
    ("GET", True, ""): _fetch,
    ("POST", False, ""): _create,
    ("DELETE", True, ""): _drop,
    ("GET", True, "/files"): _files,
    ("POST", True, ":suspend"): _altered("SUSPEND"),
    ("POST", True, ":resume"): _altered("RESUME"),
}
_VERBS = {"/files": ("STAGE",), ":suspend": ("WAREHOUSE",), ":resume": ("WAREHOUSE",)}
