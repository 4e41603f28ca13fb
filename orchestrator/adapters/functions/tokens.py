"""Firebase Auth: checks ID tokens, revoked ones included, and gives roles."""

from __future__ import annotations

from firebase_admin import App, auth

from orchestrator.domain.errors import ConfigurationError


class FirebaseVerifier:
    """Reads the role claim of a token that is valid, not revoked, and of a user who is not disabled.

    Fulfils `orchestrator.api.Verifier`.
    """

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


class FirebaseAccounts:
    """The accounts of the project; fulfils `orchestrator.people.Accounts`."""

    def __init__(self, app: App) -> None:
        self._app = app

    def uid_of(self, email: str) -> str:
        """Return a person's uid.

        Raises
        ------
        ConfigurationError
            Nobody has that address, or Auth refuses the credentials.
        """
        try:
            return str(auth.get_user_by_email(email, app=self._app).uid)
        except (auth.UserNotFoundError, ValueError) as error:
            raise ConfigurationError(
                f"nobody has the address {email}: sign in on the page once, then try again"
            ) from error

    def claim(self, uid: str, role: str) -> None:
        """Set the role claim and revoke the tokens that carry the old one."""
        auth.set_custom_user_claims(uid, {"role": role}, app=self._app)
        auth.revoke_refresh_tokens(uid, app=self._app)
