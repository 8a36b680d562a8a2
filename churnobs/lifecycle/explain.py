"""Who is about to leave, and which features say so."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from churnobs.display import Shown, html_table
from churnobs.errors import BadConfig, NotFound
from churnobs.expressions.datasets import KEY_TYPES, rows_at
from churnobs.expressions.render import Query

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.lifecycle.run import Lifecycle

REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class Risk(Shown):
    """One customer: the probability to leave, and the features that raise it most.

    Each reason is (feature, value, how much lower the probability would be with the typical value of active customers).
    """

    customer_id: str
    probability: float
    reasons: tuple[tuple[str, Any, float], ...]


@dataclass(frozen=True, slots=True)
class AtRisk(Shown):
    """The customers most likely to leave at one as-of, highest probability first."""

    as_of: dt.date
    version: str
    customers: tuple[Risk, ...]

    def to_pandas(self) -> pd.DataFrame:
        """CUSTOMER_ID, PROBABILITY, REASONS (text)."""
        import pandas as pd

        rows = [(r.customer_id, r.probability, _words(r)) for r in self.customers]
        return pd.DataFrame(rows, columns=["CUSTOMER_ID", "PROBABILITY", "REASONS"])

    def _repr_html_(self) -> str:
        rows = [(r.customer_id, r.probability, _words(r)) for r in self.customers]
        return html_table(("customer", "probability", "because"), rows, f"at risk on {self.as_of}, by {self.version}")


def _words(risk: Risk) -> str:
    return "; ".join(
        f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}" for name, value, _ in risk.reasons
    )


def customers_at_risk(loop: Lifecycle, n: int) -> AtRisk:
    """The n highest stored probabilities of the newest as-of, each explained by replacing one feature at a time.

    A feature's part is the drop of the probability when its value is replaced by the median (or most frequent value) of
    all active customers: it works for any model, and says what the model would answer, not what would happen.

    Raises:
        NotFound: no predictions are stored.
        BadConfig: n is below 1.
    """
    import pandas as pd

    if n < 1:
        raise BadConfig(f"at_risk of {n} customers", hint="give a number above 0")
    predicted = loop.predicted_as_ofs()
    if not predicted:
        raise NotFound("no predictions are stored yet", hint="run() until the first labels are final")
    engine, as_of = loop.backend.engine, predicted[-1]
    top = engine.read(
        f"SELECT CUSTOMER_KEY, CUSTOMER_ID, DEFAULT_VERSION, DEFAULT_PROBABILITY FROM PREDICTIONS "
        f"WHERE TIMESTAMP = CAST('{as_of}' AS TIMESTAMP) ORDER BY DEFAULT_PROBABILITY DESC, CUSTOMER_ID LIMIT {int(n)}"
    ).to_pandas()
    if top.empty:
        return AtRisk(as_of, "", ())
    record = loop.version(top["DEFAULT_VERSION"][0])
    columns = (*KEY_TYPES.items(), *loop.feature_columns())
    everybody = engine.read(Query(rows_at, ("FEATURES", columns, as_of))).to_pandas().set_index("CUSTOMER_KEY")
    features = list(record.features)
    rows = everybody.loc[top["CUSTOMER_KEY"], features].reset_index(drop=True)
    typical = {name: _typical(everybody[name]) for name in features}
    changed = pd.concat([rows.assign(**{name: typical[name]}) for name in features], ignore_index=True)
    model: Any = loop.backend.registry.load(record)
    column = list(model.classes_).index(1)
    now = model.predict_proba(rows)[:, column]
    other = model.predict_proba(changed.astype(rows.dtypes.to_dict()))[:, column].reshape(len(features), len(rows))
    customers = []
    for i, key in enumerate(top["CUSTOMER_ID"]):
        parts = sorted(((now[i] - other[f, i], name) for f, name in enumerate(features)), key=lambda p: (-p[0], p[1]))
        reasons = tuple((name, _plain(rows[name][i]), float(part)) for part, name in parts[:REASONS] if part > 0)
        customers.append(Risk(str(key), float(top["DEFAULT_PROBABILITY"][i]), reasons))
    return AtRisk(as_of, record.version_name, tuple(customers))


def _typical(values: pd.Series[Any]) -> Any:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        known = values.dropna()
        return float(known.median()) if len(known) else float("nan")
    modes = values.mode()
    return modes[0] if len(modes) else None


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
