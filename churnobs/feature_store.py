"""Entities, feature views, and point-in-time training sets; names and arguments as in snowflake-ml."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, final

import ibis.expr.types as ir

from churnobs.codec import content_hash
from churnobs.dataset import Dataset, dataset_table
from churnobs.errors import AlreadyExists, BadConfig, LeakFound, NotFound
from churnobs.expressions.point_in_time import View, join_at, known_rows
from churnobs.expressions.render import Query, Text, clip, to_sql, with_named
from churnobs.frame import Frame, free_name, quoted
from churnobs.months import days_before
from churnobs.names import version_label
from churnobs.records import DatasetVersion, Entity, FeatureView, identifier
from churnobs.tables import CLOCKS

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.ports import EnginePort, FeatureStorePort

Rows: TypeAlias = Frame | ir.Table | str | Text
_SPINE: Final = "CHURNOBS_SPINE"


class _Joined(NamedTuple):
    """A join: its text and columns, and where it has a timestamp, the as-ofs and how many rows there are."""

    query: str
    columns: tuple[str, ...]
    as_ofs: tuple[dt.date, ...]
    rows: int


@final
class FeatureStore:
    """Registers what features are, and joins them to a spine as they were known at each moment."""

    def __init__(self, engine: EnginePort, port: FeatureStorePort) -> None:
        self._engine = engine
        self._port = port

    def register_entity(self, entity: Entity) -> Entity:
        """Register an entity; one that is there already stays as it is, with a warning.

        Returns:
            The entity as it is registered.
        """
        for known in self._port.entities():
            if known.name == entity.name:
                if known != entity:
                    warnings.warn(f"entity {entity.name} is registered already; it stays as it is", stacklevel=2)
                return known
        self._port.put(entity)
        return entity

    def get_entity(self, name: str) -> Entity:
        """The entity of a name; NotFound if there is none."""
        for known in self._port.entities():
            if known.name == identifier(name):
                return known
        raise NotFound(f"cannot find entity {identifier(name)}", hint="list_entities() shows what is registered")

    def list_entities(self) -> pd.DataFrame:
        """All entities: NAME, JOIN_KEYS, DESC."""
        return _listed(
            ("NAME", "JOIN_KEYS", "DESC"), [(e.name, list(e.join_keys), e.desc) for e in self._port.entities()]
        )

    def delete_entity(self, name: str) -> None:
        """Delete an entity that no feature view uses."""
        entity = self.get_entity(name)
        users = [
            f"{v.name}/{v.version}" for v in self._port.feature_views() if entity.name in {e.name for e in v.entities}
        ]
        if users:
            raise BadConfig(
                f"cannot delete entity {entity.name}: feature views {', '.join(users)} use it",
                hint="delete_feature_view first",
            )
        self._port.remove(entity)

    def register_feature_view(self, feature_view: FeatureView, version: str, *, overwrite: bool = False) -> FeatureView:
        """Register a feature view under a version (case kept).

        One that is there already is returned as it is, with a warning, unless ``overwrite``.

        Raises:
            NotFound: an entity is not registered.
            BadConfig: the version is no name, a join key or the timestamp is not a column, the query is no single SELECT,
                or it reads a table whose rows have no known date.
        """
        version = version_label(version)
        for entity in feature_view.entities:
            self.get_entity(entity.name)
        for known in self._port.feature_views():
            if (known.name, known.version) == (feature_view.name, version) and not overwrite:
                warnings.warn(f"feature view {known.name}/{version} is registered already; it stays", stacklevel=2)
                return known
        query = self._sql(feature_view.feature_df)
        columns = self._engine.columns(query)
        if any(name != name.upper() for name in columns):
            # an unquoted name is upper case on Snowflake, and so it is here
            # both names are the engine's own words for its columns
            renamed = ", ".join(f"{quoted(name)} AS {quoted(name.upper())}" for name in columns)
            query = f"SELECT {renamed} FROM ({query}) AS q"
            columns = {name.upper(): kind for name, kind in columns.items()}
        for key in (*feature_view.join_keys, *filter(None, (feature_view.timestamp_col,))):
            if key not in columns:
                raise BadConfig(
                    f"feature view {feature_view.name} has no column {key}",
                    hint=f"its columns are {', '.join(columns)}",
                )
        features = tuple(c for c in columns if c not in {*feature_view.join_keys, feature_view.timestamp_col})
        registered = dataclasses.replace(feature_view, version=version, query=query, features=features, feature_df=None)
        self._clipped(registered, dt.date(2000, 1, 1))
        self._port.put(registered)
        return registered

    def get_feature_view(self, name: str, version: str) -> FeatureView:
        """A registered feature view; NotFound if there is none."""
        for known in self._port.feature_views():
            if known.name == identifier(name) and known.version == version:
                return known
        raise NotFound(
            f"failed to find feature view {identifier(name)}/{version}",
            hint="list_feature_views() shows what is registered",
        )

    def list_feature_views(
        self, *, entity_name: str | None = None, feature_view_name: str | None = None
    ) -> pd.DataFrame:
        """Feature views (of an entity, or whose name starts so): NAME, VERSION, ENTITIES, TIMESTAMP_COL, FEATURES, DESC."""
        rows = [
            (v.name, v.version, [e.name for e in v.entities], v.timestamp_col, list(v.features), v.desc)
            for v in self._port.feature_views()
            if (entity_name is None or identifier(entity_name) in {e.name for e in v.entities})
            and v.name.startswith((feature_view_name or "").upper())
        ]
        return _listed(("NAME", "VERSION", "ENTITIES", "TIMESTAMP_COL", "FEATURES", "DESC"), rows)

    def read_feature_view(self, feature_view: FeatureView | str, version: str | None = None) -> Frame:
        """All rows of a feature view as it is now, not clipped to any moment."""
        return Frame(self._engine, self._registered(feature_view, version).query)

    def delete_feature_view(self, feature_view: FeatureView | str, version: str | None = None) -> None:
        """Delete a feature view; datasets made of it stay."""
        self._port.remove(self._registered(feature_view, version))

    def retrieve_feature_values(
        self, spine_df: Rows, features: Sequence[FeatureView], *, spine_timestamp_col: str | None = None
    ) -> Frame:
        """Join features to a spine.

        With ``spine_timestamp_col`` each spine row meets what was known at its as-of (its timestamp's date); without, the
        views as they are now. Every spine row stays exactly one row, also when a view without a timestamp has several
        rows of its key (Snowflake would multiply the spine row).
        """
        return Frame(self._engine, self._joined(spine_df, features, spine_timestamp_col).query)

    def generate_training_set(
        self,
        spine_df: Rows,
        features: Sequence[FeatureView],
        *,
        spine_timestamp_col: str | None = None,
        spine_label_cols: Sequence[str] = (),
        exclude_columns: Sequence[str] = (),
        save_as: str | None = None,
    ) -> Frame:
        """A training set: the spine with its labels, then the features known at each row's as-of."""
        query, columns, *_ = self._joined(spine_df, features, spine_timestamp_col)
        missing = [c for c in (*exclude_columns, *spine_label_cols) if c.upper() not in columns]
        if missing:
            raise BadConfig(
                f"{', '.join(missing)} not in the training set", hint=f"its columns are {', '.join(columns)}"
            )
        kept = [c for c in columns if c not in {name.upper() for name in exclude_columns}]
        query = _select(kept, query)
        if save_as is None:
            return Frame(self._engine, query)
        name = free_name(self._engine, save_as, self._port.datasets())
        self._engine.write(name, query)
        return Frame(self._engine, f'SELECT * FROM "{name}"')

    def generate_dataset(
        self,
        name: str,
        spine_df: Rows,
        features: Sequence[FeatureView],
        *,
        version: str,
        spine_timestamp_col: str | None = None,
        spine_label_cols: Sequence[str] = (),
        exclude_columns: Sequence[str] = (),
        desc: str = "",
        content: str = "",
    ) -> Dataset:
        """Materialise a training set as an immutable dataset version (its name is case-sensitive).

        Raises:
            AlreadyExists: the version is there; versions never change.
        """
        dataset, version = identifier(name), version_label(version)
        if any((d.name, d.version) == (dataset, version) for d in self._port.datasets()):
            raise AlreadyExists(f"dataset {dataset} has a version {version}", hint="choose another version name")
        query, columns, as_ofs, rows = self._joined(spine_df, features, spine_timestamp_col)
        kept = [c for c in columns if c not in {x.upper() for x in exclude_columns}]
        sources = tuple(f"{v.name}/{v.version}" for v in features)
        draft = DatasetVersion(
            name=dataset,
            version=version,
            table=dataset_table(dataset, version),
            rows=rows,
            as_ofs=as_ofs,
            label_cols=tuple(identifier(c) for c in spine_label_cols),
            exclude_cols=tuple(identifier(c) for c in (spine_timestamp_col,) if c),
            sources=sources,
            content_hash=content_hash(content or query, sources, as_ofs),
            desc=desc,
        )
        return Dataset(self._engine, self._port, self._port.add_dataset(draft, _select(kept, query)))

    def load_dataset(self, name: str, version: str) -> Dataset:
        """A dataset version; NotFound if there is none."""
        for known in self._port.datasets():
            if (known.name, known.version) == (identifier(name), version):
                return Dataset(self._engine, self._port, known)
        raise NotFound(f"dataset {identifier(name)} has no version {version}", hint="datasets() lists what there is")

    def datasets(self, name: str | None = None) -> tuple[DatasetVersion, ...]:
        """All dataset versions (of one dataset), oldest first."""
        return tuple(d for d in self._port.datasets() if name is None or d.name == identifier(name))

    def load_feature_views_from_dataset(self, dataset: Dataset) -> list[FeatureView]:
        """The feature views a dataset version was made of, those that are still registered."""
        wanted = set(dataset.selected_version.sources)
        return [v for v in self._port.feature_views() if f"{v.name}/{v.version}" in wanted]

    def features_at(self, spine: Rows, features: Sequence[FeatureView], as_of: dt.date) -> str:
        """The query that joins features known at one as-of to every row of a spine."""
        return self._joined_at(self._sql(spine), self._engine.columns(self._sql(spine)), features, as_of)[0]

    def check_leakage(self, feature_view: FeatureView | str, as_of: dt.date, version: str | None = None) -> int:
        """Prove that a view reads nothing dated at or after an as-of, even when no one clips what it reads.

        churnobs clips every table a view reads, so its own training sets cannot leak. Read raw, as a static view on
        Snowflake is, a view may: by a window that looks ahead, or an average over all of history. This compares the two.

        Returns:
            The number of keys compared.

        Raises:
            LeakFound: a feature differs; the message names it and a key.
        """
        view = self._registered(feature_view, version)
        honest = self._by_key(view, self._clipped(view, as_of), as_of)
        raw = self._by_key(view, view.query, as_of)
        for key in {**honest, **raw}:
            seen, known = raw.get(key), honest.get(key)
            if seen is None or known is None:
                changed = "the presence"
            else:
                changed = next((c for c in view.features if _differ(seen[c], known[c])), "")
            if changed:
                raise LeakFound(
                    f"{view.name}/{view.version} at {as_of}: {changed} of {key} changes with rows dated then or later",
                    hint="filter its source rows by date, or compute it in a window that ends before the timestamp",
                )
        return len(honest)

    def _by_key(self, view: FeatureView, query: str, as_of: dt.date) -> dict[tuple[Any, ...], dict[str, Any]]:
        source = self._view(view, "CHURNOBS_VIEW", view.features, as_of)
        known = with_named(Query(known_rows, (source, as_of)).sql(self._engine.dialect), {"CHURNOBS_VIEW": query})
        return {tuple(row[k] for k in view.join_keys): row for row in self._engine.read(known).to_pylist()}

    def _registered(self, feature_view: FeatureView | str, version: str | None) -> FeatureView:
        if isinstance(feature_view, FeatureView):
            if feature_view.version is None:
                raise BadConfig(f"feature view {feature_view.name} has not been registered", hint="register it first")
            return feature_view
        if version is None:
            raise BadConfig(f"which version of {feature_view}?", hint="give version=")
        return self.get_feature_view(feature_view, version)

    def _sql(self, rows: Rows | Any) -> str:
        query = rows.query if isinstance(rows, Frame) else rows
        if isinstance(query, Text):
            return query.text
        if isinstance(query, ir.Table):
            return to_sql(query, self._engine.dialect)
        if isinstance(query, str):
            text = query.strip().rstrip(";").rstrip()
            # a comment at the end must not hide what comes after the query
            return f"{text}\n" if "--" in text.rpartition("\n")[2] else text
        raise BadConfig(
            f"{type(rows).__name__} is no query", hint="give workspace.sql(...), workspace.table(...) or an Ibis table"
        )

    def _clipped(self, view: FeatureView, as_of: dt.date) -> str:
        own: dict[str, tuple[str, str]] = {}
        for table, column in view.sources.items():
            # a source dated by the very column that says from when its rows were known
            known = view.known_at and identifier(column) == view.timestamp_col
            own[identifier(table)] = (identifier(column), "known" if known else "event")
        return clip(view.query, self._engine.dialect, {**CLOCKS, **own}, as_of)

    def _view(self, view: FeatureView, named: str, features: tuple[str, ...], as_of: dt.date | None) -> View:
        columns = tuple(self._engine.columns(view.query).items())
        oldest = None
        if view.ttl_days is not None and as_of is not None:
            # nothing is older than the first of all days
            oldest = days_before(as_of, min(view.ttl_days, (as_of - dt.date.min).days))
        return View(
            named,
            columns,
            view.join_keys,
            view.timestamp_col,
            view.known_at,
            features,
            oldest,
            view.unique,
            one_moment=view.known_at and view.ttl_days == 0 and as_of is not None,
        )

    def _joined(self, spine_df: Rows, features: Sequence[FeatureView], timestamp: str | None) -> _Joined:
        spine = self._sql(spine_df)
        columns = self._engine.columns(spine_df if isinstance(spine_df, Text) else spine)
        if not features:
            raise BadConfig("no feature views", hint="pass features=[...]")
        for view in features:
            missing = [key for key in self._registered(view, None).join_keys if key not in columns]
            if missing:
                raise BadConfig(f"the spine has no column {missing[0]}, a join key of {view.name}", hint="add it")
        if timestamp is None:
            return _Joined(*self._joined_at(spine, columns, features, None), (), 0)
        stamp = identifier(timestamp)
        if stamp not in columns:
            raise BadConfig(f"the spine has no column {stamp}", hint=f"its columns are {', '.join(columns)}")
        dates = self._engine.read(
            f'SELECT CAST("{stamp}" AS DATE) AS D, COUNT(*) AS N FROM ({spine}) AS s GROUP BY 1 ORDER BY 1'
        )
        try:
            as_ofs = tuple(value for value in dates["D"].to_pylist() if value is not None)
        except (OverflowError, ValueError) as error:
            raise BadConfig(
                f"{stamp} of the spine has a moment outside the years 1 to 9999", hint="leave such rows out"
            ) from error
        if not as_ofs:
            raise BadConfig("the spine has no row with a timestamp", hint="check the spine's query")
        wanted = [(f"""CAST("{stamp}" AS DATE) = CAST('{as_of}' AS DATE)""", as_of) for as_of in as_ofs]
        if dates["D"].null_count:
            # a row without a moment stays a row; nothing was known before time began
            wanted.append((f'"{stamp}" IS NULL', dt.date.min))
        parts = [
            self._joined_at(f"SELECT * FROM ({spine}) AS s WHERE {when}", columns, features, as_of)
            for when, as_of in wanted
        ]
        query = "\nUNION ALL\n".join(f"SELECT * FROM ({part}) AS p{i}" for i, (part, _) in enumerate(parts))
        # every row of the spine stays exactly one row
        return _Joined(query, parts[0][1], as_ofs, sum(dates["N"].to_pylist()))

    def _joined_at(
        self, spine: str, columns: Mapping[str, str], features: Sequence[FeatureView], as_of: dt.date | None
    ) -> tuple[str, tuple[str, ...]]:
        """The join at one as-of (without one, of the views as they are now), and its columns."""
        taken = set(columns)
        views, queries = [], {_SPINE: spine}
        for number, feature_view in enumerate(features):
            view = self._registered(feature_view, None)
            named = f"CHURNOBS_VIEW_{number}"
            queries[named] = view.query if as_of is None else self._clipped(view, as_of)
            clash = [name for name in view.features if name in taken and name not in columns]
            if clash:
                raise BadConfig(f"two feature views have a column {clash[0]}", hint="rename one")
            names = tuple(name for name in view.features if name not in columns)
            taken |= set(names)
            views.append(self._view(view, named, names, as_of))
        at = as_of or dt.date(9999, 12, 31)
        joined = Query(join_at, (_SPINE, tuple(columns.items()), tuple(views), at))
        return with_named(joined.sql(self._engine.dialect), queries), joined.names()


def _differ(one: Any, other: Any) -> bool:
    """Whether two values of a feature differ by more than the order in which an engine adds doubles up."""
    if isinstance(one, float) and isinstance(other, float):
        return not (math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(one) and math.isnan(other)))
    return bool(one != other)


def _select(columns: Sequence[str], query: str) -> str:
    return f"SELECT {', '.join(map(quoted, columns))} FROM ({query}) AS q"


def _listed(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([list(row) for row in rows], columns=list(header))
