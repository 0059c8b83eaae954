"""Our own keys: a JWKS file with private keys. One signs, the public parts of all are published (rotation).

To rotate, put the new key at the first place of the file and keep the old one behind it until every server has read
the new set; the file is read again when it changes, no restart is needed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emhwatch.errors import ConfigurationError

ALGORITHMS = ("RS384", "ES384")
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_FITS = {"RS384": "RSA", "ES384": "EC"}
_MIN_RSA_BITS = 2048


class KeyFile:
    """The keys of `EMHWATCH_FHIR_KEY_FILE`."""

    def __init__(self, path: str, alg: str) -> None:
        if alg not in ALGORITHMS:
            raise ConfigurationError("EMHWATCH_FHIR_KEY_ALG is neither RS384 nor ES384.", remedy="Set one of them.")
        self._path, self._alg = Path(path), alg
        self._read_at: int | None = None
        self._keys: tuple[Mapping[str, Any], ...] = ()

    def public(self) -> dict[str, Any]:
        """The JWK Set to publish: public parts only."""
        return {"keys": [self._public(key) for key in self._current()]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT, signed with the first key that fits the algorithm.

        Raises:
            ConfigurationError: the file cannot be read, or no key fits.
        """
        key = next((k for k in self._current() if k.get("kty") == _FITS[self._alg]), None)
        if key is None:
            raise ConfigurationError(
                f"The key file holds no key for {self._alg}.", remedy="Add one, or set EMHWATCH_FHIR_KEY_ALG."
            )
        private = jwt.PyJWK(dict(key), algorithm=self._alg).key
        return jwt.encode(dict(claims), private, algorithm=self._alg, headers={"kid": key["kid"], "typ": "JWT"})

    def _current(self) -> tuple[Mapping[str, Any], ...]:
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                self._keys = tuple(_checked(key) for key in json.loads(self._path.read_text("utf-8"))["keys"])
                self._read_at = changed
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            raise ConfigurationError(
                "EMHWATCH_FHIR_KEY_FILE is not a readable JWKS with private keys.",
                remedy='It must be {"keys": [...]}, each key with kty, kid and its private part.',
            ) from error
        return self._keys

    def _public(self, key: Mapping[str, Any]) -> dict[str, Any]:
        alg = next(name for name, kty in _FITS.items() if kty == key["kty"])
        parts = {name: key[name] for name in _PUBLIC[key["kty"]]}
        return {**parts, "kid": key["kid"], "alg": alg, "use": "sig", "key_ops": ["verify"]}


def _checked(key: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = key["kty"]
    if kind not in _PUBLIC or not key.get("kid") or "d" not in key:
        raise ValueError("kty")
    private = jwt.PyJWK(dict(key), algorithm="RS384" if kind == "RSA" else "ES384").key
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size < _MIN_RSA_BITS:
        raise ValueError("size")
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name != "secp384r1":
        raise ValueError("crv")
    return key


def new_key(alg: str, kid: str) -> dict[str, Any]:
    """A fresh private key as JWK, for `emhwatch doctor --new-key` and for tests."""
    if alg == "RS384":
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 3072), as_dict=True)
    else:
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()), as_dict=True)
    return {**jwk, "kid": kid}
