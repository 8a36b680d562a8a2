"""What a retrain policy is, and policies made of others: both, either, the opposite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from churnobs.errors import BadConfig
from churnobs.lifecycle.decisions import History, Keep, Retrain

if TYPE_CHECKING:
    from churnobs.lifecycle.backtest import Backtest, Replayable


@runtime_checkable
class RetrainPolicy(Protocol):
    """Decides, after each month with new final labels, whether a challenger is trained. Your own needs this one method.

    One that reads ``history.estimates`` says so by an attribute ``needs_estimates = True``: they cost a scoring.
    """

    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain, with the reason in words."""


class Policy(ABC):
    """What churnobs' own policies can besides: ``a & b``, ``a | b``, ``~a`` and ``a.backtest(history)``.

    Your own policy may be either side of an operator, and gets all of them by inheriting from this class.
    """

    __slots__ = ()

    @abstractmethod
    def decide(self, history: History) -> Keep | Retrain:
        """Keep or retrain, with the reason in words."""

    def backtest(self, history: Replayable) -> Backtest:
        """What this policy would have said in months that another one decided; see ``churnobs.backtest``."""
        from churnobs.lifecycle.backtest import backtest

        return backtest(self, history)

    def __and__(self, other: RetrainPolicy) -> Both:
        return Both(_parts(Both, self, other))

    def __rand__(self, other: RetrainPolicy) -> Both:
        return Both(_parts(Both, other, self))

    def __or__(self, other: RetrainPolicy) -> Either:
        return Either(_parts(Either, self, other))

    def __ror__(self, other: RetrainPolicy) -> Either:
        return Either(_parts(Either, other, self))

    def __invert__(self) -> Opposite:
        return Opposite(self)


@dataclass(frozen=True, slots=True)
class Both(Policy):
    """Retrain when every part says so: ``a & b``."""

    policies: tuple[RetrainPolicy, ...]

    def __post_init__(self) -> None:
        _check(self.policies)

    @property
    def needs_estimates(self) -> bool:
        """Whether a part does."""
        return any(map(needs_estimates, self.policies))

    def decide(self, history: History) -> Keep | Retrain:
        """Retrain for all the reasons, or keep for those of the parts that keep."""
        answers = [policy.decide(history) for policy in self.policies]
        against = [answer.reason for answer in answers if isinstance(answer, Keep)]
        return Keep("; ".join(against)) if against else Retrain(" and ".join(answer.reason for answer in answers))


@dataclass(frozen=True, slots=True)
class Either(Policy):
    """Retrain when at least one part says so: ``a | b``."""

    policies: tuple[RetrainPolicy, ...]

    def __post_init__(self) -> None:
        _check(self.policies)

    @property
    def needs_estimates(self) -> bool:
        """Whether a part does."""
        return any(map(needs_estimates, self.policies))

    def decide(self, history: History) -> Keep | Retrain:
        """Retrain for the reasons of the parts that do, or keep for all of them."""
        answers = [policy.decide(history) for policy in self.policies]
        calling = [answer.reason for answer in answers if isinstance(answer, Retrain)]
        return Retrain("; ".join(calling)) if calling else Keep(" and ".join(answer.reason for answer in answers))


@dataclass(frozen=True, slots=True)
class Opposite(Policy):
    """Retrain when the other policy keeps: ``~a``."""

    policy: RetrainPolicy

    def __post_init__(self) -> None:
        _check((self.policy,))

    @property
    def needs_estimates(self) -> bool:
        """Whether the other one does."""
        return needs_estimates(self.policy)

    def decide(self, history: History) -> Keep | Retrain:
        """The opposite, with the same reason."""
        answer = self.policy.decide(history)
        turned: Any = Retrain if isinstance(answer, Keep) else Keep
        said: Keep | Retrain = turned(f"not: {answer.reason}")
        return said


def needs_estimates(policy: object) -> bool:
    """Whether a policy reads what is expected of the newest as-of."""
    return bool(getattr(policy, "needs_estimates", False))


def _parts(kind: type[Both | Either], first: RetrainPolicy, second: RetrainPolicy) -> tuple[RetrainPolicy, ...]:
    """Both sides of an operator; one that is of the kind already gives its parts."""
    found: list[RetrainPolicy] = []
    for side in (first, second):
        found += side.policies if isinstance(side, kind) else (side,)
    return tuple(found)


def _check(policies: Sequence[object]) -> None:
    wrong = [policy for policy in policies if not isinstance(policy, RetrainPolicy)]
    if wrong or not policies:
        raise BadConfig(
            f"{wrong[0] if wrong else 'nothing'!r} is no policy", hint="give an object with decide(history)"
        )
