"""The survey's server: the page, the built photos and nothing else, and answers straight into SQLite."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import Depends, FastAPI, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from cafemood.errors import SurveyError
from cafemood.survey import page
from cafemood.survey.limits import STARTS, Deadlines, Limits, Starts, checked_proxies
from cafemood.survey.panel import ID, NO_PANEL, Panel, PanelIds
from cafemood.survey.store import Refused, Store, why_not_kept
from cafemood.survey.study import DAY, Study, read_photos

log = logging.getLogger(__name__)


class Strict(BaseModel):
    """Unknown fields and other types are refused, not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Known(Strict):
    """Somebody whom a panel sent, by its id."""

    panel_id: Annotated[StrictStr, Field(pattern=f"^{ID}$")] | None = None


class Start(Known):
    """Somebody begins."""

    consent: Literal[True]
    gender: Literal["woman", "man", "other", "unsaid"]
    language: Literal["ko", "en"]


class Answer(Strict):
    """One answer; the same again, or a newer one with a higher `revision`."""

    value: StrictInt | Annotated[StrictStr, Field(max_length=80)] | None
    seconds: Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]
    revision: Annotated[int, Field(ge=1, le=1_000_000)]


def token_of(authorization: Annotated[str, Header()] = "") -> str:
    """The token of a request, of the right form."""
    found = re.fullmatch(r"Bearer ([\w-]{20,64})", authorization, re.ASCII)
    if found is None:
        raise Refused(401, "no token was given")
    return found[1]


Token = Annotated[str, Depends(token_of)]


def create_app(
    study: Study, store: Store, hosts: list[str] | None = None, starts: int = STARTS, panel: Panel = NO_PANEL
) -> FastAPI:
    """The application of one survey.

    Args:
        study: The survey; its photos are read now, and only they are ever served.
        store: Where answers go.
        hosts: Host names it answers to; None: any.
        starts: People who may begin within an hour from one address; 0: any number.
        panel: The panel that people come from.
    """
    photos, ids = read_photos(study), PanelIds(study.folder)
    html, policy = page.served(study, panel)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if hosts is not None:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    app.add_middleware(Limits)
    begun = Starts(starts)

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        if error.status == 507:
            log.error("An answer could not be stored: %s", why_not_kept(error))
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        return JSONResponse({"error": error.reason}, error.status, headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return JSONResponse({"error": "this is not what is asked for"}, 422)

    @app.exception_handler(HTTPException)
    def missing(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": "there is nothing here"}, error.status_code, error.headers)

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.get("/")
    async def front() -> Response:
        return HTMLResponse(html)

    @app.get("/photos/{name}")
    async def photo(name: str) -> Response:
        data = photos.get(name)
        if data is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(data, media_type="image/webp", headers=headers)

    @app.post("/api/start", status_code=201)
    async def start(asked: Start, request: Request) -> dict[str, Any]:
        if asked.panel_id is not None and asked.panel_id in ids:
            raise Refused(409, "this person has taken part")
        begun.admit(request.client.host if request.client else None)
        return await run_in_threadpool(begin, asked)

    def begin(asked: Start) -> dict[str, Any]:
        new, number = store.start(asked.gender, asked.language)
        return {"token": new, "steps": study.steps(number)}

    @app.get("/api/resume")
    def resume(who: Token) -> dict[str, Any]:
        number, finished, answers = store.resume(who)
        return {"steps": study.steps(number), "finished": finished, "answers": answers}

    @app.put("/api/answers/{question}")
    def answer(question: str, given: Answer, who: Token) -> dict[str, Any]:
        store.answer(who, question, given.value, given.seconds, given.revision)
        return {"revision": given.revision}

    @app.post("/api/finish")
    def finish(who: Token, known: Known | None = None) -> dict[str, Any]:
        store.finish(who)
        number, _, answers = store.resume(who)
        if any(name not in answers for name, _ in study.plan(number)):
            return {"finished": True}
        if panel.code and known is not None and known.panel_id is not None:
            ids.add(known.panel_id)
        return {"finished": True, **panel.ending()}

    @app.post("/api/withdraw")
    def withdraw(who: Token, known: Known | None = None) -> dict[str, Any]:
        store.withdraw(who)
        if known is not None and known.panel_id is not None:
            ids.remove(known.panel_id)
        return {"deleted": True}

    return app


class _Server(uvicorn.Server):
    """Says where it is once it listens."""

    when_started: Callable[[], None]

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.when_started()


def serve(
    study: Study,
    host: str,
    port: int,
    names: list[str],
    say: Callable[[str], None],
    *,
    starts: int = STARTS,
    proxies: list[str] | None = None,
    panel: Panel = NO_PANEL,
) -> None:
    """Serve until Ctrl-C.

    Args:
        study: The survey.
        host: Address to listen on; beyond this machine only if the user says so.
        port: TCP port; 0 takes a free one.
        names: More host names to answer to, for a proxy in front.
        say: Prints a line for the user.
        starts: People who may begin within an hour from one address; 0: any number.
        proxies: Addresses whose word for a visitor's own address (X-Forwarded-For) is taken; by default none.
        panel: The panel that people come from.

    Raises:
        KeyboardInterrupt: It was stopped with Ctrl-C; all answers are stored.
        SurveyError: A name is none, the port is taken, or the survey cannot be served (see `Store`).
    """
    names, proxies, panel = checked_names(names), checked_proxies(proxies or []), panel.checked()
    local = is_loopback(host)
    store = Store(study)
    try:
        hosts = ["localhost", "127.0.0.1", "[::1]", "::1", host, *names] if local else None
        config = uvicorn.Config(
            create_app(study, store, hosts, starts, panel),
            host=host,
            port=port,
            http=Deadlines,
            ws="none",
            access_log=False,  # it would keep addresses
            log_level="warning",
            server_header=False,
            proxy_headers=bool(proxies),  # uvicorn would believe whoever connects from this machine
            forwarded_allow_ips=proxies,
        )
        server = _Server(config)
        try:
            socket = config.bind_socket()
        except SystemExit:  # uvicorn's way to say that it could not
            fix = "give another --port (0 takes a free one), or another --host"
            raise SurveyError(f"Nothing can listen on {host}, port {port}", where="--port", fix=fix) from None
        address = f"[{host}]" if ":" in host else host
        if not local:
            say(
                f"WARNING: {host} is not this machine alone: whoever reaches port {socket.getsockname()[1]} can "
                "answer, and nothing is encrypted on the way. Put a proxy with TLS in "
                "front for people outside your network."
            )
        server.when_started = partial(
            say, f"Survey: http://{address}:{socket.getsockname()[1]}/  (Ctrl-C stops it; answers: {store.path})"
        )
        try:
            server.run(sockets=[socket])
        finally:  # on Ctrl-C uvicorn ends what was begun, and then raises it again
            counts = store.counts()
            say(
                f"{counts['people']} people began, {counts['finished']} finished or stopped, "
                f"{counts['answers']} answers."
            )
    finally:
        store.close()


def checked_names(names: list[str]) -> list[str]:
    """Host names, `*.example.org` for all below one, or `*` for any.

    Raises:
        SurveyError: One is not as a request names its host, so that no request would ever be answered.
    """
    for name in names:
        if name != "*" and not re.fullmatch(r"(\*\.)?\w([\w.-]*\w)?", name, re.ASCII):
            fix = "give it as browsers send it, without scheme, port or path: survey.example.org, or *.example.org"
            raise SurveyError(f"{name!r} cannot be a host name", where="--name", fix=fix)
    return names


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
