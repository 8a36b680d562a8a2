"""The monthly life of a customer-churn model: offline on DuckDB first, the same program on Snowflake after."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from churnobs.alerts import Alert, AlertEvent
from churnobs.connect import connect
from churnobs.errors import (
    AlreadyExists,
    BackendFailed,
    BadConfig,
    BadFile,
    ChurnobsError,
    DatabaseBusy,
    LabelsNotMature,
    LeakFound,
    NotFound,
    NotSupported,
    RefusedArtefact,
    SeenRows,
)
from churnobs.lifecycle.config import LifecycleConfig
from churnobs.lifecycle.decisions import Decision, History, Keep, Retrain, Trial
from churnobs.lifecycle.policy import (
    Always,
    LiftOrDrop,
    MetricFloor,
    Never,
    PairedTest,
    PromoteAlways,
    PromotionRule,
    RelativeDrop,
    RetrainPolicy,
    policy_named,
)
from churnobs.lifecycle.report import MonthReport
from churnobs.months import Month
from churnobs.records import (
    Entity,
    FeatureView,
    FittedOn,
    Measurement,
    ModelMonitorConfig,
    ModelMonitorSourceConfig,
)
from churnobs.sentiment import SentimentModel, Vader
from churnobs.workspace import Workspace

if TYPE_CHECKING:
    from churnobs.comparison import PairedComparison, compare_auc, roc_auc
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.mapping import Mapping
    from churnobs.training import DefaultTrainer, Trainer, TrainingSet, TunedTrainer

__version__ = "0.1.0"

__all__ = [
    "AlertEvent", "Alert", "AlreadyExists", "Always", "BackendFailed", "BadConfig", "BadFile", "ChurnobsError",
    "DatabaseBusy", "Decision", "DefaultTrainer", "Entity", "FeatureView", "FittedOn", "History", "Keep",
    "LabelsNotMature", "LeakFound", "Lifecycle", "LifecycleConfig", "LiftOrDrop", "Mapping", "Measurement",
    "MetricFloor", "ModelMonitorConfig", "ModelMonitorSourceConfig", "Month", "MonthReport", "Never", "NotFound",
    "NotSupported", "PairedComparison", "PairedTest", "PromoteAlways", "PromotionRule", "RefusedArtefact",
    "RelativeDrop", "Retrain", "RetrainPolicy", "SeenRows", "SentimentModel", "Trainer",
    "TrainingSet", "Trial", "TunedTrainer", "Vader", "Workspace", "compare_auc", "connect", "policy_named", "roc_auc",
]  # fmt: skip

# names whose modules bring numpy, pyarrow or pydantic along: they load when they are asked for
_ON_DEMAND: Final = {
    "Lifecycle": "churnobs.lifecycle.run",
    "PairedComparison": "churnobs.comparison",
    "compare_auc": "churnobs.comparison",
    "roc_auc": "churnobs.comparison",
    "Mapping": "churnobs.mapping",
    "DefaultTrainer": "churnobs.training",
    "Trainer": "churnobs.training",
    "TrainingSet": "churnobs.training",
    "TunedTrainer": "churnobs.training",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'churnobs' has no attribute {name!r}")
    found = getattr(importlib.import_module(_ON_DEMAND[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
