"""What a lab run rests on, as records: sizes, what counts as wrong, what a customer is worth, what Snowflake charges."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from churnobs import BadConfig

R = TypeVar("R", bound="LabSettings | Money | Prices")


@dataclass(frozen=True, slots=True)
class Money:
    """What calling customers brings, in any one currency.

    A month's calls go to the ``capacity`` share of active customers with the highest scores. A call to a customer who would
    leave with probability p is expected to bring p x ``success`` x ``value`` - ``cost``; what is lost is what the same number
    of calls would have brought had the truth chosen whom to call, less that.
    """

    value: float = 60.0
    success: float = 0.3
    cost: float = 4.0
    capacity: float = 0.1


@dataclass(frozen=True, slots=True)
class Prices:
    """What a month is estimated to cost on Snowflake, in credits. Assumptions to be edited, not measurements.

    Attributes:
        credits_per_hour: Of the warehouse; 1 is an X-Small.
        month_seconds: That it runs for a month's files, features, labels, predictions and metrics.
        monitor_seconds: That refreshing the monitors takes a month.
        fit_seconds, fit_seconds_per_million_rows: Of each model trained.
        trial_seconds: Of each comparison of challenger, default and base.
        tokens_per_comment, credits_per_million_tokens: Of sentiment by Cortex.
    """

    credits_per_hour: float = 1.0
    month_seconds: float = 120.0
    monitor_seconds: float = 60.0
    fit_seconds: float = 60.0
    fit_seconds_per_million_rows: float = 120.0
    trial_seconds: float = 20.0
    tokens_per_comment: float = 40.0
    credits_per_million_tokens: float = 0.08

    def credits(self, *, months: int, fits: int, rows: int, trials: int, comments: int) -> float:
        """The credits of a run: so many months, models trained on so many rows in all, trials, and comments scored."""
        seconds = months * (self.month_seconds + self.monitor_seconds) + fits * self.fit_seconds
        seconds += rows / 1e6 * self.fit_seconds_per_million_rows + trials * self.trial_seconds
        tokens = comments * self.tokens_per_comment
        return seconds / 3600.0 * self.credits_per_hour + tokens / 1e6 * self.credits_per_million_tokens


@dataclass(frozen=True, slots=True)
class LabSettings:
    """The sizes of a lab and what its numbers mean.

    Attributes:
        customers: Active on average in each world.
        months: That each world lives.
        first_month: The first whose served truth AUC counts: the month after the first model.
        wrong_below: A challenger is wrong when training could not raise the served truth AUC by more.
        missed_above: A month without one is missed when training could have raised it by more.
        drift_draws: Of each null distribution behind a drift alarm.
        keep_datasets: As-ofs to train on, as in ``LifecycleConfig``.
        money, prices: See there.
    """

    customers: int = 2_000
    months: int = 18
    first_month: int = 4
    wrong_below: float = 0.005
    missed_above: float = 0.02
    drift_draws: int = 1_000
    keep_datasets: int = 12
    money: Money = field(default_factory=Money)
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        if self.customers < 1 or self.months < self.first_month or self.first_month < 1:
            raise BadConfig(
                f"a lab of {self.customers} customers and {self.months} months, counted from month {self.first_month}",
                hint="give customers, and at least as many months as the first that counts",
            )

    def sized(self, customers: int | None, months: int | None) -> LabSettings:
        """These settings with another size, where one is given."""
        return replace(self, customers=customers or self.customers, months=months or self.months)

    def read(self, path: Path) -> LabSettings:
        """These settings with what a TOML file says: keys of this record, and tables ``[money]`` and ``[prices]``.

        Raises:
            BadConfig: it cannot be read, or has a key that is no setting, or a value that is no number.
        """
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadConfig(f"cannot read {path}: {error}", hint="give a TOML file of lab settings") from error
        money, prices = found.pop("money", {}), found.pop("prices", {})
        own = _changed(self, found, path)
        return replace(own, money=_changed(self.money, money, path), prices=_changed(self.prices, prices, path))


def _changed(record: R, values: Any, path: Path) -> R:
    known = {f.name for f in fields(record)} - {"money", "prices"}
    for name, value in values.items() if isinstance(values, dict) else [(str(values), None)]:
        if name not in known:
            raise BadConfig(f"{path}: {name!r} is no setting of {type(record).__name__}", hint=", ".join(sorted(known)))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadConfig(f"{path}: {name} is {value!r}", hint="give a number")
    changed: R = replace(record, **values)
    return changed
