"""What people ask of a loop: reports, labels, performance, whom to call and why."""

from __future__ import annotations

import dataclasses
import datetime as dt
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from churnobs.errors import LabelsNotMature, NotFound
from churnobs.expressions.labels import LabelWindow, labels
from churnobs.expressions.render import Query
from churnobs.frame import Frame
from churnobs.lifecycle.cost import Cost, cost_of
from churnobs.lifecycle.explain import AtRisk, customers_at_risk, pushes
from churnobs.lifecycle.folds import Folds
from churnobs.lifecycle.history import MonthReports
from churnobs.lifecycle.report import MonthReport
from churnobs.lifecycle.steps import StepKind
from churnobs.lifecycle.value import Offer
from churnobs.months import Month
from churnobs.records import Measurement

if TYPE_CHECKING:
    import pandas as pd

    from churnobs.lifecycle.config import LifecycleConfig
    from churnobs.lifecycle.run import Lifecycle


class Asked(Folds):
    """A loop that answers."""

    config: LifecycleConfig

    @property
    @abstractmethod
    def _loop(self) -> Lifecycle:
        """The whole loop, for those who ask more of it."""

    def report(self, month: Month | str) -> MonthReport:
        """The report of a finished month; NotFound if it is not finished."""
        month = Month.parse(month) if isinstance(month, str) else month
        found = self.journal.result(month, StepKind.REPORT)
        if found is None:
            raise NotFound(f"month {month} is not finished", hint="run() finishes what is waiting")
        report = MonthReport.from_journal(found, self.journal.seconds(month), self.journal.statements(month))
        return dataclasses.replace(report, later=self.journal.corrections(str(month)))

    def history(self) -> MonthReports:
        """The reports of all finished months, oldest first, with what was corrected after each; shows itself in a notebook,
        and ``plot()`` draws it.
        """
        return MonthReports(self.report(month) for month in self.journal.finished())

    def cost(self, month: Month | str) -> Cost:
        """What a finished month has cost, as far as the engine tells; NotFound if it is not finished."""
        return cost_of(self._loop, self.report(month))

    def labels(self, as_of: dt.date) -> Frame:
        """The labels of an as-of by what the data say now: CHURNED is NULL and IS_FINAL false until the horizon is over."""
        through = max(self.as_ofs(), default=as_of)
        window = LabelWindow.of(as_of, through, self.config.label_rule)
        return Frame(self.backend.engine, Query(labels, (window,)).sql(self.backend.engine.dialect))

    def performance(self, as_of: dt.date) -> tuple[Measurement, ...]:
        """How base, default and challenger did at an as-of, from what they had stored then; empty where nothing was.

        Raises:
            LabelsNotMature: the labels of the as-of are not final yet.
            NotFound: there is no such as-of.
        """
        if as_of not in self.as_ofs():
            known = ", ".join(map(str, self.as_ofs())) or "none"
            raise NotFound(f"{as_of} is no as-of of this loop", hint=f"as-ofs: {known}")
        if as_of not in self.final_as_ofs():
            raise LabelsNotMature(
                f"the labels of {as_of} close on {self.config.label_rule.final_at(as_of)}, "
                f"the data reach {self.as_ofs()[-1]}",
                hint="look at drift now, and at performance after that date",
            )
        return tuple(m for month in self.journal.finished() for m in self.measured(month) if m.as_of == as_of)

    def at_risk(
        self,
        n: int | None = None,
        *,
        budget: float | None = None,
        value: float | str | Mapping[str, float] | None = None,
        cost: float | None = None,
        success: float = 1.0,
    ) -> AtRisk:
        """The active customers most likely to leave, or most worth a call, by the default model at the newest as-of.

        With a value they are ranked by what a call is expected to bring, probability * success * value - cost, and only
        those are called from whom a gain is expected. That is as good as the probabilities are; what they were worth on
        the newest final labels stands beside it, and in ``curve()``.

        Args:
            n: how many at most; None for as many as the budget pays for, or 10 without a budget.
            budget: what all calls may cost together, in the money of ``cost``.
            value: what keeping a customer is worth: a number, a numeric feature column such as
                "SUM_TOTAL_AMOUNT_PAST_3MM", or a mapping of CUSTOMER_ID; a customer without a value is not called.
            cost: of one call; None for nothing.
            success: the probability that a call keeps a customer who would have left.

        Raises:
            NotFound: no predictions are stored yet.
            BadConfig: an argument is out of range or decides nothing, or the value column is not there.
        """
        return customers_at_risk(self._loop, Offer(n, budget, value, cost, success))

    def explain(self, customer_ids: Sequence[str]) -> pd.DataFrame:
        """Which features push the newest score of customers up or down: SHAP values of the default model.

        Returns:
            CUSTOMER_ID, FEATURE, FEATURE_VALUE, SHAP_VALUE, BASE_VALUE and UNIT ("log odds"; "probability" of forests): the
            base value and a customer's SHAP values add up to the score.

        Raises:
            NotFound: no predictions are stored yet, or somebody is no active customer.
            NotSupported: the model is neither linear nor of trees.
        """
        return pushes(self._loop, customer_ids)
