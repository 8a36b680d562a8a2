"""The peer in pandas: the features as the usual program computes them: merge, masks and groupby on frames in memory."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

WINDOWS: Final = {
    "7D": pd.DateOffset(days=7),
    "1MM": pd.DateOffset(months=1),
    "2MM": pd.DateOffset(months=2),
    "3MM": pd.DateOffset(months=3),
}
DEPTHS: Final = (2, 3, 4)
ATTRIBUTES: Final = ("AGE", "CUSTOMER_SEGMENT", "GENDER", "LOCATION")


def customer_features(
    sales: pd.DataFrame, feedback: pd.DataFrame, customers: pd.DataFrame, as_of: dt.date, *, by: str = "CUSTOMER_KEY"
) -> pd.DataFrame:
    """One row a customer who bought in the 90 days before the as-of.

    Args:
        sales: ``by``, TRANSACTION_DATE (datetime64) and TOTAL_AMOUNT (float64).
        feedback: ``by``, CHAT_DATE (datetime64), INTERNAL_ID, FEEDBACK_ID and SENTIMENT (float64).
        customers: ``by``, SIGNUP_DATE (datetime64) and ATTRIBUTES.
        as_of: T; rows dated T or later are left out.
        by: the column that says who.
    """
    moment = pd.Timestamp(as_of)
    sales = sales[sales["TRANSACTION_DATE"] < moment]
    frame = (
        sales.groupby(by)
        .agg(
            LAST_PURCHASE_DATE=("TRANSACTION_DATE", "max"),
            FIRST=("TRANSACTION_DATE", "min"),
            LIFETIME_ORDERS=("TRANSACTION_DATE", "size"),
            LIFETIME_SPEND=("TOTAL_AMOUNT", "sum"),
        )
        .reset_index()
    )
    frame = frame[frame["LAST_PURCHASE_DATE"] >= moment - pd.DateOffset(days=90)]
    frame["DAYS_SINCE_LAST_PURCHASE"] = (moment - frame["LAST_PURCHASE_DATE"]).dt.days
    frame["TENURE_DAYS"] = (moment - frame["FIRST"]).dt.days
    span = (frame["LAST_PURCHASE_DATE"] - frame["FIRST"]).dt.days
    frame["MEAN_GAP_DAYS"] = (span / (frame["LIFETIME_ORDERS"] - 1).replace(0, np.nan)).fillna(0.0)
    frame["PURCHASE_RATE"] = frame["LIFETIME_ORDERS"] / frame["TENURE_DAYS"]
    gap = frame["MEAN_GAP_DAYS"].replace(0.0, np.nan)
    frame["RECENCY_OVER_MEAN_GAP"] = (frame["DAYS_SINCE_LAST_PURCHASE"] / gap).fillna(0.0)
    for window, length in WINDOWS.items():
        inside = sales[sales["TRANSACTION_DATE"] >= moment - length]
        sums = inside.groupby(by)["TOTAL_AMOUNT"].agg(["sum", "size"]).reset_index()
        sums.columns = pd.Index([by, f"SUM_TOTAL_AMOUNT_PAST_{window}", f"COUNT_ORDERS_PAST_{window}"])
        frame = frame.merge(sums, on=by, how="left")
    known = feedback[(feedback["CHAT_DATE"] < moment) & feedback["SENTIMENT"].notna()]
    known = known.sort_values([by, "CHAT_DATE", "INTERNAL_ID", "FEEDBACK_ID"], ascending=False)
    position = known.groupby(by).cumcount()
    for depth in DEPTHS:
        felt = known[position < depth].groupby(by)["SENTIMENT"].agg(["min", "mean"]).reset_index()
        felt.columns = pd.Index([by, f"SENTIMENT_MIN_{depth}", f"SENTIMENT_AVG_{depth}"])
        frame = frame.merge(felt, on=by, how="left")
    zero = [name for name in frame.columns if name.startswith(("SUM_", "COUNT_", "SENTIMENT_"))]
    frame[zero] = frame[zero].fillna(0)
    signed_up = customers[customers["SIGNUP_DATE"].isna() | (customers["SIGNUP_DATE"] < moment)]
    frame = frame.merge(signed_up[[by, *ATTRIBUTES]], on=by, how="left")
    frame["TIMESTAMP"] = moment
    return frame.drop(columns="FIRST")
