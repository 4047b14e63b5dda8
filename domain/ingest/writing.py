"""Storing a batch of releases: the notices, and the tenders that are merged from them.

The statements are counted: one that locks, two that read, two more where known tenders have news, an insert for the
tenders and one for the notices. Only a row that changes has an UPDATE to itself, which checks its version.
"""

import json
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ..errors import ConflictError
from ..kit.repository.bulk_statements import insert_rows
from ..kit.session import TenantSession
from ..tenders.model import Tender
from ..tenders.notices import TenderNotice
from . import known_rows
from .batches import PreparedRelease
from .changes import changes
from .items import Release
from .mapping import TenderFields, merge
from .package import joined
from .tally import Outcome

Group: TypeAlias = Mapping[str, PreparedRelease]
"""The releases of one tender, by their digests."""


def store(session: TenantSession, releases: Iterable[PreparedRelease]) -> Outcome:
    """Write a batch, in the session's transaction.

    A tender that is deleted, and not live as well, is left alone, and its releases are not kept. Should somebody
    restore it, the next import goes on.

    Raises:
        ConflictError: somebody else wrote one of the tenders meanwhile; roll back, and store the batch again.
        ConstraintError: the database refused a value.
        OrganizationDeletedError: the organization was deleted meanwhile.
    """
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


def _notice(tender_id: int, release: PreparedRelease) -> dict[str, object]:
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
    return any(key not in known or joined(known[key], group[key].rest.package) != known[key] for key in group)


def _update(session: TenantSession, groups: Mapping[str, Group]) -> tuple[list[int], list[dict[str, object]]]:
    """Merge the groups into their live tenders: the ids of those that change, and the notices to insert."""
    tenders = known_rows.locked_tenders(session, groups)
    if len(tenders) != len(groups):
        raise ConflictError("a tender was deleted, or got another external id, meanwhile")
    updated: list[int] = []
    inserts: list[dict[str, object]] = []
    for tender, notices in known_rows.with_notices(session, tenders):
        group = groups[tender.external_id or ""]
        before = [_release(tender, notice) for notice in notices]
        for notice in notices:
            _join_package(notice, group.get(notice.digest))
        known = {notice.digest for notice in notices}
        new = {key: release for key, release in group.items() if key not in known}
        after = [_release(tender, notice) for notice in notices] + [each.release() for each in new.values()]
        changed = changes(tender, written=merge(before) if before else None, wanted=merge(after))
        for name, value in changed.items():
            setattr(tender, name, value)
        if changed:
            updated.append(tender.id)
        inserts += [_notice(tender.id, each) for each in new.values()]
    return updated, inserts


def _release(tender: Tender, notice: TenderNotice) -> Release:
    return Release(
        ocid=tender.external_id or "",
        release_id=notice.release_id,
        released_at=notice.released_at,
        content=notice.content,
        package=dict(notice.package),
    )


def _join_package(notice: TenderNotice, received: PreparedRelease | None) -> None:
    package = joined(notice.package, received.rest.package) if received else notice.package
    if package != notice.package:
        notice.package = package
