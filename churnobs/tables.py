"""The workspace's tables: names and column types, the same on every backend.

Types are Ibis type strings. Amounts and sentiment are DECIMAL so that a sum does not depend on the order of its terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

AMOUNT: Final = "decimal(18, 4)"
SENTIMENT: Final = "decimal(5, 4)"

Columns = Mapping[str, str]

# under this name the features are counted, once for the loop and all its monitors
FEATURES_SUBJECT: Final = "FEATURES"

SALES: Final[Columns] = {
    "TRANSACTION_ID": "string",
    "CUSTOMER_ID": "string",
    "TRANSACTION_DATE": "date",
    "DISCOUNT_APPLIED": "boolean",
    "NUM_ITEMS": "int64",
    "PAYMENT_METHOD": "string",
    "TOTAL_AMOUNT": AMOUNT,
    # the integer surrogate of CUSTOMER_ID: joins and groupings run on it
    "CUSTOMER_KEY": "int32",
}
CUSTOMERS: Final[Columns] = {
    "CUSTOMER_ID": "string",
    "AGE": "int64",
    "CUSTOMER_SEGMENT": "string",
    "GENDER": "string",
    "LOCATION": "string",
    "SIGNUP_DATE": "date",
    "CUSTOMER_KEY": "int32",
}
FEEDBACK_RAW: Final[Columns] = {
    "CHAT_DATE": "date",
    "COMMENT": "string",
    "CUSTOMER_ID": "string",
    "FEEDBACK_ID": "string",
    "INTERNAL_ID": "int64",
    "CUSTOMER_KEY": "int32",
}
CUSTOMER_KEYS: Final[Columns] = {"CUSTOMER_KEY": "int32", "CUSTOMER_ID": "string"}
FILES_INGESTED: Final[Columns] = {
    "YEAR": "int32",
    "MONTH": "int32",
    "FILE_TYPE": "string",
    "FILE_NAME": "string",
    "CONTENT_HASH": "string",
    "ROWS_LOADED": "int64",
    "ROWS_REJECTED": "int64",
    # the first day after what the file covers
    "PERIOD_END": "date",
    # rows of customers who were forgotten: they do not come back
    "ROWS_FORGOTTEN": "int64",
    # 0, or the revision that brought the file; and the one that replaced it, NULL while it counts
    "REVISION": "int64",
    "REPLACED_IN": "int64",
}
REJECTS: Final[Columns] = {
    "FILE_NAME": "string",
    "CONTENT_HASH": "string",
    "FILE_TYPE": "string",
    "LINE": "int64",
    "COLUMN_NAME": "string",
    "REASON": "string",
    # the row as JSON text
    "ROW": "string",
}
# who was erased, as the sha256 of the id, when by the data's time, and how many rows of which table
FORGOTTEN: Final[Columns] = {
    "CUSTOMER_HASH": "string",
    "FORGOTTEN_AT": "date",
    "TABLE_NAME": "string",
    "ROWS_ERASED": "int64",
}
FEEDBACK_SENTIMENT: Final[Columns] = {
    "FEEDBACK_ID": "string",
    "CHAT_DATE": "date",
    "CUSTOMER_ID": "string",
    "INTERNAL_ID": "int64",
    "COMMENT": "string",
    "SENTIMENT": SENTIMENT,
    "CUSTOMER_KEY": "int32",
}
# what all sales dated before STATE_THROUGH.AS_OF add up to, so that a month costs the same however long the history is
CUSTOMER_STATE: Final[Columns] = {
    "CUSTOMER_KEY": "int32",
    "FIRST_PURCHASE_DATE": "date",
    "LIFETIME_ORDERS": "int64",
    "LIFETIME_SPEND": "decimal(38, 4)",
}
RECENT_FEEDBACK: Final[Columns] = {
    "CUSTOMER_KEY": "int32",
    "CHAT_DATE": "date",
    "INTERNAL_ID": "int64",
    "FEEDBACK_ID": "string",
    "SENTIMENT": SENTIMENT,
    "POSITION": "int64",
}
# append-only: the newest counts
STATE_THROUGH: Final[Columns] = {"AS_OF": "date", "SALES_ROWS": "int64", "FEEDBACK_ROWS": "int64"}
# what labels need of FEATURES, whatever other columns it has
SPINE: Final[Columns] = {
    "CUSTOMER_KEY": "int32",
    "CUSTOMER_ID": "string",
    "TIMESTAMP": "timestamp(6)",
    "LAST_PURCHASE_DATE": "date",
}
LABELS: Final[Columns] = {
    "CUSTOMER_KEY": "int32",
    "CUSTOMER_ID": "string",
    "TIMESTAMP": "timestamp(6)",
    "NEXT_TRANSACTION_DATE": "date",
    "CHURNED": "int64",
    "IS_FINAL": "boolean",
    # the moment from which a final label was known
    "KNOWN_AT": "timestamp(6)",
}
PREDICTIONS: Final[Columns] = {
    "CUSTOMER_KEY": "int32",
    "CUSTOMER_ID": "string",
    "TIMESTAMP": "timestamp(6)",
    **{
        f"{role}_{part}": kind
        for role in ("BASE", "DEFAULT", "CHALLENGER")
        for part, kind in (("VERSION", "string"), ("CLASS", "int64"), ("PROBABILITY", "float64"))
    },
}
# what monitoring has counted, by subject (a monitor, or the features of the loop) and day; DAY is NULL for a baseline,
# SEGMENT_COLUMN for all rows. Any period is a merge of these, and nothing is counted twice.
_STATE: Final[Columns] = {
    "SUBJECT": "string",
    "DAY": "date",
    "SEGMENT_COLUMN": "string",
    "SEGMENT_VALUE": "string",
}
MONITOR_HISTOGRAMS: Final[Columns] = {
    **_STATE,
    "COLUMN_NAME": "string",
    "BIN": "int64",
    "CATEGORY": "string",
    "ROWS_COUNTED": "int64",
    "TOTAL": "float64",
    "LOW": "float64",
    "HIGH": "float64",
}
MONITOR_SCORES: Final[Columns] = {
    **_STATE,
    "CELL": "int32",
    # the predicted class (1, 0, NULL for none) mostly follows from the score, and a day mostly has all its labels or none
    # of them: with both as keys there are few more rows, and no column of counts for each pair of the two
    "CLASS": "int32",
    "IS_LABELED": "boolean",
    "LOW": "float64",
    "HIGH": "float64",
    "ROWS_ALL": "int64",
    # labelled 1
    "ROWS_UP": "int64",
    "SCORE_TOTAL": "float64",
    "SURPRISE": "float64",
    "SQUARED_ERROR": "float64",
}
MONITOR_CONFUSION: Final[Columns] = {**_STATE, "LABEL": "string", "CLASS": "string", "ROWS_COUNTED": "int64"}
MONITOR_ERRORS: Final[Columns] = {
    **_STATE,
    "ROWS_ALL": "int64",
    "ROWS_USED": "int64",
    "ROWS_NOT_ZERO": "int64",
    "SQUARED_ERROR": "float64",
    "ABSOLUTE_ERROR": "float64",
    "RELATIVE_ERROR": "float64",
    "ACTUAL_TOTAL": "float64",
    "ACTUAL_SQUARES": "float64",
}
# the days of which a monitor has counted a part (OUTCOMES or HISTOGRAMS): what they looked like then, and whether their
# labels are final (NULL: nobody knows)
MONITOR_DAYS: Final[Columns] = {
    "SUBJECT": "string",
    "PART": "string",
    "DAY": "date",
    "ROWS_ALL": "int64",
    "FINGERPRINT": "string",
    "IS_FINAL": "boolean",
}
MEASUREMENTS: Final[Columns] = {
    "MONTH": "string",
    "TIMESTAMP": "timestamp(6)",
    "ROLE": "string",
    "VERSION": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    "COUNT_USED": "int64",
    "IS_FINAL": "boolean",
}
# how final numbers would be by files that were restated later; MONTH is the newest that was finished then
MEASUREMENTS_REVISED: Final[Columns] = {
    "REVISION": "int64",
    "MONTH": "string",
    "TIMESTAMP": "timestamp(6)",
    "ROLE": "string",
    "VERSION": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    # as it was reported, and stays in MEASUREMENTS
    "REPORTED_VALUE": "float64",
    "COUNT_USED": "int64",
}
DRIFT: Final[Columns] = {
    "MONTH": "string",
    "TIMESTAMP": "timestamp(6)",
    "COLUMN_NAME": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    # the verdict: how large without chance and what it must pass, how likely by chance, and whether it is an alarm
    "EFFECT": "float64",
    "EFFECT_FLOOR": "float64",
    "P_VALUE": "float64",
    "Q_VALUE": "float64",
    "THRESHOLD": "float64",
    "FIRES": "boolean",
    "ALARM": "boolean",
}
BACKTESTS: Final[Columns] = {
    "MONTH": "string",
    "VERSION": "string",
    "DATASET": "string",
    "DATASET_VERSION": "string",
    "IN_SAMPLE": "boolean",
    "ROWS_USED": "int64",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
}
ESTIMATES: Final[Columns] = {
    "MONTH": "string",
    "TIMESTAMP": "timestamp(6)",
    "ROLE": "string",
    "VERSION": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    "LOW": "float64",
    "HIGH": "float64",
    "LEVEL": "float64",
    "CALIBRATED": "boolean",
    "COUNT_USED": "int64",
}
# MONTH is the one in which the labels of TIMESTAMP became final, and the estimate was graded
ESTIMATE_GRADES: Final[Columns] = {
    "MONTH": "string",
    "TIMESTAMP": "timestamp(6)",
    "ROLE": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    "LOW": "float64",
    "HIGH": "float64",
    "REALISED": "float64",
    "INSIDE": "boolean",
    "TRUSTED": "boolean",
}
ALERT_HISTORY: Final[Columns] = {
    "POSITION": "int64",
    "NAME": "string",
    "MONTH": "string",
    "STATE": "string",
    "CONDITION": "string",
    "ACTION": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    "THRESHOLD": "float64",
    "WORDS": "string",
    # TAKEN, SUPPRESSED (still the cause that was told), RETRY or GIVEN_UP (after a failure); NULL where nothing was true
    "ACTION_TAKEN": "string",
    "ATTEMPT": "int64",
    "SCHEDULED_FROM": "string",
    "SCHEDULED_TIME": "date",
    "SQL_ERROR_MESSAGE": "string",
    # the alarm as JSON
    "EVENT": "string",
}
ALERT_ACKNOWLEDGEMENTS: Final[Columns] = {
    "POSITION": "int64",
    "NAME": "string",
    "MONTH": "string",
    "ACKNOWLEDGED_BY": "string",
    "ACKNOWLEDGED_ON": "date",
    "NOTE": "string",
}
# a request is ASKED in the month of its alarm; a row of the same number says in which month it was TAKEN
RETRAIN_REQUESTS: Final[Columns] = {
    "REQUEST": "int64",
    "NAME": "string",
    "MONTH": "string",
    "WORDS": "string",
    "STATE": "string",
}
# the tables that alerts write alarms to; users name them
ALARMS: Final[Columns] = {
    "NAME": "string",
    "MONTH": "string",
    "METRIC_NAME": "string",
    "METRIC_VALUE": "float64",
    "THRESHOLD": "float64",
    "WORDS": "string",
    "EVENT": "string",
}
LINEAGE: Final[Columns] = {
    "SOURCE_DOMAIN": "string",
    "SOURCE_NAME": "string",
    "TARGET_DOMAIN": "string",
    "TARGET_NAME": "string",
}
JOURNAL: Final[Columns] = {
    "MONTH": "string",
    "STEP": "string",
    "KEY": "string",
    # what the step found or did, as JSON
    "RESULT": "string",
    "SECONDS": "float64",
    # how many statements the step sent to the engine
    "STATEMENTS": "int64",
}

# how the features of a loop are counted, and what chance alone does to their drift; SUBJECT is the loop
MONITOR_BINS: Final[Columns] = {"SUBJECT": "string", "POSITION": "int64", "BINS": "string"}
MONITOR_NULLS: Final[Columns] = {"SUBJECT": "string", "NULLS": "string"}

# what every backend has from the start; FEATURES and the tables of datasets come with their first rows
ALL: Final[Mapping[str, Columns]] = {
    "SALES": SALES,
    "CUSTOMERS": CUSTOMERS,
    "FEEDBACK_RAW": FEEDBACK_RAW,
    "CUSTOMER_KEYS": CUSTOMER_KEYS,
    "FILES_INGESTED": FILES_INGESTED,
    "REJECTS": REJECTS,
    "FORGOTTEN": FORGOTTEN,
    "FEEDBACK_SENTIMENT": FEEDBACK_SENTIMENT,
    "CUSTOMER_STATE": CUSTOMER_STATE,
    "RECENT_FEEDBACK": RECENT_FEEDBACK,
    "STATE_THROUGH": STATE_THROUGH,
    "LABELS": LABELS,
    "PREDICTIONS": PREDICTIONS,
    "MONITOR_BINS": MONITOR_BINS,
    "MONITOR_NULLS": MONITOR_NULLS,
    "MONITOR_HISTOGRAMS": MONITOR_HISTOGRAMS,
    "MONITOR_SCORES": MONITOR_SCORES,
    "MONITOR_CONFUSION": MONITOR_CONFUSION,
    "MONITOR_ERRORS": MONITOR_ERRORS,
    "MONITOR_DAYS": MONITOR_DAYS,
    "MEASUREMENTS": MEASUREMENTS,
    "MEASUREMENTS_REVISED": MEASUREMENTS_REVISED,
    "DRIFT": DRIFT,
    "BACKTESTS": BACKTESTS,
    "ESTIMATES": ESTIMATES,
    "ESTIMATE_GRADES": ESTIMATE_GRADES,
    "ALERT_HISTORY": ALERT_HISTORY,
    "ALERT_ACKNOWLEDGEMENTS": ALERT_ACKNOWLEDGEMENTS,
    "RETRAIN_REQUESTS": RETRAIN_REQUESTS,
    "LINEAGE": LINEAGE,
    "JOURNAL": JOURNAL,
}

# which column dates a table's rows, and whether it says when a row happened (known from the next day on) or from when
# it was known; None for tables without time. A point-in-time read of T sees only what was known at T.
CLOCKS: Final[Mapping[str, tuple[str, Literal["event", "known"]] | None]] = {
    "SALES": ("TRANSACTION_DATE", "event"),
    "FEEDBACK_RAW": ("CHAT_DATE", "event"),
    "FEEDBACK_SENTIMENT": ("CHAT_DATE", "event"),
    "CUSTOMERS": ("SIGNUP_DATE", "event"),
    "CUSTOMER_KEYS": None,
    "FEATURES": ("TIMESTAMP", "known"),
    "LABELS": ("KNOWN_AT", "known"),
    "PREDICTIONS": ("TIMESTAMP", "known"),
}
