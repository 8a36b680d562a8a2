"""Worlds whose truth is known: simulated customers with drift, as month files and as exact churn probabilities."""

from __future__ import annotations

from simulations.simulation import Simulation, simulate
from simulations.truth import expected_auc
from simulations.worlds import WORLDS, Drift, Relation, World

__all__ = ["WORLDS", "Drift", "Relation", "Simulation", "World", "expected_auc", "simulate"]
