"""Messages through apprise: email, Slack, a webhook, and a hundred other services by URL."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from churnobs.alerts.actions import ByIntegration
from churnobs.alerts.event import AlertEvent
from churnobs.display import Shown
from churnobs.errors import BackendFailed, BadConfig, NotSupported

_INTEGRATION: Final = "snowflake"
# who logs URLs, tokens or passwords while a message is on its way
_TALKERS: Final = (
    "apprise",
    "urllib3",
    "requests",
    "requests_oauthlib",
    "oauthlib",
    "http",
    "smtplib",
    "slixmpp",
    "paho",
)


@dataclass(frozen=True, slots=True, init=False)
class Notify(Shown):
    """Send the alarm in words to each URL; needs the extra ``notify``.

    URLs are apprise's, for example ``mailto://user:password@example.com``, ``slack://tokenA/tokenB/tokenC/#channel`` or
    ``jsons://example.com/hook``. They hold secrets: they are never shown, logged or stored, so that the alert has to be
    given again in a new process. Each URL is a delivery of its own, and only those that fail are tried again.

    ``snowflake://INTEGRATION?to=a@example.com,b@example.com`` names a notification integration of the Snowflake account
    that the loop works in (``to`` is for e-mail; a webhook's has none). It holds no secret, is stored, and is sent by
    Snowflake's own alert, also while no loop runs; such an alert can be kept in Snowflake only.

    Raises:
        NotSupported: apprise is not installed.
        BadConfig: no URL, or one that apprise does not know; says which by its position.
    """

    urls: tuple[str, ...] = field(repr=False)
    services: tuple[str, ...]

    def __init__(self, *urls: str) -> None:
        if not urls:
            raise BadConfig("a message needs a destination", hint='for example Notify("json://127.0.0.1:8080")')
        for number, url in enumerate(urls, 1):
            if not _integration(url) and _service(url) is None:
                raise BadConfig(
                    f"URL {number} of {len(urls)} names no service that apprise knows, or lacks a part",
                    hint="https://github.com/caronc/apprise/wiki lists the URLs of every service",
                )
        object.__setattr__(self, "urls", tuple(urls))
        object.__setattr__(self, "services", tuple(url.partition("://")[0].lower() for url in urls))

    @property
    def words(self) -> str:
        """The action in words, without the secrets of its URLs."""
        return f"notify {', '.join(self.services)}"

    @property
    def deliveries(self) -> tuple[Notify | ByIntegration, ...]:
        """One a URL."""
        return tuple(_integration(url) or (self if len(self.urls) == 1 else Notify(url)) for url in self.urls)

    def __call__(self, event: AlertEvent) -> None:
        """Send the alarm to every URL.

        Raises:
            BackendFailed: a service did not take it; names the services that did not.
        """
        if _INTEGRATION in self.services:
            raise NotSupported(
                "an integration's message is sent by Snowflake's own alert, not from here",
                hint="give it to an Alert of a workspace in Snowflake",
            )
        refused = [service for url, service in zip(self.urls, self.services, strict=True) if not _sent(url, event)]
        if refused:
            raise BackendFailed(
                f"{', '.join(refused)} did not take the message",
                hint="see that the URL is right and the service answers; it is tried again at the next look",
            )


def _integration(url: str) -> ByIntegration | None:
    """What a URL of a notification integration names; None for any other URL.

    >>> _integration("snowflake://mail?to=a@b.c,d@e.f")
    ByIntegration(integration='MAIL', to=('a@b.c', 'd@e.f'))
    """
    found = urlsplit(url)
    if found.scheme.lower() != _INTEGRATION:
        return None
    asked = parse_qs(found.query, keep_blank_values=True)
    if found.path.strip("/") or asked.keys() - {"to"}:
        raise BadConfig(
            f"{url!r} is no notification integration", hint='for example Notify("snowflake://MY_MAIL?to=a@example.com")'
        )
    addresses = [one.strip() for text in asked.get("to", ()) for one in text.split(",")]
    return ByIntegration(found.netloc, tuple(one for one in addresses if one))


def _sent(url: str, event: AlertEvent) -> bool:
    import apprise

    sender = apprise.Apprise()
    with _quiet():
        sender.add(_service(url))
        # as text, so that apprise escapes it for services that read HTML
        body = event.text().partition("\n")[2]
        done = sender.notify(
            title=event.title, body=body, notify_type=apprise.NotifyType.WARNING, body_format=apprise.NotifyFormat.TEXT
        )
    return bool(done)


def _service(url: str) -> Any:
    try:
        import apprise
    except ImportError as error:
        raise NotSupported("messages need apprise", hint='pip install "churnobs[notify]"') from error
    with _quiet():
        return apprise.Apprise.instantiate(url)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loggers of libraries that write down URLs still; they may run in threads of their own."""
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _TALKERS]
    loggers = [logging.getLogger(name) for name in dict.fromkeys((*_TALKERS, *known))]

    def nothing(_: logging.LogRecord) -> bool:
        return False

    for logger in loggers:
        logger.addFilter(nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)
