"""The server: Snowflake's wire protocol on loopback, one thread a connection."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
import traceback
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churnobs.testing import bindings, rest
from churnobs.testing.failures import SqlError, not_supported, payload
from churnobs.testing.names import fold
from churnobs.testing.results import of_rows, wire
from churnobs.testing.several import run_several
from churnobs.testing.statements import execute

if TYPE_CHECKING:
    from churnobs.testing.account import Account
    from churnobs.testing.results import Result
    from churnobs.testing.session import Session

SERVER_VERSION = "9.30.0 churnobs-offline"


class Server:
    """Serves one account on a free port of 127.0.0.1."""

    def __init__(self, account: Account) -> None:
        handler = type("Handler", (_Handler,), {"account": account})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port: int = self._server.server_address[1]
        account_url = f"http://127.0.0.1:{self.port}"
        account.url = account_url
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="churnobs-offline", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection and answer it without delay."""
        taken, address = super().get_request()
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(taken)
        return taken, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ended."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server's."""

    def server_close(self) -> None:
        """Close the port and the connections that idle."""
        super().server_close()
        for held in list(self._open):
            held.close()


def sign(account: Account, path: str, seconds: float) -> str:
    """A URL that reads one file of the account until it expires."""
    until = str(int(time.time() + seconds))
    mark = hmac.new(account.secret, f"{path}|{until}".encode(), hashlib.sha256).hexdigest()
    return f"{account.url}/files/{urllib.parse.quote(path)}?until={until}&mark={mark}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    account: Account

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing; the account's trace is the log."""

    def do_POST(self) -> None:
        """Answer a request."""
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        data: Any = json.loads(body) if body else {}
        query_id = str(uuid.uuid4())
        try:
            if path == "/session/v1/login-request":
                return self._send(self._login(given, data["data"]))
            if path.startswith("/telemetry"):
                return self._send({"success": True, "data": None, "code": None, "message": None})
            session, token = self._session()
            if path.startswith("/api/v2/"):
                return self._rest(session, path, given, data)
            if path == "/queries/v1/query-request":
                return self._send(self._query(session, data))
            if path == "/session" and given.get("delete"):
                self.account.close_session(token)
            if path in ("/session", "/session/heartbeat", "/session/token-request", "/queries/v1/abort-request"):
                return self._send({"success": True, "data": None, "code": None, "message": None})
            return self._send(
                {
                    "success": False,
                    "code": "000002",
                    "message": f"offline account: {path} is not supported",
                    "data": None,
                },
                404,
            )
        except SqlError as error:
            return self._send(payload(error, query_id))
        except Exception as error:  # noqa: BLE001  # whatever it is, the client must hear of it
            text = f"offline account: internal error: {type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
            return self._send(payload(SqlError(text, 370001, "XX000"), query_id))

    def do_PUT(self) -> None:
        """Answer a request of the REST interface."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Answer a request of the REST interface."""
        self.do_POST()

    def _rest(self, session: Session, path: str, given: dict[str, str], data: Any) -> None:
        code, told = rest.answer(session, self.command, path, given, data)
        self._send(told, code)

    def do_GET(self) -> None:
        """Hand out a signed file, a kept result or the state of a query."""
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        if path.startswith("/files/"):
            return self._file(urllib.parse.unquote(path.removeprefix("/files/")), given)
        try:
            session, _ = self._session()
            if path.startswith("/api/v2/"):
                return self._rest(session, path, given, None)
            parts = path.strip("/").split("/")
            if parts[0] == "queries" and parts[-1] == "result":
                found = self._kept(parts[1])
                return self._send(
                    {"success": True, "code": None, "message": None, "data": {**wire(found), "queryId": parts[1]}}
                )
            if parts[:2] == ["monitoring", "queries"]:
                known = self.account.result(parts[2]) is not None
                return self._send(
                    {"success": True, "data": {"queries": [{"status": "SUCCESS", "id": parts[2]}] if known else []}}
                )
            return self._send(
                {"success": False, "code": "000002", "message": f"{path} is not supported", "data": None}, 404
            )
        except SqlError as error:
            return self._send(payload(error, ""))

    def _kept(self, query_id: str) -> Result:
        found = self.account.result(query_id)
        if found is None:
            raise SqlError(f"Statement {query_id} not found", 709, "02000")
        return found

    def _session(self) -> tuple[Session, str]:
        mark = self.headers.get("Authorization") or ""
        token = mark[17:-1] if mark.startswith("Snowflake Token=") else ""
        found = self.account.sessions.get(token)
        if found is None:
            raise SqlError("User must login again to access the service.", 390104, "08001")
        return found, token

    def _login(self, given: dict[str, str], data: dict[str, Any]) -> dict[str, Any]:
        named = {key: fold(given[sent]) for key, sent in _NAMED.items() if given.get(sent)}
        user, password = str(data.get("LOGIN_NAME", "")), str(data.get("PASSWORD") or "")
        parameters = data.get("SESSION_PARAMETERS") or {}
        parent = parameters.pop("CHURNOBS_PARENT", None)
        token, session = self.account.open_session(user, password, named, parent)
        if parent is None:
            from churnobs.testing.environment import set_parameter

            for name, value in parameters.items():
                set_parameter(session, name.upper(), value)
        engine = session.engine
        info = {
            "databaseName": engine.database, "schemaName": engine.schema, "warehouseName": session.warehouse,
            "roleName": session.role,
        }  # fmt: skip
        told = [
            {"name": "AUTOCOMMIT", "value": session.shared.parameters.get("AUTOCOMMIT", True)},
            {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
            {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
            {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
            {"name": "PYTHON_SNOWPARK_USE_SCOPED_TEMP_OBJECTS", "value": True},
            {"name": "TIMEZONE", "value": "Etc/UTC"},
        ]
        return {
            "success": True, "code": None, "message": None,
            "data": {
                "token": token, "masterToken": secrets.token_urlsafe(16), "sessionId": int(session.id),
                "serverVersion": SERVER_VERSION,
                "validityInSeconds": 36000, "masterValidityInSeconds": 360000, "parameters": told, "sessionInfo": info,
            },
        }  # fmt: skip

    def _query(self, session: Session, data: dict[str, Any]) -> dict[str, Any]:
        describe_only = bool(data.get("describeOnly"))
        parameters: dict[str, Any] = data.get("parameters") or {}
        wanted = parameters.get("MULTI_STATEMENT_COUNT")
        wanted = int(session.shared.parameters.get("MULTI_STATEMENT_COUNT", 1) if wanted is None else wanted)
        if wanted != 1 and not describe_only:
            if data.get("bindings"):
                raise not_supported("binding values of several statements", "send them one by one")
            return self._several(session, data["sqlText"], wanted)
        given = bindings.read(data.get("bindings"))
        query_id, result = execute(session, data["sqlText"], given, describe_only=describe_only, parameters=parameters)
        if "upload" in result.extra:
            return {
                "success": True,
                "code": None,
                "message": None,
                "data": {**result.extra["upload"], "queryId": query_id},
            }
        engine = session.engine
        told = {
            "queryId": query_id, "finalDatabaseName": engine.database, "finalSchemaName": engine.schema,
            "finalWarehouseName": session.warehouse, "finalRoleName": session.role,
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        }  # fmt: skip
        return {
            "success": True,
            "code": None,
            "message": None,
            "data": {**wire(result, describe_only=describe_only), **told},
        }

    def _several(self, session: Session, text: str, wanted: int) -> dict[str, Any]:
        done = run_several(session, text, wanted)
        ids = ",".join(query_id for query_id, _ in done)
        told = {"resultIds": ids, "resultTypes": ",".join(str(result.type_id) for _, result in done)}
        whole = of_rows({"multiple statement execution": "text"}, [("Multiple statements executed successfully.",)])
        query_id = str(uuid.uuid4())
        session.account.keep_result(query_id, whole)
        data = {**wire(whole), "queryId": query_id, **told}
        return {"success": True, "code": None, "message": None, "data": data}

    def _file(self, path: str, given: dict[str, str]) -> None:
        until, mark = given.get("until", ""), given.get("mark", "")
        expected = hmac.new(self.account.secret, f"{path}|{until}".encode(), hashlib.sha256).hexdigest()
        target = (self.account.folder / path).resolve()
        allowed = hmac.compare_digest(mark, expected) and until.isdigit() and int(until) >= time.time()
        if not allowed or not target.is_relative_to(self.account.folder) or not target.is_file():
            return self._raw(b"", 403)
        return self._raw(Path(target).read_bytes(), 200, "application/octet-stream", self.headers.get("Range"))

    def do_HEAD(self) -> None:
        """Answer like GET, without the body."""
        self.do_GET()

    def _send(self, answer: dict[str, Any] | list[Any], code: int = 200) -> None:
        self._raw(json.dumps(answer, default=str).encode(), code)

    def _raw(self, body: bytes, code: int, kind: str = "application/json", span: str | None = None) -> None:
        total = len(body)
        if span and span.startswith("bytes=") and code == 200:
            first, _, last = span[6:].partition("-")
            start = int(first) if first else max(0, total - int(last))
            end = min(int(last), total - 1) if first and last else total - 1
            body, code = body[start : end + 1], 206
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{total}")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


_NAMED = {"database": "databaseName", "schema": "schemaName", "warehouse": "warehouse", "role": "roleName"}
