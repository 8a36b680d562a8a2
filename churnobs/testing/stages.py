"""Stages and file formats: CREATE, ALTER, DROP, SHOW, DESCRIBE; PUT, GET, LIST, REMOVE."""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from churnobs.testing import directories
from churnobs.testing.catalog import OWNER, FileFormat, Stage
from churnobs.testing.failures import SqlError, exists, missing, not_supported
from churnobs.testing.formats import checked
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import Location, locate, mapped, stage_folder
from churnobs.testing.names import split_name
from churnobs.testing.proof import document
from churnobs.testing.results import Result, of_rows, status
from churnobs.testing.session import Session
from churnobs.testing.statements import command, created, creation, dropped


@command("CREATE STAGE", proof=document("sql/create-stage"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE [TEMPORARY] STAGE: a folder of the account, or a mapped folder for an external one."""
    head = creation(session, parser, "STAGE")
    if parser.accept("CLONE"):
        raise not_supported("CREATE STAGE ... CLONE", "create the stage and copy the files")
    options = parser.options()
    parser.end()
    stages = session.account.catalog.stages
    if stages.get(head.name) is not None and not head.replace:
        if head.if_not_exists:
            return created("Stage area", head.name.name, made=False)
        raise exists("Object", head.name)
    _must_exist(session, head.name.database, head.name.schema)
    url = str(options.get("URL", ""))
    folder = _mapped(session, url) if url else str(stage_folder(session, head.name))
    stage = Stage(
        name=head.name, folder=folder, url=url, temporary=head.temporary, comment=str(options.get("COMMENT", "")),
        file_format=_format_of(session, options.get("FILE_FORMAT")), directory=_has_directory(options),
    )  # fmt: skip
    stage.owner_session = session.shared if head.temporary else None
    old = stages.get(head.name)
    stages.add(stage, replace=True)
    if old is not None and not old.url and old.folder:
        shutil.rmtree(old.folder, ignore_errors=True)
    if stage.directory:
        directories.enable(session, stage)
    return created("Stage area", head.name.name)


def _has_directory(options: dict[str, Any]) -> bool:
    given = options.get("DIRECTORY")
    return bool(isinstance(given, dict) and given.get("ENABLE"))


def _must_exist(session: Session, database: str, schema: str) -> None:
    if database not in session.engine.engine.databases() or schema not in session.engine.engine.schemas(database):
        raise missing("Schema", f"{database}.{schema}")


def _mapped(session: Session, url: str) -> str | None:
    if (place := mapped(session, url)) is None:
        return None
    folder, path = place
    return str(Location(folder, path, "").inside(path)) if path else str(folder)


def _format_of(session: Session, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, str):
        given = {"FORMAT_NAME": given}
    if name := given.get("FORMAT_NAME"):
        return dict(session.account.catalog.formats.need(session.resolve(split_name(str(name)))).options)
    return checked(given)


@command("ALTER STAGE", proof=document("sql/alter-stage"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER STAGE ... SET."""
    parser.expect("ALTER", "STAGE")
    if_exists = parser.accept("IF", "EXISTS")
    stage = session.account.catalog.stages.get(name := session.resolve(parser.parts()))
    if stage is None:
        if if_exists:
            return status("Statement executed successfully.")
        raise missing("Stage", name)
    if parser.accept("REFRESH"):
        parser.end()
        return directories.refresh(session, stage)
    if parser.accept("RENAME", "TO"):
        session.account.catalog.stages.rename(name, session.resolve(parser.parts()))
        return status("Statement executed successfully.")
    parser.expect("SET")
    options = parser.options()
    stage.comment = str(options.get("COMMENT", stage.comment))
    if "FILE_FORMAT" in options:
        stage.file_format = _format_of(session, options["FILE_FORMAT"])
    if "DIRECTORY" in options:
        stage.directory = _has_directory(options)
        if stage.directory:
            directories.enable(session, stage)
    if "URL" in options:
        stage.url, stage.folder = str(options["URL"]), _mapped(session, str(options["URL"]))
    parser.end()
    return status("Statement executed successfully.")


@command("DROP STAGE", proof=document("sql/drop-stage"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP STAGE [IF EXISTS]."""
    parser.expect("DROP", "STAGE")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.stages.drop(name, if_exists=if_exists)
    if found is not None and found.folder and not found.url:
        shutil.rmtree(found.folder, ignore_errors=True)
    return dropped(name.name, found=found is not None)


@command("SHOW STAGES", reads=True, proof=document("sql/show-stages"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW STAGES."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "STAGES")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "database_name", "schema_name", "url", "has_credentials", "has_encryption_key", "owner", "comment",
            "region", "type",
         "cloud", "notification_channel", "storage_integration", "endpoint", "owner_role_type", "directory_enabled"), "text",
    )  # fmt: skip
    rows = [
        (s.created_on, s.name.name, s.name.database, s.name.schema, s.url, "N", "N", OWNER, s.comment, None,
         ("EXTERNAL" if s.url else "INTERNAL") + (" TEMPORARY" if s.temporary else ""), None, None, None, None, "ROLE",
         "Y" if s.directory else "N")
        for s in session.account.catalog.stages if found.holds(s.name)
    ]  # fmt: skip
    return found.shown(columns, rows)


@command("DESCRIBE STAGE", "DESC STAGE", reads=True, proof=document("sql/desc-stage"))
def describe(session: Session, parser: Parser) -> Result:
    """DESCRIBE STAGE: its location and file format."""
    parser.at = 2
    stage = session.account.catalog.stages.need(session.resolve(parser.parts()))
    columns = dict.fromkeys(
        ("parent_property", "property", "property_type", "property_value", "property_default"), "text"
    )
    rows = [("STAGE_LOCATION", "URL", "String", json.dumps([stage.url]) if stage.url else "", "")]
    rows += [("STAGE_FILE_FORMAT", k, "String", str(v), "") for k, v in sorted(stage.file_format.items())]
    return of_rows(columns, rows)


@command("CREATE FILE FORMAT", proof=document("sql/create-file-format"))
def create_format(session: Session, parser: Parser) -> Result:
    """CREATE [TEMPORARY] FILE FORMAT."""
    head = creation(session, parser, "FILE", "FORMAT")
    given = parser.options()
    parser.end()
    comment = str(given.pop("COMMENT", ""))
    options = checked(given)
    made = FileFormat(name=head.name, options=options, temporary=head.temporary, comment=comment)
    made.owner_session = session.shared if head.temporary else None
    done = session.account.catalog.formats.add(made, replace=head.replace, if_not_exists=head.if_not_exists)
    return created("File format", head.name.name, made=done)


@command("ALTER FILE FORMAT", proof=document("sql/alter-file-format"))
def alter_format(session: Session, parser: Parser) -> Result:
    """ALTER FILE FORMAT ... SET."""
    parser.expect("ALTER", "FILE", "FORMAT")
    parser.accept("IF", "EXISTS")
    found = session.account.catalog.formats.need(session.resolve(parser.parts()))
    parser.expect("SET")
    given = parser.options()
    found.comment = str(given.pop("COMMENT", found.comment))
    found.options = checked({**found.options, **given})
    parser.end()
    return status("Statement executed successfully.")


@command("DROP FILE FORMAT", proof=document("sql/drop-file-format"))
def drop_format(session: Session, parser: Parser) -> Result:
    """DROP FILE FORMAT [IF EXISTS]."""
    parser.expect("DROP", "FILE", "FORMAT")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.formats.drop(name, if_exists=if_exists)
    return dropped(name.name, found=found is not None)


@command("SHOW FILE FORMATS", reads=True, proof=document("sql/show-file-formats"))
def show_formats(session: Session, parser: Parser) -> Result:
    """SHOW FILE FORMATS."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "FILE", "FORMATS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "database_name", "schema_name", "type", "owner", "comment", "format_options", "owner_role_type"),
        "text",
    )
    rows = [
        (
            f.created_on,
            f.name.name,
            f.name.database,
            f.name.schema,
            f.options["TYPE"],
            OWNER,
            f.comment,
            json.dumps(f.options, default=str),
            "ROLE",
        )
        for f in session.account.catalog.formats
        if found.holds(f.name)
    ]
    return found.shown(columns, rows)


@command("DESCRIBE FILE FORMAT", "DESC FILE FORMAT", reads=True, proof=document("sql/desc-file-format"))
def describe_format(session: Session, parser: Parser) -> Result:
    """DESCRIBE FILE FORMAT."""
    parser.at = 3
    found = session.account.catalog.formats.need(session.resolve(parser.parts()))
    columns = dict.fromkeys(("property", "property_type", "property_value", "property_default"), "text")
    return of_rows(columns, [(k, "String", str(v), "") for k, v in sorted(found.options.items())])


def place(parser: Parser) -> str:
    """Take a location: @stage/path, a quoted one, a URL or a bound one."""
    token = parser.next()
    if token.kind in ("string", "dollars"):
        parser.at -= 1
        return parser.string()
    if token.kind in ("stage", "url"):
        text, end = token.text, token.end
    elif token.text == "?":
        return str(parser.bound())
    else:
        parser.at -= 1
        raise parser.wrong("expected a location, got")
    # a path may hold quoted names and signs that end a token
    while (
        (following := parser.peek()) is not None
        and following.start == end
        and following.text not in (";", "(", ")", ",")
    ):
        text, end = text + following.text, following.end
        parser.at += 1
    return text


def local(text: str) -> str:
    """The path of a file:// URL."""
    if not text.lower().startswith("file://"):
        raise SqlError(f"SQL compilation error:\n'{text}' is not a file URL", 1003, "42000")
    return text[7:]


@command("PUT", proof=document("sql/put"))
def put(session: Session, parser: Parser) -> Result:
    """PUT: tell the client where to write; without OVERWRITE files that are there stay as they are."""
    parser.expect("PUT")
    source, target = local(place(parser)), place(parser)
    options = parser.options()
    parser.end()
    where = locate(session, target, writes=True)
    folder = where.inside(where.path)
    if folder.is_file():
        raise SqlError(f"SQL compilation error:\n'{target}' is a file", 1003, "42000")
    compress, overwrite = bool(options.get("AUTO_COMPRESS", True)), bool(options.get("OVERWRITE", False))
    names = [Path(p).name for p in glob.glob(source)] or [Path(source).name]  # noqa: PTH207
    packed = (".gz", ".bz2", ".zst", ".parquet", ".snappy", ".br")
    finals = [n if not compress or n.endswith(packed) else f"{n}.gz" for n in names]
    there = [n for n in finals if (folder / n).is_file()]
    if there and not overwrite:
        if len(there) < len(finals):
            raise not_supported(
                "PUT without OVERWRITE of files of which some are there",
                "PUT the new ones by name, or set OVERWRITE = TRUE",
            )
        folder = session.account.folder / "skipped" / str(session.account.next_number())
    folder.mkdir(parents=True, exist_ok=True)
    upload = {
        "command": "UPLOAD", "src_locations": [source], "parallel": int(options.get("PARALLEL", 4)), "autoCompress": compress,
        "overwrite": overwrite, "sourceCompression": str(options.get("SOURCE_COMPRESSION", "auto_detect")).lower(),
        "stageInfo": {"locationType": "LOCAL_FS", "location": str(folder), "path": "", "creds": {}, "region": None,
            "endPoint": None},
        "uploadInfo": None, "threshold": 209715200, "statementTypeId": 0,
    }  # fmt: skip
    made = of_rows(dict.fromkeys(("source", "target", "source_size", "target_size", "source_compression",
        "target_compression", "status",
                                  "message"), "text"), [])  # fmt: skip
    made.extra["upload"] = upload
    return made


@command("GET", proof=document("sql/get"))
def get(session: Session, parser: Parser) -> Result:
    """GET: tell the client which files to fetch."""
    parser.expect("GET")
    source, target = place(parser), local(place(parser))
    options = parser.options()
    parser.end()
    where = locate(session, source)
    files = where.files(options.get("PATTERN"))
    exact = where.path.strip("/")
    if exact in files:
        files = [exact]
    elif exact and not exact.endswith("/"):
        files = [f for f in files if f.startswith(f"{exact}/")] or files
    made = of_rows(dict.fromkeys(("file", "size", "status", "message"), "text"), [])
    made.extra["upload"] = {
        "command": "DOWNLOAD", "src_locations": files, "localLocation": target, "parallel": int(options.get("PARALLEL", 10)),
        "stageInfo": {"locationType": "LOCAL_FS", "location": str(where.root), "path": "", "creds": {}},
        "encryptionMaterial": [], "presignedUrls": None, "threshold": 0, "operation": "Node", "statementTypeId": 0,
    }  # fmt: skip
    return made


@command("LIST", "LS", reads=True, proof=document("sql/list"))
def list_files(session: Session, parser: Parser) -> Result:
    """LIST a location."""
    parser.next()
    where = locate(session, place(parser))
    options = parser.options()
    parser.end()
    rows = [(f"{where.shown}{f}", *_facts(where, f)) for f in where.files(options.get("PATTERN"))]
    return of_rows({"name": "text", "size": "fixed", "md5": "text", "last_modified": "text"}, rows)


def facts_of(session: Session, stage: Stage) -> list[tuple[str, int, str, str]]:
    """Path, size, MD5 and date of the files of a stage."""
    where = locate(session, f"@{stage.name.sql}")
    return [(file, *_facts(where, file)) for file in where.files(None)]


def _facts(where: Location, file: str) -> tuple[int, str, str]:
    path = where.root / file
    changed = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with path.open("rb") as held:
        mark = hashlib.file_digest(held, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return path.stat().st_size, mark, changed


@command("REMOVE", "RM", proof=document("sql/remove"))
def remove(session: Session, parser: Parser) -> Result:
    """REMOVE the files of a location."""
    parser.next()
    where = locate(session, place(parser), writes=True)
    options = parser.options()
    parser.end()
    rows = []
    for file in where.files(options.get("PATTERN")):
        where.inside(file).unlink()
        rows.append((f"{where.shown}{file}", "removed"))
    return of_rows({"name": "text", "result": "text"}, rows)
