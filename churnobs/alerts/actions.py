"""What an alert does when it fires: rows in a table, a request to retrain, or code that is told of the alarm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from churnobs.alerts.event import AlertEvent
from churnobs.codec import from_json, to_json
from churnobs.display import Shown
from churnobs.errors import BadConfig, NotFound
from churnobs.records import identifier

# places with credentials in them: URLs, and the path that HTTP libraries quote
_SECRETS: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*)://\S+|(with url:) \S+")


@dataclass(frozen=True, slots=True)
class ToTable(Shown):
    """A row in a table of your own, made when it is not there; it commits together with the history, exactly once.

    Its columns: NAME, MONTH, METRIC_NAME, METRIC_VALUE, THRESHOLD, WORDS, EVENT (the alarm as JSON).
    """

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", identifier(self.name))

    @property
    def words(self) -> str:
        """The action in words."""
        return f"a row in {self.name}"


@dataclass(frozen=True, slots=True)
class RetrainAction(Shown):
    """A challenger is trained in the next month with new final labels, whatever the policy says; exactly once an alarm."""

    @property
    def words(self) -> str:
        """The action in words."""
        return "retrain"


@dataclass(frozen=True, slots=True)
class ByIntegration(Shown):
    """A message that the database's own account sends, whether or not a loop runs: no process of yours has to be there.

    Args:
        integration: the name of the account's notification integration.
        to: addresses, for one that sends e-mail; without them those that the integration names itself.
    """

    integration: str
    to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "integration", identifier(self.integration))
        object.__setattr__(self, "to", tuple(self.to))

    @property
    def words(self) -> str:
        """The action in words."""
        return f"notify {', '.join((*self.to, f'by {self.integration}'))}"


# what is data, and can be stored
Stored: TypeAlias = ToTable | RetrainAction | ByIntegration
Action: TypeAlias = Callable[[AlertEvent], Any] | Stored
_KINDS: Final[Mapping[str, type[Stored]]] = {k.__name__: k for k in (ToTable, RetrainAction, ByIntegration)}


@dataclass(frozen=True, slots=True)
class Unbound:
    """Stands for code that was not given in this process; fails, so that the history says so."""

    words: str

    def __call__(self, event: AlertEvent) -> None:
        """Fail.

        Raises:
            NotFound: always.
        """
        raise NotFound(
            f"the action of {event.name} ({self.words}) is code that this process was not given",
            hint="give the alert again: in LifecycleConfig(alerts=...), or workspace.alerts.alter_alert(alert)",
        )


def as_actions(given: Action | Sequence[Action] | None) -> tuple[Action, ...]:
    """One action, many or none, as a tuple; an action of several deliveries counts as several.

    Raises:
        BadConfig: one is no action.
    """
    if given is None:
        return ()
    one_by_one = given if isinstance(given, tuple | list) else (given,)
    made: list[Action] = []
    for action in one_by_one:
        if not callable(action) and not isinstance(action, Stored):
            raise BadConfig(f"{action!r} is no action", hint="give ToTable, RetrainAction, Notify or a callable")
        # each destination of a message is retried by itself: who got it does not get it twice
        parts = getattr(action, "deliveries", None)
        made.extend(parts if isinstance(parts, tuple) else (action,))
    return tuple(made)


def action_words(action: Action) -> str:
    """An action in words; a callable by its name.

    >>> action_words(ToTable("alarms")), action_words(print)
    ('a row in ALARMS', 'call builtins.print')
    """
    words = getattr(action, "words", None)
    if isinstance(words, str):
        return words
    name = getattr(action, "__qualname__", type(action).__qualname__)
    module = getattr(action, "__module__", None) or type(getattr(action, "__self__", action)).__module__
    return f"call {module}.{name}"


def packed(action: Action) -> str:
    """An action as JSON text; empty for code, which is never stored.

    >>> packed(ToTable("alarms")), packed(print)
    ('{"ToTable": {"name": "ALARMS"}}', '')
    """
    return to_json({type(action).__name__: action}) if isinstance(action, Stored) else ""


def unpacked(text: str, words: str) -> Action:
    """The action that ``packed`` wrote; code comes back as what says that it is missing."""
    if not text:
        return Unbound(words)
    ((kind, values),) = json.loads(text).items()
    return from_json(_KINDS[kind], json.dumps(values))


def told(error: BaseException) -> str:
    """An error for the history: its type and its words, without the places where credentials stand.

    >>> told(ValueError("no answer from https://hooks.example.com/T0/SECRET today"))
    'ValueError: no answer from https://... today'
    """
    words = f"{type(error).__name__}: {error}"
    return _SECRETS.sub(lambda found: f"{found[1]}://..." if found[1] else f"{found[2]} ...", words)
