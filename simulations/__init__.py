"""Worlds whose truth is known: simulated customers with drift, as month files and as exact churn probabilities."""

from __future__ import annotations

from simulations.fitted.fidelity import Fidelity, HeldBack, held_back
from simulations.fitted.shop import FittedWorld, Shop, load_world
from simulations.simulation import Simulation, simulate
from simulations.truth import expected_auc
from simulations.worlds import WORLDS, Drift, Relation, World

__all__ = [
    "WORLDS", "Drift", "Fidelity", "FittedWorld", "HeldBack", "Relation", "Shop", "Simulation", "World", "expected_auc",
    "held_back", "load_world", "simulate",
]  # fmt: skip
