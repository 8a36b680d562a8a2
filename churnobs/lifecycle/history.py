"""The months of a loop together: what served, what would have, and what is only expected yet."""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from churnobs.errors import BadConfig
from churnobs.lifecycle.corrections import CORRECTED, REVISED, corrected_rows, revised_rows
from churnobs.lifecycle.page import html_fragment, html_page
from churnobs.lifecycle.points import METRICS, Point, points_of
from churnobs.lifecycle.report import MonthReport

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from churnobs.lifecycle.explain import AtRisk

MEASURED: Final = (
    "ROC_AUC", "RECENCY_AUC", "F1_SCORE", "TRIVIAL_F1", "RECENCY_F1", "PRECISION", "RECALL", "LOG_LOSS", "BASE_RATE",
)  # fmt: skip


class MonthReports(list[MonthReport]):
    """The reports of finished months, oldest first: a list that draws itself."""

    def to_pandas(self) -> pd.DataFrame:
        """One row a month: MONTH, AS_OF, STATUS, ACTION, REASON, DEFAULT_VERSION, PROVEN, ACTIVE, SCORED_AS_OF, and at that
        as-of ROC_AUC, BASE_ROC_AUC (had nobody retrained), RECENCY_AUC, F1_SCORE, TRIVIAL_F1, BASE_RATE.
        """
        import pandas as pd

        rows = []
        for report in self:
            served, base = report.performance("DEFAULT"), report.performance("BASE")
            rows.append(
                {
                    "MONTH": report.month,
                    "AS_OF": report.as_of,
                    "STATUS": report.status,
                    "ACTION": report.decision.action,
                    "REASON": report.decision.reason,
                    "DEFAULT_VERSION": report.decision.default_version,
                    "PROVEN": report.proven,
                    "ACTIVE": report.active,
                    "SCORED_AS_OF": report.scored_as_of,
                    "ROC_AUC": served["ROC_AUC"] if served else None,
                    "BASE_ROC_AUC": base["ROC_AUC"] if base else None,
                    **{
                        name: served[name] if served else None
                        for name in ("RECENCY_AUC", "F1_SCORE", "TRIVIAL_F1", "BASE_RATE")
                    },
                }
            )
        return pd.DataFrame(rows)

    def metrics(self) -> pd.DataFrame:
        """Every performance number on final labels beside its floors: AS_OF, ROLE, VERSION, ROWS, and one column each of
        ``MEASURED``; what ``churnobs metrics`` prints.
        """
        import pandas as pd

        measured = [m for report in self for m in report.measurements]
        rows = [(m.as_of, m.role, m.version, m.rows, *(m[name] for name in MEASURED)) for m in measured]
        return pd.DataFrame(rows, columns=["AS_OF", "ROLE", "VERSION", "ROWS", *MEASURED])

    def corrections(self) -> pd.DataFrame:
        """What people corrected: AFTER (the newest month that was finished then), KIND (ROLLBACK, REVISION, FORGET), WORDS."""
        import pandas as pd

        return pd.DataFrame(corrected_rows(self), columns=list(CORRECTED))

    def revised(self) -> pd.DataFrame:
        """The final numbers that restated files have changed, as reported and as revised, by the newest REVISION: the columns
        of ``REVISED``. What is reported stays.
        """
        import pandas as pd

        return pd.DataFrame(revised_rows(self), columns=list(REVISED))

    def points(self, metric: str = "ROC_AUC") -> pd.DataFrame:
        """What a chart of a metric shows: AS_OF, LINE, VERSION, VALUE, IS_FINAL, LOW, HIGH.

        LINE is "what served", "never retrained" (the first model), "challenger", a floor ("recency rule", "everyone
        churns"), or "base rate". A value that is not final is estimated, with its interval.

        Raises:
            BadConfig: no such metric.
        """
        import pandas as pd

        if metric not in METRICS:
            raise BadConfig(f"{metric!r} is no metric of the months", hint=f"one of {', '.join(METRICS)}")
        names = [field.name.upper() for field in fields(Point)]
        return pd.DataFrame([astuple(point) for point in points_of(self, metric)], columns=names)

    def plot(self, metric: str = "ROC_AUC") -> alt.LayerChart:
        """A chart of ``points``: needs altair (the extra ``dashboard``)."""
        from churnobs.charts import performance_chart

        return performance_chart(self, metric)

    def to_html(self, path: str | Path | None = None, *, title: str = "churnobs", risk: AtRisk | None = None) -> str:
        """The report as one static HTML page, without script or network; written to a file where a path is given."""
        text = html_page(self, risk, title)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __repr__(self) -> str:
        return f"MonthReports({', '.join(repr(report) for report in self)})"

    def _repr_html_(self) -> str:
        return html_fragment(self, None, "")
