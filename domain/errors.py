"""Every error this package raises on purpose.

DomainError
├── NotFoundError            no live row of this organization has that id
├── ConflictError
│   ├── DuplicateError       a live row already has this unique value
│   ├── LegalHoldError       the organization's data must be kept as it is
│   └── StaleVersionError    the row has moved on since it was read
├── SessionClosedError       the session's block has ended
├── TenantRequiredError      the session is bound to no organization
├── TenantScopeError         the session is bound to another organization
├── OrganizationDeletedError the session's organization is deleted
├── UnguardedStatementError  the session can't be certain that a statement stays in its organization
├── HardDeletionError        rows are marked as deleted, not removed
├── ReadOnlySessionError     a read session was asked to write
├── ConstraintError          the database refuses a value, or can't hold it
├── ArgumentError            an argument outside its range (also a ValueError)
│   ├── InvalidRowsError     rows of a bulk write that are not valid, by their positions
│   └── MisuseError          a call or a statement that is wrong, whatever values it is given
├── ConfigurationError       a setting, a right or a part of the schema is missing
└── UnavailableError         the database can't be reached, or gave up waiting
    └── OutcomeUnknownError  the connection was lost after COMMIT was sent

Construction and assignment of models raise pydantic's ``ValidationError``. Messages never carry the
value of a column, a password or the secret of a database URL.
"""

from collections.abc import Mapping, Sequence

_NAMED = 10  # invalid rows in a message; the attribute has all


class DomainError(Exception):
    """The root of the tree. Each can be pickled, to cross from a worker process."""

    told: str | None = None
    """Words for clients, where the message is for who writes the application."""

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (type(self), self.args, vars(self))


def _unpickled(kind: type[DomainError], args: tuple[object, ...], facts: dict[str, object]) -> DomainError:
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error


class NotFoundError(DomainError):
    """No live row of this organization has the id: unknown, deleted and foreign ids look the same."""

    def __init__(self, model: type, entity_id: object) -> None:
        self.model = model
        self.entity: str = model.__name__
        self.entity_id = entity_id
        super().__init__(f"{self.entity} {entity_id} not found")


class ConflictError(DomainError):
    """The write disagrees with what the database holds by now."""


class DuplicateError(ConflictError):
    """A live row already has this value. ``entity`` is the table's class name, ``fields`` the unique ones.

    ``holder_id``: the row that has it, where ``restore`` found it in the same organization.
    """

    def __init__(self, entity: str, fields: Sequence[str], *, constraint: str, holder_id: int | None = None) -> None:
        self.entity = entity
        self.fields: tuple[str, ...] = tuple(fields)
        self.constraint = constraint
        self.holder_id = holder_id
        who = "another live row" if holder_id is None else f"the live row {holder_id}"
        super().__init__(f"{entity}: {who} has the same {', '.join(fields)}")


class LegalHoldError(ConflictError):
    """The organization is under a legal hold: nothing of it may be erased until that is lifted."""

    def __init__(self, organization_id: int) -> None:
        self.organization_id = organization_id
        super().__init__(f"organization {organization_id} is under a legal hold: nothing of it may be erased")


class StaleVersionError(ConflictError):
    """The row's version is no longer the one that was seen; ``current`` is None where the row is gone."""

    def __init__(self, entity: str, entity_id: object, *, seen: int | None, current: int | None) -> None:
        self.entity = entity
        self.entity_id = entity_id
        self.seen = seen
        self.current = current
        now = "gone" if current is None else f"now version {current}"
        super().__init__(f"{entity} {entity_id} was read as version {seen} and is {now}; read it again")


class SessionClosedError(DomainError):
    """A session was used after its block: nothing of it would ever be committed."""

    def __init__(self) -> None:
        super().__init__(
            "this session's block has ended, and nothing more of it would be committed; do it inside the block, or"
            " open another session"
        )


class TenantRequiredError(DomainError):
    """Tenant data was asked for in a session that is bound to no organization."""

    told: str | None = "this is only there for an organization"

    def __init__(self, what: str = "tenant data") -> None:
        super().__init__(
            f"{what}: this session is bound to no organization; open it with"
            " get_session(organization_id=...) or pass org_id=..."
        )


class TenantScopeError(DomainError):
    """A session bound to one organization was asked for another's data."""

    told: str | None = "this belongs to another organization"

    def __init__(self, *, bound: int, asked: int | None) -> None:
        self.bound = bound
        self.asked = asked
        other = "to another" if asked is None else f"to {asked}"
        copies = " (rows stay in theirs; domain.transfer loads copies)" if asked is None else ""
        super().__init__(
            f"this session is bound to organization {bound} for its whole life, not {other};"
            f" open another session for the other organization{copies}"
        )


class OrganizationDeletedError(DomainError):
    """The organization of the session is deleted: nothing of it is read or written until it is restored."""

    told: str | None = "the organization is deleted"

    def __init__(self, organization_id: int) -> None:
        self.organization_id = organization_id
        super().__init__(
            f"organization {organization_id} is deleted; OrganizationRepository.restore({organization_id}) brings it"
            " back, in a session that is opened without organization_id, or in a system session"
        )


class HardDeletionError(DomainError):
    """A statement would remove rows of a table whose rows are marked as deleted."""

    def __init__(self, entity: str) -> None:
        self.entity = entity
        super().__init__(
            f"{entity}: rows are not removed, so that they can come back; call the repository's soft_delete(id)"
            " (and purge, where they have to go for good)"
        )


class ReadOnlySessionError(DomainError):
    """A repository or a statement would write, or lock rows, in a session that only reads."""

    def __init__(self) -> None:
        super().__init__("a read session writes and locks nothing: do it in tenant.session(); nothing was written")


class UnguardedStatementError(DomainError):
    """Core tables, text and hand-written inserts can't be scoped for certain."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: a tenant session can't be certain that this stays in its organization. Use the repositories or"
            " ORM statements over the model classes (select(Tender), update(Tender)); on PostgreSQL"
            " get_session(..., unguarded_sql=True) leaves it to row level security"
        )


class ConstraintError(DomainError):
    """The database refuses a value, or can't hold it. ``constraint`` is the rule's name, where the database told it.

    ``entity`` is the table's class name, ``fields`` those that the rule is about, where a model has the rule.
    """

    def __init__(
        self, message: str, *, constraint: str | None = None, entity: str | None = None, fields: Sequence[str] = ()
    ) -> None:
        self.constraint = constraint
        self.entity = entity
        self.fields: tuple[str, ...] = tuple(fields)
        super().__init__(message)


class ArgumentError(DomainError, ValueError):
    """An argument is outside its range; the message says which values are right."""


class InvalidRowsError(ArgumentError):
    """Rows of a bulk write are not valid, and none was written. ``reasons``: by the row's position, from 0."""

    def __init__(self, entity: str, reasons: Mapping[int, str]) -> None:
        self.entity = entity
        self.reasons: dict[int, str] = dict(reasons)
        first = [f"row {position}: {reason}" for position, reason in list(self.reasons.items())[:_NAMED]]
        more = len(self.reasons) - len(first)
        super().__init__(f"{entity}: " + "; ".join([*first, *([f"and {more} rows more"] if more else [])]))


class MisuseError(ArgumentError):
    """A call or a statement is wrong, whatever values clients send; the message says how to write it."""


class ConfigurationError(DomainError):
    """A setting, a right or a part of the schema is missing or wrong; the message says what to set or run."""


class UnavailableError(DomainError):
    """The database can't be reached or gave up waiting. ``retryable``: the whole unit may be run again."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        self.retryable = retryable
        super().__init__(message)


class OutcomeUnknownError(UnavailableError):
    """No answer to COMMIT: all that the session wrote is stored, or nothing of it. Never ``retryable``."""

    def __init__(self) -> None:
        super().__init__(
            "the connection was lost after COMMIT was sent, so what was written may be stored or not;"
            " read it before you repeat the work",
            retryable=False,
        )
