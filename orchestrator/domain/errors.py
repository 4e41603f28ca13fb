"""Every error the desk raises on purpose, and what a caller may do about it.

TradingError
├─ ConfigurationError        the desk is set up wrongly: stop at start-up, tell a person
├─ DomainError               a bug or bad input: never retry
│  ├─ InvalidTransitionError     an order was told something its state does not allow
│  └─ ParameterOutOfBoundsError  a parameter document is not usable
├─ DataError                 market data cannot be trusted: no new risk this run
│  ├─ StaleDataError
│  ├─ MissingDataError
│  └─ MalformedDataError
├─ BrokerError
│  ├─ BrokerUnavailableError     the request was not sent: may be sent again
│  ├─ RateLimitedError           not sent; again after `retry_after_s`
│  ├─ BrokerAuthError            the key is wrong: tell a person
│  ├─ OrderRefusedError          the venue said no, with `code`
│  └─ OutcomeUnknownError        may have been accepted: never send again, look it up
└─ StoreError
   ├─ AlreadyExistsError         somebody was faster: acknowledge
   ├─ ConcurrencyConflictError   a compared document changed: read again, decide again
   └─ StoreUnavailableError      again with back-off

Expected refusals (risk) are values, not errors: see `orchestrator.domain.risk`.
"""

from __future__ import annotations


class TradingError(Exception):
    """Base of all errors of the desk. `retryable` says whether the same call may be made again."""

    retryable = False


class ConfigurationError(TradingError):
    """The desk is set up wrongly; the message says what, where and what to do."""


class DomainError(TradingError):
    """A bug or bad input; never retried."""


class InvalidTransitionError(DomainError):
    """Evidence arrived that the order's state has no row for.

    Parameters
    ----------
    client_order_id, state, evidence
        The order, the state it was in, and what was said of it.
    """

    def __init__(self, client_order_id: str, state: str, evidence: str) -> None:
        super().__init__(f"order {client_order_id}: state {state} does not accept {evidence}")
        self.client_order_id, self.state, self.evidence = client_order_id, state, evidence


class RunExpiredError(TradingError):
    """A run has outlived its lease and sends nothing more; what it did send is looked up by the next run."""


class ParameterOutOfBoundsError(DomainError):
    """A parameter document is unusable; the message names each field."""


class DataError(TradingError):
    """Market data cannot be trusted; no new risk is taken this run."""


class StaleDataError(DataError):
    """The newest data is older than the limit."""


class MissingDataError(DataError):
    """A symbol or field that is needed is absent."""


class MalformedDataError(DataError):
    """A file or an answer does not have the documented form; the message says where."""


class BrokerError(TradingError):
    """Something went wrong between the desk and a venue."""


class BrokerUnavailableError(BrokerError):
    """The request certainly did not reach the venue's order book; it may be sent again."""

    retryable = True


class RateLimitedError(BrokerUnavailableError):
    """The venue asked for fewer requests.

    Parameters
    ----------
    retry_after_s
        Seconds to wait before the next request.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BrokerAuthError(BrokerError):
    """The venue does not accept the key."""


DUPLICATE_ID = "duplicate_id"
"""Code of a refusal because the client order id is taken."""


class OrderRefusedError(BrokerError):
    """The venue answered no; nothing rests there.

    Parameters
    ----------
    code
        The venue's code, for the order's record.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class OutcomeUnknownError(BrokerError):
    """The venue may have accepted the order; it must be looked up, never sent again.

    Parameters
    ----------
    raw
        The venue's answer where there was one that made no sense, shortened, for the owner.
    """

    def __init__(self, message: str, *, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class StoreError(TradingError):
    """Something went wrong between the desk and its store."""


class AlreadyExistsError(StoreError):
    """A document that was to be created exists: the work was done before."""


class ConcurrencyConflictError(StoreError):
    """A compared document has changed since it was read; read and decide again."""

    retryable = True


class StoreUnavailableError(StoreError):
    """The store did not answer; every write is safe to do twice."""

    retryable = True
