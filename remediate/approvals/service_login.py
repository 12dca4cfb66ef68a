"""Approvals by persons who logged in to the service: it vouches for each with a key of its own.

The line `remediate-service` of allowed_signers holds the public part of that key. So a row that somebody else wrote to
the database is no approval, and neither is one that was made with the key of plan hashes.
"""

import json
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from typing_extensions import override

from remediate.approvals.authentication import SERVICE, Authenticator, SshSigners, UnprovenApprover, signed
from remediate.approvals.proposal import ApprovalMeans, Approver
from remediate.core.field_types import FrozenModel
from remediate.errors import ConfigurationError

NAMESPACE: Final = "remediate-service"
"""The purpose of the service's signature. That of a person is another one, so neither stands for the other."""


class LoginProof(FrozenModel):
    """The person who approved while logged in, and the service's signature for it."""

    person: str
    login: str
    """The id of the login in the service's log. It opens nothing."""
    signature: str


class ServiceLogins(Authenticator):
    """Verifies what the service vouched for. The person has to be listed in allowed_signers now, as at a terminal."""

    def __init__(self, signers: SshSigners) -> None:
        self._signers = signers

    @property
    @override
    def how(self) -> ApprovalMeans:
        return ApprovalMeans.SERVICE_LOGIN

    @override
    def authenticate(self, statement: str, proof: str) -> Approver:
        try:
            given = LoginProof.model_validate_json(proof)
        except ValidationError:
            raise UnprovenApprover("the proof of the login cannot be read") from None
        self._signers.demand_listed(given.person)
        name, key = self._signers.signer(_vouched(statement, given.person, given.login), given.signature, NAMESPACE)
        if name != SERVICE:
            raise UnprovenApprover(f"{name} signed this login, which only the service may do")
        return Approver(given.person, self.how, f"login {given.login} to the service with the {key}")


def login_proof(statement: str, person: str, login: str, key: Path) -> str:
    """Vouch with the service's key for a person who approves this statement. Raises ConfigurationError."""
    signature = signed(_vouched(statement, person, login), key, NAMESPACE)
    return LoginProof(person=person, login=login, signature=signature).model_dump_json()


def demand_vouching(signers: SshSigners, key: Path) -> None:
    """Raise ConfigurationError unless what the service signs with this key is accepted."""
    try:
        name, _ = signers.signer("", signed("", key, NAMESPACE), NAMESPACE)
    except UnprovenApprover as why:
        raise ConfigurationError(f"the service's approval_key: {why}") from None
    if name != SERVICE:
        raise ConfigurationError(
            f"the service's approval_key is the key of {name}: give it one of its own, listed as `{SERVICE} ssh-…`"
        )


def _vouched(statement: str, person: str, login: str) -> str:
    return f"{statement}approved by: {json.dumps([person, login])}\n"
