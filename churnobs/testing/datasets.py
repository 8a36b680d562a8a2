"""Datasets: immutable Parquet snapshots by version, read through snow:// locations and signed URLs."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from churnobs.testing import queries
from churnobs.testing.catalog import OWNER, Object
from churnobs.testing.failures import SqlError, exists, not_supported
from churnobs.testing.lexer import Parser
from churnobs.testing.locations import SNOW, Location, locate
from churnobs.testing.names import Name, like, split_name
from churnobs.testing.proof import client_source, document
from churnobs.testing.results import Result, now, of_rows, status
from churnobs.testing.rewriting import Rewriter, scalar
from churnobs.testing.role_rules import need
from churnobs.testing.session import Session
from churnobs.testing.statements import command, creation, dropped
from churnobs.testing.trees import value_of


@dataclass(slots=True)
class DatasetVersion:
    """One snapshot."""

    name: str
    comment: str
    metadata: str
    sources: set[Name]
    created_on: dt.datetime = field(default_factory=now)


@dataclass(slots=True, kw_only=True)
class Dataset(Object):
    """A dataset and its versions."""

    folder: Path
    versions: dict[str, DatasetVersion] = field(default_factory=dict)


def dataset_of(session: Session, name: Name) -> Dataset:
    """The dataset of that name, or the error that the client knows."""
    found: Dataset | None = session.account.catalog.shelf("Dataset").get(name)
    if found is None:
        raise SqlError(f"SQL compilation error:\nDataset '{name}' does not exist or not authorized.", 2043, "02000")
    need(session, ("USAGE", "READ"), ("DATASET",), name)
    return found


@command("CREATE DATASET", proof=document("sql/create-dataset"))
def create(session: Session, parser: Parser) -> Result:
    """CREATE DATASET [IF NOT EXISTS]."""
    head = creation(session, parser, "DATASET")
    parser.end()
    shelf = session.account.catalog.shelf("Dataset")
    if shelf.get(head.name) is not None:
        if head.if_not_exists:
            return status(f"{head.name.name} already exists, statement succeeded.")
        if not head.replace:
            raise exists("Dataset", head.name)
    folder = session.account.folder / "datasets" / str(session.account.next_number())
    folder.mkdir(parents=True)
    shelf.add(Dataset(name=head.name, folder=folder), replace=True)
    return status(f"Dataset {head.name.name} successfully created.")


@command("ALTER DATASET", proof=document("sql/alter-dataset"))
def alter(session: Session, parser: Parser) -> Result:
    """ALTER DATASET: ADD VERSION FROM (query), DROP VERSION."""
    parser.expect("ALTER", "DATASET")
    parser.accept("IF", "EXISTS")
    dataset = dataset_of(session, session.resolve(parser.parts()))
    if parser.accept("DROP", "VERSION"):
        version = parser.string()
        if version not in dataset.versions:
            raise SqlError(f"Dataset version '{version}' does not exist.", 399012, "02000")
        del dataset.versions[version]
        shutil.rmtree(_folder(dataset, version), ignore_errors=True)
        return status("Statement executed successfully.")
    if not parser.accept("ADD", "VERSION"):
        raise not_supported("this ALTER DATASET", "add or drop a version")
    version = parser.string()
    parser.expect("FROM")
    query = parser.group()
    if parser.accept("PARTITION", "BY"):
        raise not_supported("ALTER DATASET ... PARTITION BY", "leave partition_by out")
    options = parser.options()
    parser.end()
    if version in dataset.versions:
        raise SqlError(f"Dataset version '{version}' already exists.", 399020, "42710")
    rewriter = Rewriter(session, parser.bindings, describe_only=False)
    try:
        found = queries.select(session, queries.parse(query), rewriter, describe_only=False)
        sources = set(rewriter.sources)
    finally:
        rewriter.release()
    folder = _folder(dataset, version)
    folder.mkdir(parents=True)
    pq.write_table(_plain(found), folder / "data_0_0_0.snappy.parquet")
    dataset.versions[version] = DatasetVersion(
        version,
        str(options.get("COMMENT", "")),
        str(options.get("METADATA", "")),
        sources,
        session.account.clock.now(),
    )
    return status("Statement executed successfully.")


def _plain(found: Result) -> pa.Table:
    arrays = []
    for held in found.table.columns:
        kind = held.type
        if pa.types.is_decimal(kind):
            arrays.append(held.cast(pa.int64() if kind.scale == 0 else pa.float64()))
        else:
            arrays.append(held.cast(pa.string()) if pa.types.is_null(kind) else held)
    return pa.Table.from_arrays(arrays, names=[c.name for c in found.columns])


def _folder(dataset: Dataset, version: str) -> Path:
    if "/" in version or version in ("", ".", ".."):
        raise SqlError(f"Invalid dataset version '{version}'", 399021, "42601")
    return dataset.folder / version


def versions(session: Session, name: Name, pattern: str) -> Result:
    """SHOW VERSIONS IN DATASET."""
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("version", "database_name", "schema_name", "dataset_name", "comment", "metadata"), "text"
    )
    rows = [
        (v.created_on, v.name, name.database, name.schema, name.name, v.comment, v.metadata)
        for v in dataset_of(session, name).versions.values()
        if like(pattern, v.name)
    ]
    return of_rows(columns, rows)


@command("SHOW DATASETS", reads=True, proof=document("sql/show-datasets"))
def show(session: Session, parser: Parser) -> Result:
    """SHOW DATASETS."""
    from churnobs.testing.show import filters

    parser.expect("SHOW", "DATASETS")
    found = filters(session, parser)
    columns = {"created_on": "timestamp_ltz"} | dict.fromkeys(
        ("name", "database_name", "schema_name", "owner", "comment", "versions"), "text"
    )
    rows = [
        (d.created_on, d.name.name, d.name.database, d.name.schema, OWNER, d.comment, str(list(d.versions)))
        for d in session.account.catalog.shelf("Dataset")
        if found.holds(d.name)
    ]
    return found.shown(columns, rows)


@command("DROP DATASET", proof=client_source("ml/dataset/dataset.py"))
def drop(session: Session, parser: Parser) -> Result:
    """DROP DATASET [IF EXISTS]."""
    parser.expect("DROP", "DATASET")
    if_exists = parser.accept("IF", "EXISTS")
    name = session.resolve(parser.parts())
    found = session.account.catalog.shelf("Dataset").drop(name, if_exists=if_exists)
    if found is not None:
        shutil.rmtree(found.folder, ignore_errors=True)
    return dropped(name.name, found=found is not None)


def _location(session: Session, rest: str) -> Location:
    """snow://dataset/name/versions/v/path."""
    name, _, path = rest.partition("/versions/")
    version, _, inner = path.strip("/").partition("/")
    dataset = dataset_of(session, session.resolve(split_name(name)))
    version = version.strip('"')
    if version not in dataset.versions:
        raise SqlError(f"Dataset version '{version}' does not exist.", 399012, "02000")
    return Location(_folder(dataset, version), inner, f"versions/{version}/")


SNOW["dataset"] = _location


@scalar("GET_PRESIGNED_URL", proof=document("functions/get_presigned_url"))
def presigned(rewriter: Rewriter, args: list[Any], _named: dict[str, Any]) -> exp.Expr:
    """GET_PRESIGNED_URL(stage, path [, seconds]): a signed URL of this server."""
    from churnobs.testing.http import sign

    session = rewriter.session
    first = args[0].name if isinstance(args[0], exp.Literal) else f"@{args[0].sql(dialect='snowflake').lstrip('$@')}"
    where = locate(session, first)
    path = str(rewriter.evaluate(args[1]))
    seconds = float(rewriter.evaluate(args[2])) if len(args) > 2 else 3600.0
    target = where.inside(f"{where.path.strip('/')}/{path}" if where.path.strip("/") else path)
    if not target.is_file():
        raise SqlError(f"Remote file '{path}' was not found.", 91016, "22000")
    return value_of(sign(session.account, target.relative_to(session.account.folder).as_posix(), seconds))
