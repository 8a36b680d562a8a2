"""The settings of a loop: what churn means, how to train, when to retrain."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from churnobs.alerts import Alert
from churnobs.codec import content_hash
from churnobs.display import Shown
from churnobs.errors import BadConfig
from churnobs.expressions.labels import ANCHORS, Anchor, LabelRule
from churnobs.expressions.portable import REFUNDS, Refunds
from churnobs.lifecycle.combined import RetrainPolicy
from churnobs.lifecycle.policies import DEFAULT_POLICY
from churnobs.lifecycle.promotion import PairedTest, PromotionRule
from churnobs.monitoring.roles import SEGMENTS
from churnobs.monitoring.settings import DriftSettings
from churnobs.months import CENTURY, whole_number
from churnobs.names import identifier, version_label
from churnobs.places import LOCAL, as_place
from churnobs.sentiment import SentimentModel, Vader

# features that drift by what they mean: every customer who stays grows older and buys more
GROWING: Final = ("TENURE_DAYS", "LIFETIME_ORDERS", "LIFETIME_SPEND")


@dataclass(frozen=True, slots=True)
class LifecycleConfig(Shown):
    """How a loop runs. The first block fixes what the stored numbers mean and cannot change within one database.

    Args:
        name: of the model; datasets and monitors are named after it.
        horizon_days: a customer who does not buy for so many days after T has churned.
        label_anchor: "as_of", or "last_purchase" (the demo notebook's variant, which leaks recency).
        active_within_days: who is still a customer at T: bought within so many days; None for all who ever bought.
        refunds: what a sale of a negative amount is: "reduce" (it is taken off what was spent, and is no order and no sign
            that a customer came back) or "orders" (a purchase like any other). A mapping's filter can leave such rows out.
        feature_views: your own views, each (name, version), joined to the built-in features.
        seed: of splits and training.
        sentiment: scores comments.
        policy: when a challenger is trained; by default after a drop, or when half a year went by without.
        promotion: when it takes over.
        trainer: a Trainer, a scikit-learn estimator or a callable (X, y) -> fitted estimator; None for the default.
        train_in: where it trains: "local", "procedure", ``InProcedure(...)`` or ``InJob(...)``; no part of the recipe.
        alerts: looked at every month; created and resumed when first seen, a later suspend is kept.
        drift: when the drift of a feature is an alarm; by default never that of tenure and of lifetime totals.
        segment_columns: text features (at most 5) by whose values monitors count too.
        sample_rows: about how many rows a version is fitted and backtested on at most, each; of more, a sample of customers
            is drawn for each as-of. None for all rows. Who takes over is always decided on all of the unseen half.
        keep_datasets: how many as-ofs to keep for training and backtests; older datasets are pruned.
        keep_versions: how many of the newest versions to keep beside base, default and former default.
    """

    name: str = "CHURN"
    horizon_days: int = 30
    label_anchor: Anchor = "as_of"
    active_within_days: int | None = 90
    refunds: Refunds = "reduce"
    feature_views: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    sentiment: SentimentModel = field(default_factory=Vader)
    policy: RetrainPolicy = DEFAULT_POLICY
    promotion: PromotionRule = field(default_factory=PairedTest)
    trainer: Any = None
    train_in: Any = LOCAL
    alerts: tuple[Alert, ...] = ()
    drift: DriftSettings = field(default_factory=lambda: DriftSettings(ignored=GROWING))
    segment_columns: tuple[str, ...] = ("CUSTOMER_SEGMENT",)
    sample_rows: int | None = 250_000
    keep_datasets: int = 12
    keep_versions: int = 6

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))
        object.__setattr__(self, "feature_views", tuple(map(_view, self.feature_views)))
        object.__setattr__(self, "train_in", as_place(self.train_in))
        alerts = self.alerts if isinstance(self.alerts, Iterable) else (self.alerts,)
        object.__setattr__(self, "alerts", tuple(alerts))
        segments: object = self.segment_columns
        if isinstance(segments, str):
            raise BadConfig("segment_columns is one text", hint=f"write segment_columns=({segments!r},)")
        object.__setattr__(self, "segment_columns", tuple(identifier(c) for c in self.segment_columns))
        if len(self.segment_columns) > SEGMENTS:
            raise BadConfig(f"{len(self.segment_columns)} segment columns", hint=f"at most {SEGMENTS}")
        if self.label_anchor not in ANCHORS:
            raise BadConfig(f"{self.label_anchor!r} is no label anchor", hint=f"one of {', '.join(ANCHORS)}")
        if self.refunds not in REFUNDS:
            raise BadConfig(f"{self.refunds!r} is no rule for refunds", hint=f"one of {', '.join(REFUNDS)}")
        for name in ("horizon_days", "active_within_days", "keep_datasets", "keep_versions", "sample_rows"):
            value = getattr(self, name)
            if value is not None or name not in {"active_within_days", "sample_rows"}:
                whole_number(name, value, *((1_000, 10**12) if name == "sample_rows" else (1, CENTURY)))
        whole_number("seed", self.seed, 0, 2**32 - 1)
        for name, kind in (("policy", RetrainPolicy), ("promotion", PromotionRule), ("sentiment", SentimentModel)):
            if not isinstance(getattr(self, name), kind):
                raise BadConfig(f"{name} is no {kind.__name__}", hint=f"it needs the methods of {kind.__name__}")
        for alert in self.alerts:
            if not isinstance(alert, Alert):
                raise BadConfig(
                    f"{alert!r} is no Alert", hint='for example Alert("low", Metric("F1_SCORE", below=0.7))'
                )
        if self.trainer is not None:
            from churnobs.training import as_trainer

            as_trainer(self.trainer)
        if len({alert.name for alert in self.alerts}) != len(self.alerts):
            raise BadConfig("two alerts have the same name", hint="name each once")

    @property
    def label_rule(self) -> LabelRule:
        """What churn means."""
        return LabelRule(self.horizon_days, self.label_anchor, self.refunds)

    @property
    def meaning(self) -> dict[str, Any]:
        """The settings that cannot change within one database."""
        return {
            "name": self.name,
            "horizon_days": self.horizon_days,
            "label_anchor": self.label_anchor,
            "active_within_days": self.active_within_days,
            "refunds": self.refunds,
            "feature_views": [list(view) for view in self.feature_views],
            "seed": self.seed,
            "sentiment": self.sentiment.name,
        }

    def replaced(self, **changes: Any) -> LifecycleConfig:
        """A copy with some settings changed."""
        return dataclasses.replace(self, **changes)

    def as_run(self, meaning: Mapping[str, Any] | None) -> LifecycleConfig:
        """A copy with the settings that a database was run with, as its journal keeps them; of the sentiment model it keeps
        the name alone.
        """
        known = {name: value for name, value in (meaning or {}).items() if name != "sentiment"}
        if "feature_views" in known:
            known["feature_views"] = tuple(map(tuple, known["feature_views"]))
        return self.replaced(**known)

    def key(self, *content: Any) -> str:
        """The content hash of a step: the settings that fix its meaning, and what it reads."""
        return content_hash(self.meaning, *content)[:16]


def _view(given: Any) -> tuple[str, str]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise BadConfig(f"{given!r} names no feature view", hint='write feature_views=(("NAME", "version"),)')
    return identifier(given[0]), version_label(given[1])
