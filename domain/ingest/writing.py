"""Storing a batch of releases: the notices, and the tenders that are merged from them.

The statements are counted: one that locks, two that read, two more where known tenders have news, an insert for the
tenders and one for the notices, and an update for the tenders that change.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ..errors import ConflictError, ConstraintError
from ..kit.repository.bulk_statements import insert_rows, update_rows
from ..kit.session import TenantSession
from ..tenders.model import Tender
from ..tenders.notices import TenderNotice
from . import known_rows
from .amounts import VALUE
from .batches import PreparedRelease
from .changes import changes
from .items import Release
from .mapping import TenderFields, lasting, merge
from .package import joined
from .tally import Outcome

Group: TypeAlias = Mapping[str, PreparedRelease]
"""The releases of one tender, by their digests."""

KEPT = 50
"""Notices that are read to update a tender, before those are marked that can't matter any more."""


def store(session: TenantSession, releases: Sequence[PreparedRelease]) -> Outcome:
    """Write a batch, in the session's transaction.

    A tender that is deleted, or was and is purged, and not live as well, is left alone, and its releases are not
    kept. Should somebody restore it, the next import goes on.

    Raises:
        ConflictError: somebody else wrote one of the tenders meanwhile; roll back, and store the batch again.
        ConstraintError: the database refused a value, or can't hold it.
        OrganizationDeletedError: the organization was deleted meanwhile.
    """
    _refuse_large_amounts(session, releases)
    organization_id = session.organization_id
    known_rows.lock_organization(session)
    groups = _by_ocid(releases)
    live, deleted = known_rows.known_tenders(session, groups)
    deleted = {ocid: tender_id for ocid, tender_id in deleted.items() if ocid not in live}
    digests = [key for ocid in live for key in groups[ocid]]
    known = known_rows.packages(session, live.values(), digests) if live else {}
    news = {ocid: groups[ocid] for ocid, tender_id in live.items() if _has_news(groups[ocid], known[tender_id])}
    updated, notices = _update(session, news) if news else ([], [])
    # In the same order for everybody, as in ``locked_tenders``.
    fresh = sorted(groups.keys() - live.keys() - deleted.keys())
    created = insert_rows(session, Tender, [_tender(groups[ocid]) for ocid in fresh], organization_id)
    for ocid, tender_id in zip(fresh, created, strict=True):
        notices += [_notice(tender_id, release) for release in groups[ocid].values()]
    insert_rows(session, TenderNotice, notices, organization_id, encoded={"content", "package"})
    session.flush()
    return Outcome(
        created=created,
        updated=updated,
        unchanged=sorted(set(live.values()) - set(updated)),
        skipped=list(deleted.values()),
    )


def _refuse_large_amounts(session: TenantSession, releases: Iterable[PreparedRelease]) -> None:
    """Before merging: what goes in must not depend on which others are at hand, and may take a value's place."""
    dialect = session.get_bind().dialect
    try:
        for release in releases:
            VALUE.process_bind_param(release.tender["estimated_value"], dialect)
    except ValueError as error:
        raise ConstraintError(str(error)) from error


def _by_ocid(releases: Iterable[PreparedRelease]) -> dict[str, dict[str, PreparedRelease]]:
    groups: dict[str, dict[str, PreparedRelease]] = {}
    for release in releases:
        group = groups.setdefault(release.rest.ocid, {})
        known = group.get(release.digest)
        group[release.digest] = known.joined(release.rest.package) if known else release
    return groups


def _tender(group: Group) -> TenderFields:
    if len(group) == 1:
        (alone,) = group.values()
        return alone.tender
    return merge([each.release() for each in group.values()])


def _notice(tender_id: int, release: PreparedRelease) -> known_rows.Row:
    """The release as it was received, to keep with its tender."""
    return {
        "tender_id": tender_id,
        "digest": release.digest,
        "release_id": release.rest.release_id,
        "released_at": release.rest.released_at,
        "content": release.written,
        "package": json.dumps(release.rest.package),
    }


def _has_news(group: Group, known: known_rows.Packages) -> bool:
    return any(
        key not in known or ((package := known[key]) is not None and joined(package, received.rest.package) != package)
        for key, received in group.items()
    )


def _update(session: TenantSession, groups: Mapping[str, Group]) -> tuple[list[int], list[known_rows.Row]]:
    """Merge the groups into their live tenders: the ids of those that change, and the notices to insert."""
    tenders = known_rows.locked_tenders(session, groups)
    if len(tenders) != len(groups):
        raise ConflictError("a tender was deleted, or got another external id, meanwhile")
    news = _News()
    digests = [digest for group in groups.values() for digest in group]
    for tender, notices in known_rows.with_notices(session, tenders, digests):
        news.merge(tender, notices, groups[tender["external_id"]])
    organization_id = session.organization_id
    if news.tenders:
        update_rows(session, Tender, sorted(news.fields), news.tenders, organization_id)
    if news.packages:
        update_rows(session, TenderNotice, ["is_superseded", "package"], news.packages, organization_id)
    if news.superseded:
        update_rows(session, TenderNotice, ["is_superseded"], news.superseded, organization_id)
    return [row["id"] for row in news.tenders], news.notices


@dataclass
class _News:
    """Changes of tenders that stood before."""

    tenders: list[known_rows.Row] = field(default_factory=list[known_rows.Row])
    fields: set[str] = field(default_factory=set[str])
    """The fields that change of any of them."""
    notices: list[known_rows.Row] = field(default_factory=list[known_rows.Row])
    packages: list[known_rows.Row] = field(default_factory=list[known_rows.Row])
    """Of known notices that were received in others, and so count again."""
    superseded: list[known_rows.Row] = field(default_factory=list[known_rows.Row])

    def merge(self, tender: known_rows.Row, notices: Sequence[known_rows.Row], group: Group) -> None:
        """Merge what was received into one tender, of which these notices are known."""
        rows = {notice["digest"]: notice for notice in notices}
        before = {digest: _release(tender, notice) for digest, notice in rows.items()}
        after = dict(before)
        for digest, received in group.items():
            if (known := before.get(digest)) is None:
                after[digest] = received.release()
                self.notices.append(_notice(tender["id"], received))
            elif not rows[digest]["is_deleted"]:
                package = joined(known.package, received.rest.package)
                if package != known.package:
                    after[digest] = replace(known, package=package)
                    rows[digest]["is_superseded"] = False
                    self.packages.append({"id": rows[digest]["id"], "package": package, "is_superseded": False})
        written = merge(list(before.values())) if before else None
        if changed := changes(tender, written=written, wanted=merge(list(after.values()))):
            self.tenders.append({**tender, **changed})
            self.fields |= changed.keys()
        if len(before) > KEPT:
            kept = {id(release) for release in lasting(list(after.values()))}
            gone = [row["id"] for key, row in rows.items() if not row["is_superseded"] and id(after[key]) not in kept]
            self.superseded += [{"id": notice_id, "is_superseded": True} for notice_id in gone]


def _release(tender: known_rows.Row, notice: known_rows.Row) -> Release:
    return Release(
        ocid=tender["external_id"],
        release_id=None,
        released_at=notice["released_at"],
        content=notice["content"],
        package=notice["package"],
    )
