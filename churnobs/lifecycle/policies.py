"""The policies that commands know by name."""

from __future__ import annotations

from collections.abc import Mapping

from churnobs.errors import BadConfig
from churnobs.lifecycle.combined import RetrainPolicy
from churnobs.lifecycle.policy import Always, LiftOrDrop, MetricFloor, Never, RelativeDrop
from churnobs.lifecycle.triggers import Calendar, Cooldown, DemoRule, Drifted, EstimatedFloor, SignificantDrop

POLICIES: Mapping[str, RetrainPolicy] = {
    "default": LiftOrDrop(),
    "f1-floor": MetricFloor(),
    "relative-drop": RelativeDrop(),
    "significant-drop": SignificantDrop(),
    "estimated-floor": EstimatedFloor(),
    "drift": Drifted(),
    "calendar": Calendar(),
    "cooldown": LiftOrDrop() & Cooldown(),
    "demo": DemoRule(),
    "always": Always(),
    "never": Never(),
}
NAMES = ", ".join(POLICIES)


def policy_names() -> tuple[str, ...]:
    """What ``policy_named`` knows."""
    return tuple(POLICIES)


def policy_named(name: str) -> RetrainPolicy:
    """A policy by its name: default, f1-floor (the demo's F1 < 0.8), relative-drop, significant-drop, estimated-floor,
    drift, calendar (every 3 months), cooldown (the default, at most every 4 months), demo (as f1-floor, and a promotion
    rule), always, never.
    """
    if name not in POLICIES:
        raise BadConfig(f"{name!r} is no policy", hint=f"one of {NAMES}")
    return POLICIES[name]
