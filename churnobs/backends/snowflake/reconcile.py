"""Native objects made what the records say: for whoever takes over from a run that died between a commit and what came after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from churnobs.alerts.alert import AlertRecord
from churnobs.backends.snowflake.catalog import Shelf
from churnobs.backends.snowflake.ddl import quoted
from churnobs.backends.snowflake.native import Native, clients, version_rows
from churnobs.backends.snowflake.native_alerts import NativeAlerts
from churnobs.backends.snowflake.native_features import NativeFeatures
from churnobs.backends.snowflake.native_models import NativeModels, json_metrics
from churnobs.backends.snowflake.native_monitors import NativeMonitors
from churnobs.dataset import dataset_table
from churnobs.errors import ChurnobsError
from churnobs.records import DatasetVersion, Entity, FeatureView, MonitorRecord, SetTags, VersionRecord

if TYPE_CHECKING:
    from typing import Any

    from churnobs.backends.snowflake.engine import SnowflakeEngine

_SYSTEM_ALIASES: Final = {"DEFAULT", "FIRST", "LAST"}


def reconcile(engine: SnowflakeEngine) -> tuple[str, ...]:
    """Make what is recorded and not there, and drop what is there and not recorded.

    Versions are dropped of models and datasets whose names churnobs has ever recorded; other objects only where churnobs
    itself had recorded them. What others made in the schema stays.

    Returns:
        What was done, in words; also what could not be made again.
    """
    return (*_features(engine), *_datasets(engine), *_models(engine), *_monitors(engine), *_alerts(engine))


def _features(engine: SnowflakeEngine) -> Iterator[str]:
    entities, views = Shelf(engine, "ENTITIES", Entity), Shelf(engine, "FEATURE_VIEWS", FeatureView)
    if not entities.ever():
        return
    native = NativeFeatures(engine)
    there, there_views = set(native.entities()), native.feature_views()
    known = {entity.name: entity for entity in entities.all()}
    known_views = {(view.name, view.version): view for view in views.all()}
    for entity in known.values():
        if entity.name not in there:
            native.register_entity(entity)
            yield f"registered entity {entity.name}"
    for key, view in known_views.items():
        if key not in there_views:
            native.register_view(view)
            yield f"registered feature view {key[0]}/{key[1]}"
    for name, version in sorted((views.ever() - known_views.keys()) & there_views):
        native.delete_view(name, version)
        yield f"deleted feature view {name}/{version}"
    for name in sorted({name for name, _ in entities.ever()} & there - known.keys()):
        native.delete_entity(name)
        yield f"deleted entity {name}"


def _datasets(engine: SnowflakeEngine) -> Iterator[str]:
    shelf, native = Shelf(engine, "DATASETS", DatasetVersion), NativeFeatures(engine)
    known = {(d.name, d.version): d for d in shelf.all()}
    for name in sorted({name for name, _ in shelf.ever()}):
        there = native.dataset_versions(name)
        for version in sorted(there - {v for n, v in known if n == name}):
            table = dataset_table(name, version)
            engine.ddl(f"DROP TABLE IF EXISTS {quoted(table)}", table)
            native.drop_dataset(name, version)
            yield f"dropped dataset {name}/{version}"
        for record in known.values():
            if record.name == name and record.version not in there:
                native.make_dataset(record)
                yield f"made dataset {name}/{record.version}"


def _models(engine: SnowflakeEngine) -> Iterator[str]:
    shelf, native = Shelf(engine, "MODEL_VERSIONS", VersionRecord), NativeModels(engine)
    records: list[VersionRecord] = shelf.all()
    names = sorted({name for name, _ in shelf.ever()})
    there = {name: version_rows(engine, name) for name in names}
    for record in records:
        if record.version_name in there[record.model_name]:
            continue
        one = f"version {record.model_name}/{record.version_name}"
        alike = (r for r in records if (r.artefact, r.features) == (record.artefact, record.features))
        source = next((r for r in alike if r.version_name in there[r.model_name]), None)
        if source is None:
            yield f"{one} is gone, and no other holds its artefact"
            continue
        native.copy(source, record)
        there[record.model_name] = version_rows(engine, record.model_name)
        yield f"copied {one} from {source.model_name}/{source.version_name}"
    for name in names:
        own = {r.version_name: r for r in records if r.model_name == name}
        default = next((r.version_name for r in own.values() if r.is_default), None)
        for version in list(there[name]):
            if version not in own:
                native.drop(name, version, default)
                yield f"dropped version {name}/{version}"
        rows = version_rows(engine, name)
        held = [(record, rows[record.version_name]) for record in own.values() if record.version_name in rows]
        # an alias that one version is to have may be another's still
        wrong = [record for record, row in held if _free_alias(native, record, row)]
        for record, row in held:
            yield from _version(native, record, row, alias=record in wrong)
        yield from _tags(engine, native, name, bool(own))


def _free_alias(native: NativeModels, record: VersionRecord, row: dict[str, Any]) -> bool:
    """Take away an alias that a version is not to have; whether its alias is another than recorded."""
    found = [alias for alias in json.loads(row["aliases"] or "[]") if alias not in _SYSTEM_ALIASES]
    wrong = found != ([record.alias] if record.alias else [])
    if wrong and found:
        native.set_alias(record.model_name, record.version_name, None, found[0])
    return wrong


def _version(native: NativeModels, record: VersionRecord, row: dict[str, Any], *, alias: bool) -> Iterator[str]:
    model, version = record.model_name, record.version_name
    if record.is_default and str(row["is_default_version"]).lower() != "true":
        native.set_default(model, version)
        yield f"made {model}/{version} the default"
    if alias:
        native.set_alias(model, version, record.alias, None)
        yield f"set the alias of {model}/{version}"
    if (row["comment"] or "") != record.comment:
        native.set_comment(model, version, record.comment)
        yield f"set the comment of {model}/{version}"
    if json.loads(row["metadata"] or "{}").get("metrics", {}) != json_metrics(record.metrics):
        native.set_metrics(model, version, record.metrics)
        yield f"set the metrics of {model}/{version}"


def _tags(engine: SnowflakeEngine, native: NativeModels, model: str, alive: bool) -> Iterator[str]:  # noqa: FBT001
    shelf = Shelf(engine, "MODEL_TAGS", SetTags)
    if not alive or (model, "") not in shelf.ever():
        return
    kept: SetTags | None = shelf.get(model, "")
    wanted = dict(kept.tags) if kept else {}
    doors = Native.of(engine)
    with clients():
        shown = doors.registry.get_model(quoted(model)).show_tags()
    found = {}
    for full, value in shown.items():
        *place, name = (part.strip('"') for part in full.split("."))
        if place == [doors.database, doors.schema]:
            found[name] = str(value)
    if found != wanted:
        native.set_tags(model, wanted, found)
        yield f"set the tags of {model}"


def _monitors(engine: SnowflakeEngine) -> Iterator[str]:
    shelf, native = Shelf(engine, "MONITORS", MonitorRecord), NativeMonitors(engine)
    known: dict[str, MonitorRecord] = {m.name: m for m in shelf.all() if m.version_name}
    ever = {name for name, _ in shelf.ever()}
    if not ever:
        return
    there = native.shown()
    for name, record in known.items():
        if name not in there:
            native.follow(record, None)
            yield f"made monitor {name}"
        elif (there[name]["monitor_state"] == "SUSPENDED") != (record.state == "SUSPENDED"):
            native.set_state(name, record.state)
            yield f"made monitor {name} {record.state}"
    for name in sorted((ever - known.keys()) & there.keys()):
        native.drop(name)
        yield f"dropped monitor {name}"


def _alerts(engine: SnowflakeEngine) -> Iterator[str]:
    """Alerts are for people: one that Snowflake refuses is told of, and stops nothing."""
    shelf, native = Shelf(engine, "ALERTS", AlertRecord), NativeAlerts(engine)
    known: dict[str, AlertRecord] = {alert.name: alert for alert in shelf.all()}
    ever = {name for name, _ in shelf.ever()}
    if not ever:
        return
    try:
        there = native.shown()
        for name, record in known.items():
            if name not in there or native.differs(record, there[name]):
                native.follow(record, None)
                yield f"made alert {name}"
            elif there[name]["state"] != record.state:
                native.set_state(name, record.state)
                yield f"made alert {name} {record.state}"
        for name in sorted((ever - known.keys()) & there.keys()):
            native.drop(name)
            yield f"dropped alert {name}"
    except ChurnobsError as error:
        yield f"the native alerts are not as recorded: {error}"
