"""A SMART Backend Services authorization server with real checks, and a FHIR server that wants its tokens.

One FastAPI application with both; it fetches the client's keys from the client's JWKS endpoint, as a real one does.
"""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

ISSUER = "https://ehr.example"
TOKEN_URL = f"{ISSUER}/token"
BASE = f"{ISSUER}/fhir"


@dataclass
class AuthServer:
    """State that a test looks at and turns."""

    jwks: Any  #: called to read the client's key set
    capabilities: list[str] = field(default_factory=lambda: ["permission-v2", "client-confidential-asymmetric"])
    life_s: int = 300
    ahead_s: float = 0.0  #: how far this server's clock is ahead
    grant: tuple[str, ...] | None = None  #: narrower than asked
    fail: int = 0  #: token requests to answer with 500
    assertions: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    tokens: dict[str, datetime] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bearer: list[str | None] = field(default_factory=list)  #: what each FHIR request carried

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def refuse(self, why: str) -> JSONResponse:
        self.refusals.append(why)
        return JSONResponse({"error": "invalid_client", "error_description": why}, 400, self.date())

    def date(self) -> dict[str, str]:
        return {"Date": self.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}

    def check(self, assertion: str) -> str | None:
        """Why an assertion is refused, None when it is good."""
        head = jwt.get_unverified_header(assertion)
        self.headers.append(head)
        if head.get("typ") != "JWT" or head.get("alg") not in ("RS384", "ES384"):
            return "header"
        key = next((k for k in self.jwks()["keys"] if k["kid"] == head.get("kid")), None)
        if key is None:
            return "kid"
        if "d" in key:
            return "private key published"
        try:
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(key, algorithm=head["alg"]).key,
                algorithms=[head["alg"]],
                audience=TOKEN_URL,
                options={"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "jti"]},
            )
        except jwt.PyJWTError as error:
            return type(error).__name__
        self.assertions.append(claims)
        now = self.now().timestamp()
        if not now < claims["exp"] <= now + 300:
            return "exp"
        if claims["iss"] != claims["sub"] or claims["iss"] != "emhwatch-client":
            return "iss"
        if claims["jti"] in self.seen:
            return "replay"
        self.seen.add(claims["jti"])
        return None

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/fhir/.well-known/smart-configuration")
        def configuration() -> dict[str, Any]:
            return {
                "token_endpoint": TOKEN_URL,
                "capabilities": self.capabilities,
                "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            }

        @app.post("/token")
        async def token(request: Request) -> JSONResponse:
            form = dict(part.split("=", 1) for part in (await request.body()).decode().split("&"))
            if self.fail:
                self.fail -= 1
                return JSONResponse({}, 500)
            if form["grant_type"] != "client_credentials" or "authorization" in request.headers:
                return self.refuse("grant")
            why = self.check(form["client_assertion"])
            if why:
                return self.refuse(why)
            asked = form["scope"].replace("%2F", "/").replace("+", " ")
            self.asked.append(asked)
            access = secrets.token_urlsafe(16)
            self.tokens[access] = self.now() + timedelta(seconds=self.life_s)
            scope = " ".join(self.grant) if self.grant is not None else asked
            body = {"access_token": access, "token_type": "bearer", "expires_in": self.life_s, "scope": scope}
            return JSONResponse(body, 200, self.date())

        @app.get("/fhir/Patient/{ident}")
        def patient(request: Request, ident: str) -> JSONResponse:
            header = request.headers.get("authorization")
            self.bearer.append(header)
            access = (header or "").removeprefix("Bearer ")
            if self.tokens.get(access, datetime.min.replace(tzinfo=UTC)) <= self.now():
                return JSONResponse({"resourceType": "OperationOutcome", "issue": []}, 401)
            return JSONResponse({"resourceType": "Patient", "id": ident})

        return app
