"""What builds the arguments of SYSTEM$SEND_SNOWFLAKE_NOTIFICATION: messages, and the integrations they go to."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from churnobs.testing.rewriting import SCALARS, Rewriter, scalar
from churnobs.testing.trees import Tree, value_of

KINDS = {"TEXT_PLAIN": "text/plain", "TEXT_HTML": "text/html", "APPLICATION_JSON": "application/json"}


def _message(kind: str, rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    return value_of(json.dumps({kind: str(rewriter.evaluate(args[0]))}))


for _name, _kind in KINDS.items():
    SCALARS[_name] = partial(_message, _kind)


@scalar("INTEGRATION")
def integration(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SNOWFLAKE.NOTIFICATION.INTEGRATION(name)."""
    return value_of(json.dumps({str(rewriter.evaluate(args[0])): {}}))


@scalar("EMAIL_INTEGRATION_CONFIG")
def email_integration_config(rewriter: Rewriter, args: list[Tree], _named: dict[str, Tree]) -> Tree:
    """SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG(name [, subject [, to [, cc [, bcc]]]])."""
    values: list[Any] = [rewriter.evaluate(a) for a in args]
    name, subject, *lists = [*values, *[None] * 4][: max(2, len(values))]
    told: dict[str, Any] = {"subject": subject or ""}
    for key, held in zip(("toAddress", "ccAddress", "bccAddress"), lists, strict=False):
        if held is not None:
            told[key] = json.loads(held) if isinstance(held, str) else list(held)
    return value_of(json.dumps({str(name): told}))
