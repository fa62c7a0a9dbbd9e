"""People and tokens, for administrators."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from feed import people_passwords
from feed.http import openapi, problems_access
from feed.http.access import Action, Actor
from feed.http.answer import answer
from feed.http.gateway import Gateway
from feed.http.people_bodies import (
    PeoplePage,
    PersonBody,
    PersonChange,
    PersonView,
    TokenBody,
    TokensPage,
    TokenView,
)
from feed.http.problems import ProblemError
from feed.people import Person, Token

LONGEST_MS = 731 * 86_400_000
"""Of a program's token."""


def add(app: FastAPI, gateway: Gateway) -> None:
    """Add the endpoints."""
    _people(app, gateway)
    _tokens(app, gateway)


def _people(app: FastAPI, gateway: Gateway) -> None:
    people = gateway.people

    @app.get("/api/v1/people", responses=openapi.answers(PeoplePage, 401, 403))
    async def everybody() -> Response:
        """Give everybody who may log in, also those who are disabled."""
        page = [_person(each) for _, each in sorted(people.people.items())]
        return answer(PeoplePage(people=page))

    @app.post("/api/v1/people", responses=openapi.answers(PersonView, 401, 403, 422))
    async def add_person(request: Request, body: PersonBody) -> Response:
        """Let somebody in. The password is to be changed at the first login; one that is made up is told this once."""
        password, made_up = _initial(body.password, body.user)
        person = Person(
            user=body.user, name=body.name, role=body.role, language=body.language,
            password=await gateway.passwords.hashed(password), must_change=True,
        )  # fmt: skip
        await gateway.written(lambda: people.add(person, request.state.actor.doer))
        return answer(_person(person, made_up))

    @app.patch("/api/v1/people/{user}", responses=openapi.answers(PersonView, 401, 403, 404, 422))
    async def change_person(request: Request, user: str, body: PersonChange) -> Response:
        """Change what is said about somebody; another role, a password or being disabled ends his sessions."""
        if user not in people.people:
            raise ProblemError(problems_access.no_such_person(user[:64]))
        given = body.model_dump(exclude_none=True, exclude={"password", "reset"})
        made_up: str | None = None
        if body.reset or body.password is not None:
            password, made_up = _initial(None if body.reset else body.password, user)
            given |= {"password": await gateway.passwords.hashed(password), "must_change": True}
        _, after = await gateway.written(lambda: people.change(user, request.state.actor.doer, **given))
        return answer(_person(after, made_up))


def _tokens(app: FastAPI, gateway: Gateway) -> None:
    people = gateway.people

    @app.get("/api/v1/tokens", responses=openapi.answers(TokensPage, 401, 403))
    async def tokens() -> Response:
        """Give all tokens, but not what they are."""
        page = sorted((_token(each) for each in list(people.tokens.values())), key=lambda each: each.name)
        return answer(TokensPage(tokens=page))

    @app.post("/api/v1/tokens", responses=openapi.answers(TokenView, 401, 403, 422))
    async def issue(request: Request, body: TokenBody) -> Response:
        """Make a token, which is told this once."""
        actor: Actor = request.state.actor
        now_ms = gateway.behind.civil_ms()
        if body.kind == "api" and not body.scopes:
            raise ProblemError(problems_access.cannot_be("no-scopes", "请写明 scopes", "say what it may: scopes"))
        if (body.kind == "api" and not body.expires_ms) or body.expires_ms > now_ms + LONGEST_MS:
            zh, en = "程序令牌须有两年以内的到期时间（expires）", "a program's token has to expire within two years"
            raise ProblemError(problems_access.cannot_be("no-expiry", zh, en))
        if body.expires_ms and body.expires_ms <= now_ms:
            raise ProblemError(problems_access.cannot_be("no-expiry", "到期时间已过", "it would have expired already"))
        scopes: set[Action] = set(body.scopes) if body.kind == "api" else {"see"}
        secret, token = await gateway.written(
            lambda: people.issue(
                name=body.name, kind=body.kind, scopes=scopes, ip=body.ip, expires_ms=body.expires_ms,
                by=actor.doer,
            )
        )  # fmt: skip
        return answer(_token(token, secret))

    @app.delete("/api/v1/tokens/{name}", responses=openapi.answers(TokenView, 401, 403, 404))
    async def withdraw(request: Request, name: str) -> Response:
        """Take a token back; what it has opened ends."""
        try:
            token = await gateway.written(lambda: people.withdraw(name, request.state.actor.doer))
        except KeyError:
            raise ProblemError(problems_access.no_such_token(name[:64])) from None
        return answer(_token(token))


def _initial(password: str | None, user: str) -> tuple[str, str | None]:
    """Take the password that an administrator gives, or make one up, which is told. Raises ProblemError: 422."""
    if password is None:
        made_up = people_passwords.one_time()
        return made_up, made_up
    weak = people_passwords.weakness(password, user)
    if weak is not None:
        raise ProblemError(problems_access.cannot_be("weak-password", *weak))
    return password, None


def _person(person: Person, password: str | None = None) -> PersonView:
    return PersonView(
        user=person.user, name=person.name, role=person.role, language=person.language,
        must_change=person.must_change, disabled=person.disabled, password=password,
    )  # fmt: skip


def _token(token: Token, secret: str | None = None) -> TokenView:
    return TokenView(**token.told(), token=secret)
