"""Login, logout, who one is, one's own password, the lock."""

from typing import NoReturn

from fastapi import FastAPI, Request
from starlette.responses import Response

from feed import people_passwords
from feed.desk import Audited
from feed.http import openapi, problems_access
from feed.http.access import Actor
from feed.http.answer import answer
from feed.http.gateway import Gateway
from feed.http.knowing import cookie, from_there
from feed.http.peers import Peer
from feed.http.people_bodies import LoginBody, Me, Nothing, PasswordBody, UnlockBody
from feed.http.problems import Problem, ProblemError
from feed.people import IDLE_MS, IDLE_ROLES, Session


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    _coming_and_going(app, gateway)
    _oneself(app, gateway)


def _coming_and_going(app: FastAPI, gateway: Gateway) -> None:
    people = gateway.people

    @app.post("/api/v1/login", responses=openapi.answers(Me, 401, 403, 429))
    async def login(request: Request, body: LoginBody) -> Response:
        """Begin a session: of a person by name and password, of a wall screen by its token; answers with a cookie."""
        peer: Peer = request.state.peer
        former: Actor = request.state.actor
        await gateway.written(people.open)
        begun = _begin_wall if body.token else _begin_person
        who, secret, session = await begun(gateway, request, body)
        if former.session:
            await gateway.written(lambda: people.end(former.session))
        await gateway.auditor.write(Audited(who=who, via=peer.via, what="login", status=200))
        actor = gateway.knowing.of_session(peer, session) or former
        return answer(_me(gateway, actor), headers={"set-cookie": cookie(secret)})

    @app.post("/api/v1/logout", responses=openapi.answers(Nothing, 401, 403))
    async def logout(request: Request) -> Response:
        """End the session."""
        actor: Actor = request.state.actor
        await gateway.written(lambda: people.end(actor.session))
        await gateway.auditor.write(Audited(who=actor.user, via=actor.via, what="logout", status=200))
        return answer({}, headers={"set-cookie": cookie("")})


def _oneself(app: FastAPI, gateway: Gateway) -> None:
    people, passwords = gateway.people, gateway.passwords

    @app.get("/api/v1/me", responses=openapi.answers(Me, 401))
    async def me(request: Request) -> Response:
        """Say who one is, and what one may."""
        return answer(_me(gateway, request.state.actor))

    @app.post("/api/v1/me/password", responses=openapi.answers(Me, 400, 401, 403, 422, 429))
    async def password(request: Request, body: PasswordBody) -> Response:
        """Set another password of one's own; ends one's other sessions, and answers with another cookie."""
        actor: Actor = request.state.actor
        person = await passwords.again(request, body.old)
        weak = people_passwords.weakness(body.new, person.user)
        if body.new == body.old:
            weak = "新密码须与旧密码不同", "the new password must be another than the old one"
        if weak is not None:
            raise ProblemError(problems_access.cannot_be("weak-password", *weak))
        hashed = await passwords.hashed(body.new)
        own = {"password": hashed, "must_change": False}
        await gateway.written(lambda: people.change(person.user, actor.doer, "password", **own))
        secret, session = await gateway.written(lambda: people.begin(user=person.user))
        after = gateway.knowing.of_session(request.state.peer, session) or actor
        return answer(_me(gateway, after), headers={"set-cookie": cookie(secret)})

    @app.post("/api/v1/me/unlock", responses=openapi.answers(Me, 401, 403, 429))
    async def unlock(request: Request, body: UnlockBody) -> Response:
        """Go on after the lock, with the password."""
        actor: Actor = request.state.actor
        await passwords.again(request, body.password)
        session = people.sessions.get(actor.session)
        if session is not None:
            people.touch(session)
            session.locked = False
        await gateway.auditor.write(Audited(who=actor.user, via=actor.via, what="unlock", status=200))
        return answer(_me(gateway, actor))


Begun = tuple[str, str, Session]
"""Who, what the cookie holds, the session."""


async def _begin_person(gateway: Gateway, request: Request, body: LoginBody) -> Begun:
    who = body.user or ""
    person = await gateway.passwords.known(who, body.password, request.state.peer.address)
    if person is None:
        await _refuse(gateway, request, who, problems_access.wrong_login())
    return who, *await gateway.written(lambda: gateway.people.begin(user=who))


async def _begin_wall(gateway: Gateway, request: Request, body: LoginBody) -> Begun:
    peer: Peer = request.state.peer
    token = gateway.people.token(body.token)
    if token is None or token.kind != "wall" or not from_there(token, peer):
        await _refuse(gateway, request, "", problems_access.not_known(shown=True))
    return f"token:{token.name}", *await gateway.written(lambda: gateway.people.begin(token=token))


async def _refuse(gateway: Gateway, request: Request, who: str, problem: Problem) -> NoReturn:
    """Write down whose name was tried, and refuse."""
    peer: Peer = request.state.peer
    tried = Audited(who=who, via=peer.via, what="login", status=problem.status, answer=problem.text.en)
    await gateway.auditor.refused(tried, peer.address)
    raise ProblemError(problem)


def _me(gateway: Gateway, actor: Actor) -> Me:
    session = gateway.people.sessions.get(actor.session)
    person = gateway.people.people.get(actor.user) if actor.role else None
    return Me(
        user=actor.user, name=actor.name, role=actor.role, door=actor.door, may=sorted(actor.actions),
        language=person.language if person else "zh", idle_s=IDLE_MS // 1000 if actor.role in IDLE_ROLES else None,
        must_change=person is not None and person.must_change, locked=session is not None and session.locked,
    )  # fmt: skip
