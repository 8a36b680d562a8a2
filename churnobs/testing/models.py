"""The model registry: CREATE, ALTER, SHOW and DROP MODEL, versions, aliases, and MODEL(...)!METHOD(...) in queries."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from churnobs.testing import inference
from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import SNOW, Location, locate
from churnobs.testing.names import Name, quoted_if_needed, split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, now, of_rows, status
from churnobs.testing.role_rules import need
from churnobs.testing.session import Session
from churnobs.testing.stages import place
from churnobs.testing.statements import command, creation, dropped

DONE = "Statement executed successfully."
SYSTEM_ALIASES = ("DEFAULT", "FIRST", "LAST")


@dataclass(slots=True)
class Version:
    """A version of a model: its files and what is kept about it."""

    name: str
    folder: Path
    comment: str = ""
    metadata: str = "{}"
    alias: str | None = None
    created_on: dt.datetime = field(default_factory=now)
    runners: dict[str, tuple[str, inference.Runner]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Model(Object):
    """A model and its versions, in the order of their creation."""

    versions: list[Version] = field(default_factory=list)
    default: str = ""

    def version(self, name: str) -> Version:
        """The version of that alias or name."""
        held = {"DEFAULT": self.default, "FIRST": self.versions[0].name, "LAST": self.versions[-1].name}
        held |= {v.alias: v.name for v in self.versions if v.alias}
        wanted = held.get(name, held.get(name.upper(), name))
        for version in self.versions:
            if version.name in (wanted, wanted.upper()):
                return version
        raise SqlError(
            f"SQL compilation error:\nVersion '{name}' of model '{self.name}' does not exist or not authorized.",
            2043,
            "02000",
        )


def model_of(session: Session, name: Name) -> Model:
    """The model of that name."""
    found: Model = session.account.catalog.shelf("Model").need(name)
    need(session, ("USAGE", "READ"), ("MODEL",), name)
    return found


def _folder(session: Session, name: Name) -> Path:
    folder = (
        session.account.folder
        / "models"
        / f"{session.account.next_number()}_{''.join(c if c.isalnum() else '_' for c in name.name)[:40]}"
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _take_version(session: Session, parser: Parser, model: Name, version: str) -> Version:
    """Read FROM @stage or FROM MODEL and copy the files."""
    parser.expect("FROM")
    folder = _folder(session, model)
    made = Version(version, folder, created_on=session.account.clock.now())
    if parser.accept("MODEL"):
        source = model_of(session, session.resolve(parser.parts()))
        copied = source.version(_version_name(parser) if parser.accept("VERSION") else "DEFAULT")
        shutil.copytree(copied.folder, folder)
        made.metadata, made.comment = copied.metadata, copied.comment
    else:
        where = locate(session, place(parser))
        held = where.inside(where.path)
        if not held.is_dir():
            raise SqlError(f"Invalid model: '{where.shown}{where.path}' has no files.", 100132, "22000")
        inference.methods(held)
        shutil.copytree(held, folder)
    return made


def _version_name(parser: Parser) -> str:
    token = parser.peek()
    if token is not None and token.kind in ("string", "dollars"):
        text = parser.string()
        return text if text != text.lower() else text.upper()
    return parser.part()


@command("CREATE MODEL", proof=document("sql/create-model"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE MODEL name [WITH VERSION v] FROM ...; the first version is the default."""
    head = creation(session, parser, "MODEL")
    parser.accept("WITH")
    if parser.accept("LIVE"):
        raise not_supported("live versions of models", "log the model with Registry.log_model")
    version = _version_name(parser) if parser.accept("VERSION") else "V1"
    shelf = session.account.catalog.shelf("Model")
    if shelf.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return status(f"{head.name.name} already exists, statement succeeded.")
        raise exists("Object", head.name)
    made = _take_version(session, parser, head.name, version)
    options = parser.options()
    parser.end()
    model = Model(name=head.name, versions=[made], default=version, comment=str(options.get("COMMENT", "")))
    shelf.add(model, replace=True)
    return status(f"Model {head.name.name} successfully created.")


@command("ALTER MODEL", proof=document("sql/alter-model"))
def alter(session: Session, parser: Parser) -> Result:  # noqa: PLR0912  # one branch a form of the statement
    """ALTER MODEL: versions, default, aliases, metadata, tags, comment, name."""
    parser.expect("ALTER", "MODEL")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    if if_exists and session.account.catalog.shelf("Model").get(name) is None:
        return status(DONE)
    model = model_of(session, name)
    if parser.accept("ADD", "VERSION"):
        version = _version_name(parser)
        if any(v.name == version for v in model.versions) or version in SYSTEM_ALIASES:
            raise exists("Version", f"{version}")
        model.versions.append(_take_version(session, parser, name, version))
    elif parser.accept("DROP", "VERSION"):
        parser.accept("IF", "EXISTS")
        _drop_version(model, model.version(_version_name(parser)))
    elif parser.accept("SET", "DEFAULT_VERSION", "="):
        model.default = model.version(_version_name(parser)).name
    elif parser.accept("VERSION"):
        version_ = model.version(_version_name(parser))
        if parser.accept("SET", "ALIAS", "="):
            _set_alias(model, version_, _version_name(parser))
        else:
            parser.expect("UNSET", "ALIAS")
            version_.alias = None
    elif parser.accept("MODIFY", "VERSION"):
        version_ = model.version(_version_name(parser))
        parser.expect("SET")
        options = parser.options()
        version_.comment = str(options.get("COMMENT", version_.comment))
        version_.metadata = str(options.get("METADATA", version_.metadata))
    elif parser.accept("SET", "TAG"):
        tag = session.resolve(parser.parts())
        parser.expect("=")
        session.account.set_tag("MODULE", name, tag, parser.string())
    elif parser.accept("UNSET", "TAG"):
        session.account.set_tag("MODULE", name, session.resolve(parser.parts()), None)
    elif parser.accept("SET", "COMMENT", "="):
        model.comment = parser.string()
    elif parser.accept("RENAME", "TO"):
        new = session.resolve(parser.parts())
        session.account.catalog.shelf("Model").rename(name, new)
        tagged = session.account.catalog.tagged.pop(("MODULE", str(name)), None)
        if tagged is not None:
            session.account.catalog.tagged["MODULE", str(new)] = tagged
    else:
        raise not_supported("this ALTER MODEL", "see docs/offline_account.md for the forms that are")
    parser.end()
    return status(DONE)


def _drop_version(model: Model, version: Version) -> None:
    if version.name == model.default:
        raise SqlError(
            f"Cannot drop version '{version.name}' of model '{model.name}': it is the default version. "
            "Set another default version, or drop "
            "the model.", 93124, "0A000",
        )  # fmt: skip
    model.versions.remove(version)
    shutil.rmtree(version.folder, ignore_errors=True)


def _set_alias(model: Model, version: Version, alias: str) -> None:
    if alias in SYSTEM_ALIASES or any(v.name == alias for v in model.versions):
        raise SqlError(
            f"SQL compilation error:\nAlias '{alias}' is reserved or is the name of a version.", 1003, "42601"
        )
    if any(v.alias == alias and v is not version for v in model.versions):
        raise exists("Alias", alias)
    version.alias = alias


@command("DROP MODEL", proof=document("sql/drop-model"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP MODEL [IF EXISTS]."""
    parser.expect("DROP", "MODEL")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("Model").drop(name, if_exists=if_exists)
    for version in found.versions if found else []:
        shutil.rmtree(version.folder, ignore_errors=True)
    session.account.catalog.tagged.pop(("MODULE", str(name)), None)
    return dropped(name.name, found=found is not None)


@command("SHOW MODELS", reads=True, proof=document("sql/show-models"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW MODELS [LIKE] [IN]."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "MODELS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        (
            "name",
            "model_type",
            "database_name",
            "schema_name",
            "owner",
            "comment",
            "versions",
            "default_version_name",
            "aliases",
        ),
        "text",
    )
    rows = [
        (m.created_on, m.name.name, "USER_MODEL", m.name.database, m.name.schema, OWNER, m.comment,
            json.dumps([v.name for v in m.versions]),
         m.default, json.dumps(_aliases(m)))
        for m in session.account.catalog.shelf("Model") if found.holds(m.name)
    ]  # fmt: skip
    return found.shown(columns, rows)


def _aliases(model: Model, version: Version | None = None) -> Any:
    pairs = {"DEFAULT": model.default, "FIRST": model.versions[0].name, "LAST": model.versions[-1].name}
    pairs |= {v.alias: v.name for v in model.versions if v.alias}
    return pairs if version is None else [alias for alias, name in pairs.items() if name == version.name]


@command("SHOW VERSIONS", reads=True, proof=document("sql/show-versions-in-model"))
def show_versions(session: Session, parser: Parser) -> Result:
    """SHOW VERSIONS [LIKE] IN MODEL | DATASET."""
    from churnobs.testing.names import like

    parser.expect("SHOW", "VERSIONS")
    pattern = parser.string() if parser.accept("LIKE") else "%"
    parser.expect("IN")
    if parser.accept("DATASET"):
        from churnobs.testing.datasets import versions

        return versions(session, session.resolve(parser.parts()), pattern)
    parser.expect("MODEL")
    model = model_of(session, session.resolve(parser.parts()))
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "aliases", "comment", "database_name", "schema_name", "model_name", "is_default_version",
            "functions", "metadata", "user_data",
         "model_attributes", "size", "environment", "runnable_in", "inference_services", "model_spec"), "text",
    )  # fmt: skip
    rows = []
    for v in model.versions:
        if like(pattern, v.name):
            names = [m.name for m in inference.methods(v.folder)]
            size = sum(f.stat().st_size for f in v.folder.rglob("*") if f.is_file())
            user_data = json.dumps(inference.manifest(v.folder).get("user_data") or {})
            attributes = json.dumps(
                {"framework": "", "task": inference.task(v.folder), "client": "snowflake-ml-python"}
            )
            rows.append((
                v.created_on, v.name, json.dumps(_aliases(model, v)), v.comment, model.name.database,
                model.name.schema, model.name.name,
                "true" if v.name == model.default else "false", json.dumps(names), v.metadata, user_data, attributes,
                str(size), "{}",
                json.dumps(["WAREHOUSE", "SNOWPARK_CONTAINER_SERVICES"]), "[]", inference.spec(v.folder),
            ))  # fmt: skip
    return of_rows(columns, rows)


@command("SHOW FUNCTIONS IN MODEL", reads=True, proof=document("sql/show-functions-in-model"))
def show_functions(session: Session, parser: Parser) -> Result:
    """SHOW FUNCTIONS IN MODEL name [VERSION v]."""
    parser.expect("SHOW", "FUNCTIONS", "IN", "MODEL")
    model = model_of(session, session.resolve(parser.parts()))
    version = model.version(_version_name(parser) if parser.accept("VERSION") else "DEFAULT")
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "min_num_arguments", "max_num_arguments", "arguments", "return_type", "description", "language"),
        "text",
    )
    rows = [
        (version.created_on, m.name, str(len(m.inputs)), str(len(m.inputs)),
         f"{m.name}({', '.join(t for _, t in m.inputs)}) RETURN {m.return_type}", m.return_type, "", "PYTHON")
        for m in inference.methods(version.folder)
    ]  # fmt: skip
    return of_rows(columns, rows)


@command("COMMENT ON", "COMMENT IF EXISTS ON", proof=document("sql/comment"))
def comment_on(session: Session, parser: Parser) -> Result:
    """COMMENT ON an object IS 'text'."""
    from churnobs.testing.names import literal, quote

    parser.expect("COMMENT")
    parser.accept("IF", "EXISTS")
    parser.expect("ON")
    kind = parser.next().upper
    name = parser.parts()
    parser.expect("IS")
    text = parser.string()
    if kind == "MODEL":
        model_of(session, session.resolve(name)).comment = text
    elif kind == "TABLE":
        session.engine.run(f"COMMENT ON TABLE {session.physical(session.resolve(name)).sql} IS {literal(text)}")
    elif kind == "VIEW":
        session.account.catalog.views.need(session.resolve(name)).comment = text
    elif kind == "COLUMN":
        table = session.physical(session.resolve(name[:-1]))
        session.engine.run(f"COMMENT ON COLUMN {table.sql}.{quote(name[-1])} IS {literal(text)}")
    else:
        raise not_supported(f"COMMENT ON {kind}", "set COMMENT when creating it")
    return status(DONE)


def _location(session: Session, rest: str) -> Location:
    """snow://model/name/versions/v/path."""
    name, _, path = rest.partition("/versions/")
    version, _, inner = path.partition("/")
    model = model_of(session, session.resolve(split_name(name)))
    found = model.version(version)
    return Location(found.folder, inner, f"versions/{quoted_if_needed(found.name)}/")


SNOW["model"] = _location
