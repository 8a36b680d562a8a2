"""Who is about to leave, whom to call for the money, and which features say so."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from churnobs.display import Shown, html_table
from churnobs.errors import BadConfig, NotFound
from churnobs.expressions.customers import key_of
from churnobs.expressions.datasets import KEY_TYPES, commonest, medians, rows_of
from churnobs.expressions.portable import moment, table
from churnobs.expressions.render import Query
from churnobs.lifecycle.shapley import shap_values
from churnobs.lifecycle.value import Floats, Offer, Ranking
from churnobs.monitoring.state import kind_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from churnobs.lifecycle.run import Lifecycle

REASONS: Final = 3
# customers explained at once: each becomes a row a feature
_BLOCK: Final = 2_000
# customers who stand for everybody where a linear model is explained
_BACKGROUND: Final = 500
# a column's name and its type
Column = tuple[str, str]
_KEYS: Final = {"CUSTOMER_KEY": "int32", "TIMESTAMP": "timestamp(6)"}


@dataclass(frozen=True, slots=True)
class Risk(Shown):
    """One customer: the probability to leave, and the features that raise it most.

    Each reason is (feature, value, how much lower the probability would be with the typical value of active customers).
    ``value`` is what keeping the customer is worth and ``expected_value`` what a call is expected to bring after its
    cost, both None where the question had no money in it.
    """

    customer_id: str
    probability: float
    reasons: tuple[tuple[str, Any, float], ...]
    value: float | None = None
    expected_value: float | None = None


@dataclass(frozen=True, slots=True)
class AtRisk(Shown):
    """The customers to call at one as-of: highest probability first, or highest expected value where there is a value.

    Args:
        as_of, version: whose predictions.
        customers: whom to call.
        capacity: how many calls ``n`` and the budget allow; None for any number.
        expected_value: of all these calls together; None without a value.
        realised_as_of, realised_version: the newest as-of with final labels and what served then: the next two are what
            as many calls by the same rule would have found there, by the predictions stored then.
        precision_at_capacity: the share of those called who left; None where it is not known.
        lift_at_capacity: that over the share of all who left.
        unrealised: why one of the two is not known; else empty.
    """

    as_of: dt.date
    version: str
    customers: tuple[Risk, ...]
    capacity: int | None = None
    expected_value: float | None = None
    realised_as_of: dt.date | None = None
    realised_version: str | None = None
    precision_at_capacity: float | None = None
    lift_at_capacity: float | None = None
    unrealised: str = ""
    ranking: Ranking | None = field(default=None, repr=False, compare=False)

    def to_pandas(self) -> pd.DataFrame:
        """CUSTOMER_ID, PROBABILITY, with a value also VALUE and EXPECTED_VALUE, REASONS (text)."""
        import pandas as pd

        money = ["VALUE", "EXPECTED_VALUE"] if self.expected_value is not None else []
        return pd.DataFrame(self._rows(), columns=["CUSTOMER_ID", "PROBABILITY", *money, "REASONS"])

    def curve(self, points: int = 100) -> pd.DataFrame:
        """What calling more and more customers would have found at ``realised_as_of``, highest score first.

        Args:
            points: how many steps from none to all.

        Returns:
            CALLED_SHARE (of all customers with a final label), CALLED, PRECISION, RECALL, LIFT and NET_VALUE (what was
            saved less what the calls cost; NaN without a value). Equal scores count by expectation.

        Raises:
            NotFound: no as-of with stored predictions is final yet.
        """
        import pandas as pd

        if self.ranking is None:
            raise NotFound(f"there is no curve: {self.unrealised}", hint="run() until labels are final")
        rows = [
            (c.called / self.ranking.rows, c.called, c.precision, c.recall, c.lift, c.net_value)
            for c in self.ranking.curve(points)
        ]
        columns = ["CALLED_SHARE", "CALLED", "PRECISION", "RECALL", "LIFT", "NET_VALUE"]
        kinds = {name: "int64" if name == "CALLED" else "float64" for name in columns}
        return pd.DataFrame(rows, columns=columns).astype(kinds)

    def _rows(self) -> list[tuple[Any, ...]]:
        money = self.expected_value is not None
        return [
            (r.customer_id, r.probability, *((r.value, r.expected_value) if money else ()), _words(r))
            for r in self.customers
        ]

    def _repr_html_(self) -> str:
        money = ("value", "expected value") if self.expected_value is not None else ()
        caption = f"at risk on {self.as_of}, by {self.version}"
        return html_table(("customer", "probability", *money, "because"), self._rows(), caption)


def _words(risk: Risk) -> str:
    return "; ".join(
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}" for name, value, _ in risk.reasons
    )


def customers_at_risk(loop: Lifecycle, offer: Offer) -> AtRisk:
    """Whom to call at the newest as-of, by the stored probabilities of the default; each explained one feature at a time.

    A feature's part is the drop of the probability when its value is replaced by the median (or most frequent value) of
    all active customers: it works for any model, and says what the model would answer, not what would happen.

    Raises:
        NotFound: no predictions are stored.
        BadConfig: the value is no numeric feature column, or names no active customer.
    """
    predicted = loop.predicted()
    if not predicted:
        raise NotFound("no predictions are stored yet", hint="run() until the first labels are final")
    as_of, versions = predicted[-1]
    column = _value_column(loop, offer)
    stored = loop.backend.engine.read(Query(scores_at, (as_of, column, None if offer.priced else offer.capacity)))
    value = _values(offer, stored)
    if isinstance(offer.value, Mapping) and value is not None and len(value) and np.isnan(value).all():
        raise BadConfig(
            f"value names none of the {len(stored)} customers of {as_of}",
            hint="map CUSTOMER_ID to what keeping is worth",
        )
    scores = offer.scores(stored["PROBABILITY"].to_numpy(), value)
    called = offer.best(scores)
    money = [(None, None)] * len(called) if value is None else [(float(value[i]), float(scores[i])) for i in called]
    chosen = stored.select(["CUSTOMER_KEY", "CUSTOMER_ID", "PROBABILITY"]).take(called).to_pydict()
    reasons = _reasons(loop, as_of, versions["DEFAULT"], chosen["CUSTOMER_KEY"])
    customers = tuple(
        Risk(str(customer), probability, because, *priced)
        for customer, probability, because, priced in zip(
            chosen["CUSTOMER_ID"], chosen["PROBABILITY"], reasons, money, strict=True
        )
    )
    total = float(scores[called].sum()) if offer.priced else None
    return AtRisk(as_of, versions["DEFAULT"], customers, offer.capacity, total, **_realised(loop, offer, column))


def scores_at(as_of: dt.date, column: Column | None, most: int | None) -> ir.Table:
    """What was stored for one as-of, highest probability first, at most so many rows.

    Returns:
        CUSTOMER_KEY, CUSTOMER_ID, PROBABILITY of the default, and VALUE where there is a value column.
    """
    rows = _stored(as_of, column)
    rows = rows.filter(rows.PROBABILITY.notnull()).order_by(rows.PROBABILITY.desc(), rows.CUSTOMER_ID)
    return rows if most is None else rows.limit(most)


def outcomes_at(as_of: dt.date, column: Column | None, keep: tuple[str, ...]) -> ir.Table:
    """What was stored for one as-of, beside what came true.

    Returns:
        PROBABILITY of the default, CHURNED, VALUE where there is a value column, and the columns to keep.
    """
    final = table("LABELS", {**_KEYS, "CHURNED": "int64", "IS_FINAL": "boolean"})
    final = final.filter(moment(as_of) == final.TIMESTAMP, final.IS_FINAL).select("CUSTOMER_KEY", "CHURNED")
    money = () if column is None else ("VALUE",)
    return _stored(as_of, column).inner_join(final, "CUSTOMER_KEY").select("PROBABILITY", "CHURNED", *money, *keep)


def _stored(as_of: dt.date, column: Column | None) -> ir.Table:
    stored = table("PREDICTIONS", {**KEY_TYPES, "DEFAULT_PROBABILITY": "float64"})
    stored = stored.filter(moment(as_of) == stored.TIMESTAMP)
    stored = stored.select("CUSTOMER_KEY", "CUSTOMER_ID", PROBABILITY=stored.DEFAULT_PROBABILITY)
    if column is None:
        return stored
    name, kind = column
    features = table("FEATURES", {**_KEYS, name: kind})
    features = features.filter(moment(as_of) == features.TIMESTAMP)
    features = features.select("CUSTOMER_KEY", VALUE=features[name].cast("float64"))
    joined = stored.left_join(features, "CUSTOMER_KEY")
    return joined.select("CUSTOMER_KEY", "CUSTOMER_ID", "PROBABILITY", "VALUE")


def _value_column(loop: Lifecycle, offer: Offer) -> Column | None:
    """The feature column that holds the value; None where the value is no column."""
    if not isinstance(offer.value, str):
        return None
    numeric = {name: kind for name, kind in loop.feature_columns() if kind_of(kind) == "number"}
    for name in (offer.value, offer.value.upper()):
        if name in numeric:
            return name, numeric[name]
    raise BadConfig(f"value={offer.value!r} is no numeric feature column", hint=f"one of {', '.join(numeric)}")


def _values(offer: Offer, rows: pa.Table) -> Floats | None:
    """What keeping each customer is worth, NaN for those without; None where nothing has a price."""
    if offer.value is None:
        return None
    if isinstance(offer.value, str):
        values: Floats = rows["VALUE"].to_numpy().astype(np.float64)
        return values
    if isinstance(offer.value, Mapping):
        return np.array([offer.value.get(str(c), np.nan) for c in rows["CUSTOMER_ID"].to_pylist()], dtype=np.float64)
    return np.full(len(rows), offer.value, dtype=np.float64)


def _realised(loop: Lifecycle, offer: Offer, column: Column | None) -> dict[str, Any]:
    """What the same rule would have found at the newest as-of whose labels are final; the fields of AtRisk."""
    predicted, final = loop.predicted(), loop.final_as_ofs()
    found = [(as_of, versions["DEFAULT"]) for as_of, versions in predicted if as_of in final]
    if not found:
        first = predicted[0][0]
        closes = loop.config.label_rule.final_at(first)
        return {"unrealised": f"no as-of with predictions is final yet: the labels of {first} close on {closes}"}
    as_of, version = found[-1]
    keep = ("CUSTOMER_ID",) if isinstance(offer.value, Mapping) else ()
    rows = loop.backend.engine.read(Query(outcomes_at, (as_of, column, keep)))
    ranking = Ranking.of(offer, rows["PROBABILITY"].to_numpy(), rows["CHURNED"].to_numpy(), _values(offer, rows))
    met = ranking.at(ranking.worth if offer.capacity is None else min(offer.capacity, ranking.worth))
    why = ""
    if met.precision is None:
        why = "the budget pays for no call" if offer.capacity == 0 else f"nobody was worth a call at {as_of}"
    elif met.lift is None:
        why = f"nobody left after {as_of}"
    return {
        "realised_as_of": as_of,
        "realised_version": version,
        "precision_at_capacity": met.precision,
        "lift_at_capacity": met.lift,
        "unrealised": why,
        "ranking": ranking,
    }


def pushes(loop: Lifecycle, customer_ids: Sequence[str]) -> pd.DataFrame:
    """``Lifecycle.explain``."""
    import pandas as pd

    predicted = loop.predicted()
    if not predicted:
        raise NotFound("no predictions are stored yet", hint="run() until the first labels are final")
    as_of, versions = predicted[-1]
    record = loop.version(versions["DEFAULT"])
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    keys = {c: key for c in customer_ids for key in loop.backend.engine.read(Query(key_of, (str(c),)))[0].to_pylist()}
    found = loop.backend.engine.read(Query(rows_of, ("FEATURES", columns, as_of, tuple(keys.values())))).to_pandas()
    found = found.set_index("CUSTOMER_ID")
    missing = [c for c in customer_ids if c not in found.index]
    if missing:
        raise NotFound(
            f"{', '.join(map(str, missing[:3]))} {'was' if len(missing) == 1 else 'were'} no active customer on {as_of}",
            hint="at_risk() lists customers that are",
        )
    features = list(record.features)

    def background() -> pd.DataFrame:
        everybody = loop.backend.monitors.sample("FEATURES", _BACKGROUND, ("TIMESTAMP", as_of, as_of))
        sampled: pd.DataFrame = loop.backend.engine.read(everybody).to_pandas()
        return sampled[features]

    rows = found.loc[list(customer_ids), features].reset_index(drop=True)
    pushed = shap_values(loop.backend.registry.load(record), rows, background)
    return pd.DataFrame(
        {
            "CUSTOMER_ID": np.repeat(list(customer_ids), len(features)),
            "FEATURE": features * len(rows),
            "FEATURE_VALUE": [_plain(rows[name][i]) for i in range(len(rows)) for name in features],
            "SHAP_VALUE": pushed.values.ravel(),
            "BASE_VALUE": pushed.base,
            "UNIT": pushed.unit,
        }
    )


def _reasons(
    loop: Lifecycle, as_of: dt.date, version_name: str, keys: Sequence[int]
) -> list[tuple[tuple[str, Any, float], ...]]:
    """What raises each customer's probability most, in the order of the keys."""
    if not keys:
        return []
    record = loop.version(version_name)
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    # by name, so that equal parts have one order
    features = sorted(record.features)
    typical = _typical(loop, as_of, features)
    model: Any = loop.backend.registry.load(record)
    column = list(model.classes_).index(1)
    found = []
    for start in range(0, len(keys), _BLOCK):
        block = tuple(keys[start : start + _BLOCK])
        read = loop.backend.engine.read(Query(rows_of, ("FEATURES", columns, as_of, block))).to_pandas()
        rows = read.set_index("CUSTOMER_KEY").loc[list(block), list(record.features)].reset_index(drop=True)
        found += _block_reasons(rows, features, typical, lambda x: model.predict_proba(x)[:, column])
    return found


def _block_reasons(
    rows: pd.DataFrame, features: list[str], typical: Mapping[str, Any], score: Callable[[pd.DataFrame], Any]
) -> list[tuple[tuple[str, Any, float], ...]]:
    import pandas as pd

    changed = pd.concat([rows.assign(**{name: typical[name]}) for name in features], ignore_index=True)
    other = score(changed.astype(rows.dtypes.to_dict())).reshape(len(features), len(rows))
    parts = score(rows) - other
    order = np.argsort(-parts, axis=0, kind="stable")[:REASONS]
    return [
        tuple((features[f], _plain(rows[features[f]][i]), float(parts[f, i])) for f in order[:, i] if parts[f, i] > 0)
        for i in range(len(rows))
    ]


def _typical(loop: Lifecycle, as_of: dt.date, features: Sequence[str]) -> dict[str, Any]:
    """The median (or most frequent value) of each feature among the customers of an as-of."""
    kinds = dict(loop.feature_columns())
    numbers = tuple(name for name in features if kind_of(kinds[name]) == "number" or kinds[name] == "boolean")
    words = tuple(name for name in features if name not in numbers)
    found: dict[str, Any] = dict.fromkeys(words)
    if numbers:
        (row,) = loop.backend.engine.read(Query(medians, ("FEATURES", numbers, as_of))).to_pylist()
        found |= {name: math.nan if row[name] is None else float(row[name]) for name in numbers}
    if words:
        rows = loop.backend.engine.read(Query(commonest, ("FEATURES", words, as_of))).to_pylist()
        found |= {row["COLUMN_NAME"]: row["COLUMN_VALUE"] for row in rows}
    return found


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
