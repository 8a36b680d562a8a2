"""The monthly life of a customer-churn model: offline on DuckDB first, the same program on Snowflake after."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from churnobs.alerts import (
    Alert,
    AlertEvent,
    DriftAlarm,
    Estimated,
    Freshness,
    Metric,
    Notify,
    Observed,
    RetrainAction,
    ToTable,
)
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
from churnobs.lifecycle.corrections import Correction, Rollback
from churnobs.lifecycle.decisions import Decision, History, Keep, Retrain, Trial
from churnobs.lifecycle.policy import (
    Always,
    ConfidentGain,
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
from churnobs.monitoring.settings import DriftSettings, MetricSettings
from churnobs.months import Month
from churnobs.places import InJob, InProcedure
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
    from churnobs.class_comparison import ClassComparison, JointCounts, McNemar, compare_classes, mcnemar
    from churnobs.comparison import PairedComparison, compare_auc, roc_auc
    from churnobs.distributed import DistributedSearch, DistributedXGBoost
    from churnobs.forgetting import Forgetting
    from churnobs.lifecycle.cost import Cost
    from churnobs.lifecycle.explain import AtRisk
    from churnobs.lifecycle.history import MonthReports
    from churnobs.lifecycle.replay import Difference, Replay
    from churnobs.lifecycle.revisions import Revision
    from churnobs.lifecycle.run import Lifecycle
    from churnobs.mapping import Mapping
    from churnobs.monitoring.alarms import judge
    from churnobs.monitoring.calibration import Calibration
    from churnobs.monitoring.classifier import DomainDrift, domain_classifier
    from churnobs.monitoring.decomposition import DropExplained, explain_drop
    from churnobs.monitoring.drift_verdict import DriftVerdict
    from churnobs.monitoring.estimation import Estimate, Trust
    from churnobs.monitoring.levels import Levels
    from churnobs.monitoring.null import Nulls
    from churnobs.training import DefaultTrainer, Trainer, TrainingSet, TunedTrainer

__version__ = "0.1.0"

__all__ = [
    "Alert", "AlertEvent", "AlreadyExists", "Always", "AtRisk", "BackendFailed", "BadConfig", "BadFile",
    "Calibration", "ChurnobsError", "ClassComparison", "ConfidentGain", "Correction", "Cost", "DatabaseBusy", "Decision",
    "DefaultTrainer", "Difference",
    "DistributedSearch", "DistributedXGBoost", "DomainDrift", "DriftSettings", "DriftAlarm", "DriftVerdict",
    "DropExplained", "Entity", "Estimate", "Estimated", "FeatureView", "FittedOn", "Forgetting", "Freshness", "History", "InJob",
    "InProcedure", "JointCounts", "Keep", "LabelsNotMature", "LeakFound", "Levels", "Lifecycle", "LifecycleConfig",
    "LiftOrDrop", "Mapping", "McNemar", "Measurement", "Metric", "MetricFloor", "MetricSettings",
    "ModelMonitorConfig", "ModelMonitorSourceConfig", "Month", "MonthReport", "MonthReports", "Never", "NotFound", "NotSupported",
    "Notify", "Nulls", "Observed", "PairedComparison", "PairedTest", "PromoteAlways", "PromotionRule",
    "RefusedArtefact", "RelativeDrop", "Replay", "Retrain", "RetrainAction", "RetrainPolicy",
    "Revision", "Rollback", "SeenRows", "SentimentModel",
    "ToTable", "Trainer", "TrainingSet", "Trial", "Trust", "TunedTrainer", "Vader", "Workspace", "compare_auc",
    "compare_classes", "connect", "domain_classifier", "explain_drop", "judge", "mcnemar", "policy_named", "roc_auc",
]  # fmt: skip

# names whose modules bring numpy, pyarrow or pydantic along: they load when they are asked for
_ON_DEMAND: Final = {
    "Lifecycle": "churnobs.lifecycle.run",
    "PairedComparison": "churnobs.comparison",
    "compare_auc": "churnobs.comparison",
    "ClassComparison": "churnobs.class_comparison",
    "JointCounts": "churnobs.class_comparison",
    "McNemar": "churnobs.class_comparison",
    "compare_classes": "churnobs.class_comparison",
    "mcnemar": "churnobs.class_comparison",
    "Calibration": "churnobs.monitoring.calibration",
    "Estimate": "churnobs.monitoring.estimation",
    "Trust": "churnobs.monitoring.estimation",
    "DropExplained": "churnobs.monitoring.decomposition",
    "explain_drop": "churnobs.monitoring.decomposition",
    "Nulls": "churnobs.monitoring.null",
    "judge": "churnobs.monitoring.alarms",
    "DomainDrift": "churnobs.monitoring.classifier",
    "DriftVerdict": "churnobs.monitoring.drift_verdict",
    "domain_classifier": "churnobs.monitoring.classifier",
    "Levels": "churnobs.monitoring.levels",
    "AtRisk": "churnobs.lifecycle.explain",
    "Cost": "churnobs.lifecycle.cost",
    "Forgetting": "churnobs.forgetting",
    "Difference": "churnobs.lifecycle.replay",
    "Replay": "churnobs.lifecycle.replay",
    "Revision": "churnobs.lifecycle.revisions",
    "MonthReports": "churnobs.lifecycle.history",
    "roc_auc": "churnobs.comparison",
    "Mapping": "churnobs.mapping",
    "DefaultTrainer": "churnobs.training",
    "DistributedSearch": "churnobs.distributed",
    "DistributedXGBoost": "churnobs.distributed",
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
