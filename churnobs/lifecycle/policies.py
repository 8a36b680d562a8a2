"""The policies that commands know by name."""

from __future__ import annotations

from collections.abc import Mapping

from churnobs.errors import BadConfig
from churnobs.lifecycle.combined import Both, RetrainPolicy
from churnobs.lifecycle.policy import Always, LiftOrDrop, MetricFloor, Never, RelativeDrop
from churnobs.lifecycle.triggers import Calendar, Cooldown, DemoRule, Drifted, EstimatedFloor, SignificantDrop

# the drop is for what breaks, the half-year for what more rows could teach: without it the first model, of one month,
# serves for ever where nothing breaks (``python -m simulations lab``, worlds steady and feedback)
DEFAULT_POLICY: RetrainPolicy = LiftOrDrop() | Calendar(6)
POLICIES: Mapping[str, RetrainPolicy] = {
    "default": DEFAULT_POLICY,
    "f1-floor": MetricFloor(),
    "relative-drop": RelativeDrop(),
    "significant-drop": SignificantDrop(),
    "estimated-floor": EstimatedFloor(),
    "drift": Drifted(),
    "calendar": Calendar(),
    "cooldown": Both((DEFAULT_POLICY, Cooldown())),
    "demo": DemoRule(),
    "always": Always(),
    "never": Never(),
}
NAMES = ", ".join(POLICIES)


def policy_names() -> tuple[str, ...]:
    """What ``policy_named`` knows."""
    return tuple(POLICIES)


def policy_named(name: str) -> RetrainPolicy:
    """A policy by its name: default (``LiftOrDrop``, or half a year without training), f1-floor (the demo's F1 < 0.8),
    relative-drop, significant-drop, estimated-floor, drift, calendar (every 3 months), cooldown (the default, at most every
    4 months), demo (as f1-floor, and a promotion rule), always, never.
    """
    if name not in POLICIES:
        raise BadConfig(f"{name!r} is no policy", hint=f"one of {NAMES}")
    return POLICIES[name]
