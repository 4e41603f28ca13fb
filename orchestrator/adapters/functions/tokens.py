"""Checks Firebase ID tokens, revoked ones included. Fulfils `orchestrator.api.Verifier`."""

from __future__ import annotations

from firebase_admin import App, auth

from orchestrator.domain.errors import ConfigurationError


class FirebaseVerifier:
    """Reads the role claim of a token that is valid, not revoked, and of a user who is not disabled."""

    def __init__(self, app: App) -> None:
        self._app = app

    def role_of(self, token: str) -> str:
        """Return the role claim of a valid token, "" when it has none.

        Raises
        ------
        PermissionError
            The token is not valid, expired, revoked, or its user is disabled or gone.
        ConfigurationError
            Google's certificates cannot be had.
        """
        try:
            claims = auth.verify_id_token(token, app=self._app, check_revoked=True)
        except auth.CertificateFetchError as error:
            raise ConfigurationError(f"ID tokens cannot be checked: {error}") from error
        except (auth.InvalidIdTokenError, auth.UserDisabledError, auth.UserNotFoundError, ValueError) as error:
            raise PermissionError(f"the ID token is not accepted: {error}") from error
        return str(claims.get("role", ""))
