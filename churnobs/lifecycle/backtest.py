"""What a policy would have said in months that are over: they are read, and nothing of them is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from churnobs.display import html_table
from churnobs.errors import BadConfig
from churnobs.lifecycle.combined import RetrainPolicy
from churnobs.lifecycle.decisions import History, Keep, Retrain
from churnobs.lifecycle.report import MonthReport

if TYPE_CHECKING:
    import pandas as pd

_NOT_ASKED = frozenset({"wait", "first_model"})
_ALERTED = "asked for by alert"


class HasHistory(Protocol):
    """A ``Lifecycle``, or whatever else gives the reports of its months."""

    def history(self) -> Sequence[MonthReport]:
        """The reports of all finished months, oldest first."""


Replayable = HasHistory | Sequence[MonthReport]


@dataclass(frozen=True, slots=True)
class ReplayedMonth:
    """One month: what was decided then, and what the policy says to the same history.

    Args:
        month: which.
        live: whether a challenger was called for; None in a month in which no policy was asked (it waited, or trained the
            first model).
        says: whether the policy calls for one; None where it was not asked.
        reason: why, in words.
        by_alert: whether the challenger was called for by an alert, whatever the policy said.
    """

    month: str
    live: bool | None
    says: bool | None
    reason: str
    by_alert: bool = False

    @property
    def same(self) -> bool:
        """Whether both say the same; a month that an alert decided tells nothing of its policy."""
        return self.by_alert or self.live == self.says


class Backtest(list[ReplayedMonth]):
    """The months that were replayed, oldest first.

    Each answer is to what had happened by then: the scores that a model would have had after another decision are not known,
    so a month after the first difference tells what the policy makes of the loop as it was. A simulated world says more
    (``python -m simulations lab``).
    """

    @property
    def same(self) -> bool:
        """Whether the policy says in every month what was decided."""
        return all(month.same for month in self)

    @property
    def retrains(self) -> int:
        """In how many months the policy calls for a challenger."""
        return sum(bool(month.says) for month in self)

    def to_pandas(self) -> pd.DataFrame:
        """One row a month: MONTH, LIVE, SAYS, REASON, SAME."""
        import pandas as pd

        rows = [(m.month, m.live, m.says, m.reason, m.same) for m in self]
        return pd.DataFrame(rows, columns=["MONTH", "LIVE", "SAYS", "REASON", "SAME"])

    def __repr__(self) -> str:
        live = sum(bool(month.live) for month in self)
        return f"Backtest({len(self)} months, {self.retrains} challengers called for, {live} then)"

    def _repr_html_(self) -> str:
        rows = [(m.month, _words(m.live), _words(m.says), m.reason) for m in self]
        return html_table(("month", "then", "this policy", "because"), rows)


def _words(said: bool | None) -> str:  # noqa: FBT001
    return "" if said is None else ("retrain" if said else "keep")


def backtest(policy: RetrainPolicy, history: Replayable) -> Backtest:
    """Ask a policy in every finished month of a loop what it makes of what was known then.

    The policy that ran says the same month for month. Estimates are those that were made for a policy that needs them;
    of months that another policy decided, those of the report where the default model did not change.

    Args:
        policy: any object with ``decide(history)``.
        history: a ``Lifecycle``, or its reports, oldest first.

    Raises:
        BadConfig: it is no policy, or it answers something else than Keep or Retrain.
    """
    if not isinstance(policy, RetrainPolicy):
        raise BadConfig(f"{policy!r} is no policy", hint="give an object with decide(history)")
    reports: Sequence[MonthReport] = history if isinstance(history, Sequence) else history.history()
    found = Backtest()
    for number, report in enumerate(reports):
        decision = report.decision
        if decision.action in _NOT_ASKED:
            found.append(ReplayedMonth(report.month, None, None, decision.reason))
            continue
        answer: Any = policy.decide(_history(reports[:number], report))
        if not isinstance(answer, Keep | Retrain):
            raise BadConfig(f"the policy answered {answer!r}", hint="return Keep(reason) or Retrain(reason)")
        alerted = decision.reason.startswith(_ALERTED)
        retrain = isinstance(answer, Retrain)
        found.append(ReplayedMonth(report.month, decision.retrain, retrain, answer.reason, alerted))
    return found


def _history(before: Sequence[MonthReport], now: MonthReport) -> History:
    """What a policy could look at in a month: its own decision is not there yet."""
    foreseen, trusted = now.foreseen, now.trusted
    last = before[-1].decision.default_version if before else None
    if not foreseen and now.decision.default_version == last:
        foreseen = now.estimates
    return History(
        measurements=tuple(m for report in (*before, now) for m in report.measurements),
        decisions=tuple(report.decision for report in before),
        drift=now.drift,
        month=now.month,
        alarms=now.alarms,
        estimates=_known(foreseen),
        trusted=trusted,
    )


def _known(estimates: Mapping[str, Any]) -> dict[str, Any]:
    return {metric: tuple(values) for metric, values in estimates.items()}
