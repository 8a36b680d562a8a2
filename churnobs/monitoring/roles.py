"""Which column of a monitored source plays which role, checked against Snowflake's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from churnobs.errors import BadConfig

if TYPE_CHECKING:
    from churnobs.records import ModelMonitorSourceConfig

FEATURES: Final = 500
SEGMENTS: Final = 5
_NUMBER: Final = ("int", "uint", "float", "decimal")
_WATCHED: Final = (*_NUMBER, "string", "boolean")


def features_of(source: ModelMonitorSourceConfig, columns: Mapping[str, str], task: str) -> tuple[str, ...]:
    """The source columns without a role that can be watched: numbers, strings and booleans.

    Args:
        source: the roles.
        columns: name -> Ibis type of the source.
        task: which types the predictions and actuals may have.

    Raises:
        BadConfig: a column is missing, has two roles or a wrong type, there is no prediction column or more than one, or
            there are more than 5 segment columns or 500 features.
    """
    roles = {
        "id": source.id_columns,
        "timestamp": (source.timestamp_column,),
        "prediction score": source.prediction_score_columns,
        "prediction class": source.prediction_class_columns,
        "actual score": source.actual_score_columns,
        "actual class": source.actual_class_columns,
        "segment": source.segment_columns,
        "custom metric": source.custom_metric_columns,
    }
    named = [column for names in roles.values() for column in names]
    for column in named:
        if column not in columns:
            raise BadConfig(
                f"column {column} does not exist in source {source.source}", hint=f"it has {', '.join(columns)}"
            )
        if named.count(column) > 1:
            raise BadConfig(f"column {column} has two roles", hint="a column appears in one parameter only")
    if not (source.prediction_score_columns or source.prediction_class_columns):
        raise BadConfig("a monitor needs a prediction column", hint="set prediction_class_columns or _score_columns")
    for role in ("prediction score", "prediction class", "actual score", "actual class"):
        if len(roles[role]) > 1:
            raise BadConfig(f"{len(roles[role])} {role} columns", hint="a monitor watches one output of a model")
    if len(source.segment_columns) > SEGMENTS:
        raise BadConfig(f"at most {SEGMENTS} segment columns", hint="leave some out")
    if not columns[source.timestamp_column].lstrip("!").startswith(("timestamp", "date")):
        raise BadConfig(f"{source.timestamp_column} is no timestamp", hint="cast it in a view")
    _check_types(source, columns, task)
    features = tuple(c for c, kind in columns.items() if c not in named and kind.lstrip("!").startswith(_WATCHED))
    if len(features) > FEATURES:
        raise BadConfig(f"{len(features)} features", hint=f"a monitor watches at most {FEATURES}; make a view of fewer")
    return features


def _check_types(source: ModelMonitorSourceConfig, columns: Mapping[str, str], task: str) -> None:
    classes = (*source.prediction_class_columns, *source.actual_class_columns)
    scores = (*source.prediction_score_columns, *source.actual_score_columns, *source.custom_metric_columns)
    multi = task == "TABULAR_MULTI_CLASSIFICATION"
    needed = [(c, ("string",) if multi else _NUMBER) for c in classes] + [(c, _NUMBER) for c in scores]
    needed += [(c, ("string",)) for c in source.segment_columns]
    for column, kinds in needed:
        if not columns[column].lstrip("!").startswith(kinds):
            wanted = "a text" if kinds == ("string",) else "a number"
            raise BadConfig(f"{column} is {columns[column]}, not {wanted}", hint="cast it in a view")


def watched_columns(source: ModelMonitorSourceConfig, features: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that drift and stat metrics may be asked of: features, predictions, actuals, segments, custom metrics."""
    return (
        *features,
        *source.prediction_score_columns,
        *source.prediction_class_columns,
        *source.actual_score_columns,
        *source.actual_class_columns,
        *source.segment_columns,
        *source.custom_metric_columns,
    )
