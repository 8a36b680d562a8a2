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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from churnobs.testing import bindings, rest
from churnobs.testing.failures import SqlError, not_supported, payload
from churnobs.testing.names import fold
from churnobs.testing.proof import Proof, client_source, judgement
from churnobs.testing.results import of_rows, wire
from churnobs.testing.several import run_several
from churnobs.testing.statements import execute

if TYPE_CHECKING:
    from churnobs.testing.account import Account
    from churnobs.testing.results import Result
    from churnobs.testing.session import Session

SERVER_VERSION = "9.30.0 churnobs-offline"
Answerer: TypeAlias = "Callable[[Any, Request], None]"
# what a client is told with each answer
FORMATS = [
    {"name": name, "value": value} for name, value in {
        "TIMEZONE": "Etc/UTC", "DATE_OUTPUT_FORMAT": "YYYY-MM-DD", "TIME_OUTPUT_FORMAT": "HH24:MI:SS",
        "BINARY_OUTPUT_FORMAT": "HEX",
        "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3",
        "TIMESTAMP_LTZ_OUTPUT_FORMAT": "", "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
    }.items()
]  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Request:
    """A request as an endpoint sees it; without a session where none is needed."""

    path: str
    given: Mapping[str, str]
    body: Any
    session: Any
    token: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers requests of a method and a path, in which * stands for anything."""

    method: str
    path: str
    run: Callable[[Any, Request], None]
    proof: Proof
    logged_in: bool


ENDPOINTS: list[Endpoint] = []
_DONE = {"success": True, "data": None, "code": None, "message": None}


def endpoint(*heads: str, proof: Proof, logged_in: bool = True) -> Callable[[Answerer], Answerer]:
    """Register what answers "METHOD /path"."""

    def register(answerer: Answerer) -> Answerer:
        for method, path in map(str.split, heads):
            ENDPOINTS.append(Endpoint(method, path, answerer, proof, logged_in))
        return answerer

    return register


def endpoint_of(method: str, path: str) -> Endpoint | None:
    """The endpoint of a request, or None where it is not emulated."""
    return next((one for one in ENDPOINTS if one.method == method and fnmatchcase(path, one.path)), None)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    account: Account

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing; the account's trace is the log."""

    def do_POST(self) -> None:
        """Answer a request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._answer(json.loads(body) if body else {})

    def _answer(self, data: Any) -> None:
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        method = "GET" if self.command == "HEAD" else self.command
        try:
            found = endpoint_of(method, path)
            if found is None:
                message = f"offline account: {path} is not supported"
                return self._send({"success": False, "code": "000002", "message": message, "data": None}, 404)
            session, token = self._session() if found.logged_in else (None, "")
            return found.run(self, Request(path, given, data, session, token))
        except SqlError as error:
            return self._send(payload(error, str(uuid.uuid4()) if method != "GET" else ""))
        except Exception as error:  # noqa: BLE001  # whatever it is, the client must hear of it
            text = f"offline account: internal error: {type(error).__name__}: {error}\n{traceback.format_exc(limit=-4)}"
            return self._send(payload(SqlError(text, 370001, "XX000"), str(uuid.uuid4())))

    def do_PUT(self) -> None:
        """Answer a request of the REST interface."""
        self.do_POST()

    def do_DELETE(self) -> None:
        """Answer a request of the REST interface."""
        self.do_POST()

    def do_GET(self) -> None:
        """Answer a request without a body."""
        self._answer(None)

    @endpoint("POST /session/v1/login-request", proof=client_source("connector/auth/_auth.py"), logged_in=False)
    def log_in(self, request: Request) -> None:
        """Login with the account's password; the database, schema, warehouse and role that it names."""
        self._send(self._login(request.given, request.body["data"]))

    @endpoint("POST /telemetry/send", proof=client_source("connector/telemetry.py"), logged_in=False)
    def telemetry(self, _request: Request) -> None:
        """Telemetry is taken and forgotten."""
        self._send(_DONE)

    @endpoint("POST /queries/v1/query-request", proof=client_source("connector/connection.py"))
    def query_request(self, request: Request) -> None:
        """A statement, or several, with its binds; also to describe it alone."""
        self._send(self._query(request.session, request.body))

    @endpoint("POST /session", proof=client_source("connector/network.py"))
    def end_session(self, request: Request) -> None:
        """Logout (delete=true)."""
        if request.given.get("delete"):
            self.account.close_session(request.token)
        self._send(_DONE)

    @endpoint("POST /session/heartbeat", "POST /session/token-request", proof=client_source("connector/network.py"))
    def keep_alive(self, _request: Request) -> None:
        """Answered, and nothing is done: sessions do not age."""
        self._send(_DONE)

    @endpoint("POST /queries/v1/abort-request", proof=client_source("connector/connection.py"))
    def abort(self, _request: Request) -> None:
        """Answered, and nothing is done: a statement that runs is not stopped."""
        self._send(_DONE)

    @endpoint("GET /queries/*/result", proof=client_source("connector/cursor.py"))
    def kept_result(self, request: Request) -> None:
        """The kept result of a query."""
        query_id = request.path.strip("/").split("/")[1]
        found = self._kept(query_id)
        self._send({"success": True, "code": None, "message": None, "data": {**wire(found), "queryId": query_id}})

    @endpoint("GET /monitoring/queries/*", proof=client_source("connector/connection.py"))
    def query_state(self, request: Request) -> None:
        """The state of a query: SUCCESS where its result is kept, FAILED_WITH_ERROR where its error is."""
        query_id = request.path.strip("/").split("/")[2]
        self._send({"success": True, "data": {"queries": self._state(query_id)}})

    @endpoint(
        "GET /files/*", proof=judgement("the address is the account's own, given by GET_PRESIGNED_URL"), logged_in=False
    )
    def file(self, request: Request) -> None:
        """A signed file of a stage, until it expires; also a part of it."""
        self._file(urllib.parse.unquote(request.path.removeprefix("/files/")), request.given)

    @endpoint("GET /api/v2/*", "POST /api/v2/*", "PUT /api/v2/*", "DELETE /api/v2/*", proof=rest.PROOF)
    def rest_request(self, request: Request) -> None:
        """The REST interface, for tasks: each route is listed by itself."""
        code, told = rest.answer(request.session, self.command, request.path, request.given, request.body)
        self._send(told, code)

    def _state(self, query_id: str) -> list[dict[str, Any]]:
        if (error := self.account.failures.get(query_id)) is not None:
            told = {"errorCode": error.errno, "errorMessage": error.message}
            return [{"status": "FAILED_WITH_ERROR", "id": query_id, **told}]
        return [{"status": "SUCCESS", "id": query_id}] if self.account.result(query_id) is not None else []

    def _kept(self, query_id: str) -> Result:
        if (error := self.account.failures.get(query_id)) is not None:
            raise error
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

    def _login(self, given: Mapping[str, str], data: dict[str, Any]) -> dict[str, Any]:
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
            *FORMATS,
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
        try:
            query_id, result = execute(
                session, data["sqlText"], given, describe_only=describe_only, parameters=parameters
            )
        except SqlError as error:
            if not data.get("asyncExec"):
                raise
            query_id = str(uuid.uuid4())  # the client asks for the error when it asks for the result
            self.account.keep_failure(query_id, error)
            return {"success": True, "code": None, "message": None, "data": {"queryId": query_id}}
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
            "parameters": FORMATS,
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

    def _file(self, path: str, given: Mapping[str, str]) -> None:
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
