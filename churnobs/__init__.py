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
from churnobs.lifecycle.backtest import Backtest, ReplayedMonth, backtest
from churnobs.lifecycle.combined import Both, Either, Opposite, Policy, RetrainPolicy
from churnobs.lifecycle.config import LifecycleConfig
from churnobs.lifecycle.corrections import Correction, Rollback
from churnobs.lifecycle.decisions import Decision, History, Keep, Paired, Retrain, Trial
from churnobs.lifecycle.policies import policy_named, policy_names
from churnobs.lifecycle.policy import Always, LiftOrDrop, MetricFloor, Never, RelativeDrop
from churnobs.lifecycle.promotion import ConfidentGain, PairedTest, PromoteAlways, PromotionRule
from churnobs.lifecycle.report import MonthReport
from churnobs.lifecycle.triggers import Calendar, Cooldown, DemoRule, Drifted, EstimatedFloor, SignificantDrop
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
    from churnobs.comparison import PairedComparison, compare_auc, compare_log_loss, roc_auc
    from churnobs.distributed import DistributedSearch, DistributedXGBoost
    from churnobs.forgetting import Forgetting
    from churnobs.lifecycle.cost import Cost
    from churnobs.lifecycle.explain import AtRisk
    from churnobs.lifecycle.halves import fit_half
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
    from churnobs.monitoring.estimation import Estimate, Grade, Trust, estimate, grade, trust
    from churnobs.monitoring.levels import Levels
    from churnobs.monitoring.null import Nulls
    from churnobs.searching import EnsembleTrainer, TunedTrainer
    from churnobs.training import DefaultTrainer, Trainer, TrainingSet

__version__ = "0.1.0"

__all__ = [
    "Alert", "AlertEvent", "AlreadyExists", "Always", "AtRisk", "BackendFailed", "Backtest", "BadConfig", "BadFile",
    "Both", "Calendar", "Calibration", "ChurnobsError", "ClassComparison", "ConfidentGain", "Cooldown", "Correction",
    "Cost", "DatabaseBusy", "Decision", "DefaultTrainer", "DemoRule", "Difference", "DistributedSearch",
    "DistributedXGBoost", "DomainDrift", "DriftAlarm", "DriftSettings", "DriftVerdict", "Drifted", "DropExplained",
    "Either", "EnsembleTrainer", "Entity", "Estimate", "Estimated", "EstimatedFloor", "FeatureView", "FittedOn", "Forgetting",
    "Freshness", "Grade", "History", "InJob", "InProcedure", "JointCounts", "Keep", "LabelsNotMature", "LeakFound",
    "Levels", "Lifecycle", "LifecycleConfig", "LiftOrDrop", "Mapping", "McNemar", "Measurement", "Metric",
    "MetricFloor", "MetricSettings", "ModelMonitorConfig", "ModelMonitorSourceConfig", "Month", "MonthReport",
    "MonthReports", "Never", "NotFound", "NotSupported", "Notify", "Nulls", "Observed", "Opposite", "Paired",
    "PairedComparison", "PairedTest", "Policy", "PromoteAlways", "PromotionRule", "RefusedArtefact", "RelativeDrop",
    "Replay", "ReplayedMonth", "Retrain", "RetrainAction", "RetrainPolicy", "Revision", "Rollback", "SeenRows",
    "SentimentModel", "SignificantDrop", "ToTable", "Trainer", "TrainingSet", "Trial", "Trust", "TunedTrainer",
    "Vader", "Workspace", "backtest", "compare_auc", "compare_classes", "compare_log_loss", "connect",
    "domain_classifier", "estimate", "explain_drop", "fit_half", "grade", "judge", "mcnemar", "policy_named",
    "policy_names", "roc_auc", "trust",
]  # fmt: skip

# names whose modules bring numpy, pyarrow or pydantic along: they load when they are asked for
_ON_DEMAND: Final = {
    "Lifecycle": "churnobs.lifecycle.run",
    "PairedComparison": "churnobs.comparison",
    "compare_auc": "churnobs.comparison",
    "compare_log_loss": "churnobs.comparison",
    "ClassComparison": "churnobs.class_comparison",
    "JointCounts": "churnobs.class_comparison",
    "McNemar": "churnobs.class_comparison",
    "compare_classes": "churnobs.class_comparison",
    "mcnemar": "churnobs.class_comparison",
    "Calibration": "churnobs.monitoring.calibration",
    "Estimate": "churnobs.monitoring.estimation",
    "Trust": "churnobs.monitoring.estimation",
    "Grade": "churnobs.monitoring.estimation",
    "estimate": "churnobs.monitoring.estimation",
    "grade": "churnobs.monitoring.estimation",
    "trust": "churnobs.monitoring.estimation",
    "fit_half": "churnobs.lifecycle.halves",
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
    "EnsembleTrainer": "churnobs.searching",
    "TunedTrainer": "churnobs.searching",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module 'churnobs' has no attribute {name!r}")
    found = getattr(importlib.import_module(_ON_DEMAND[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
