"""Organizations in sessions that overlap see what a plain model says they see, whatever comes in whatever order."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import Engine
from sqlmodel import col, select, update

from domain import (
    Database,
    StaleVersionError,
    TenantRequiredError,
    TenantScopeError,
    TenantSession,
    Tender,
    TenderContent,
    TenderRepository,
    TenderStatus,
    Upserted,
    UserRepository,
)
from domain.organizations.repository import OrganizationRepository
from domain.testing import build
from tests.isolation.kinds import TABLES, Facts, facts, shown
from tests.isolation.machine import (
    Sessions,
    Who,
    callers,
    flags,
    kinds,
    picks,
    places,
    texts,
)
from tests.isolation.seats import Held, Seat, Threads
from tests.isolation.world import CHILDREN, Key, Kind, Ref, Row, Rows

RUNS = {"sqlite": (100, 40), "postgresql": (50, 40)}  # examples, steps of each
written_keys = st.sampled_from(["a", "b"])
statuses = st.sampled_from([TenderStatus.PENDING, TenderStatus.COMPLETE, TenderStatus.ERROR])


class Organizations(Sessions):
    """Three organizations at work."""

    def key(self, kind: Kind, word: str | None, pick: int, near: Rows) -> Key:
        """A tender's external id, a user's email, or the tender of a child."""
        if kind is Kind.USER:
            return f"{word or 'c'}-{self.organizations[0]}@example.org"
        return self.picked(pick, Kind.TENDER, near)[1] if kind in CHILDREN else word

    # -- writes -----------------------------------------------------------------------------------------------

    @rule(who=callers, kind=kinds, word=st.none() | written_keys, pick=picks, title=texts)
    def create(self, who: Who, kind: Kind, word: str | None, pick: int, title: str) -> None:
        one, place = self.writing(who, kind)
        key, table = self.key(kind, word, pick, one.view.of(place)), TABLES[kind]
        org_id = self.asked(one, place, named=who.named)
        refusal = one.view.refuses_new(kind, place, key)

        def unit(session: TenantSession) -> int:
            entity = build(table.model, **{table.key: key, table.text: title})
            created: int = table.repository(session).add(entity, org_id=org_id).id
            return created

        breaks = one.view.refuses_parent(kind, place, key) is None
        created = self.perform(one, place, who, unit, refusal=refusal, guarded=who.guarded, breaks=breaks)
        if created is not None:
            self.made(one, (kind, created), Row(place=place, key=key, text=title))

    @rule(who=callers, kind=kinds, word=written_keys, pick=picks, title=texts)
    def put(self, who: Who, kind: Kind, word: str, pick: int, title: str) -> None:
        one, place = self.writing(who, kind)
        key, table = self.key(kind, word, pick, one.view.of(place)), TABLES[kind]
        org_id = self.asked(one, place, named=who.named)
        refusal = one.view.refuses_put(kind, place, key)

        def unit(session: TenantSession) -> Facts:
            entity = build(table.model, **{table.key: key, table.text: title})
            return shown(kind, table.repository(session).put(entity, org_id=org_id))

        stored = self.perform(one, place, who, unit, refusal=refusal, guarded=who.guarded)
        if stored is None:
            return
        if held := one.view.holder(kind, place, key):
            one.view.change(held[0], text=title)
            assert stored.id == held[0][1]
        else:
            self.made(one, (kind, stored.id), Row(place=place, key=key, text=title))
        assert stored == facts((kind, stored.id), one.view.rows()[kind, stored.id], self.organizations)

    @rule(who=callers, contents=st.lists(st.tuples(written_keys, texts), max_size=3))
    def upsert_many(self, who: Who, contents: list[tuple[str, str]]) -> None:
        one, place = self.writing(who, Kind.TENDER)
        org_id = self.asked(one, place, named=who.named)
        sent = [TenderContent(external_id=key, title=title) for key, title in contents]

        def unit(session: TenantSession) -> tuple[Upserted, dict[str | None, int]]:
            tenders = TenderRepository(session)
            upserted = tenders.upsert_many(sent, org_id=org_id)
            return upserted, {tender.external_id: tender.id for tender in tenders.find(limit=200)}

        outcome = self.perform(one, place, who, unit, guarded=who.guarded)
        assert outcome is not None
        created = updated = unchanged = 0
        for key, title in dict(contents).items():
            if (held := one.view.holder(Kind.TENDER, place, key)) is None:
                self.made(one, (Kind.TENDER, outcome[1][key]), Row(place=place, key=key, text=title))
                created += 1
            elif held[1].text != title:
                one.view.change(held[0], text=title)
                updated += 1
            else:
                unchanged += 1
        assert outcome[0] == Upserted(created, updated, unchanged)

    @rule(who=callers, kind=st.sampled_from([Kind.TENDER, *CHILDREN]), pick=picks, title=texts, stale=flags)
    def update(self, who: Who, kind: Kind, pick: int, title: str, stale: bool) -> None:
        one, place = self.writing(who, kind)
        ref, table = self.picked(pick, kind, one.view.of(place)), TABLES[kind]
        row = one.view.live(place, ref)
        version = row.version - 1 if row and stale else None
        org_id = self.asked(one, place, named=who.named)
        refusal = one.view.refuses_update(place, ref, version)
        assert table.patch is not None
        patch = table.patch.model_validate({table.text: title})

        def unit(session: TenantSession) -> Facts:
            changed = table.repository(session).update(ref[1], patch, expected_version=version, org_id=org_id)
            return shown(kind, changed)

        stored = self.perform(one, place, who, unit, refusal=refusal, guarded=who.guarded)
        if stored is not None and row is not None:
            if row.text != title:
                one.view.change(ref, text=title)
            assert stored == facts(ref, one.view.rows()[ref], self.organizations)

    @rule(who=callers, pick=picks, status=statuses, expected=st.none() | statuses)
    def update_status(self, who: Who, pick: int, status: TenderStatus, expected: TenderStatus | None) -> None:
        one, place = self.writing(who, Kind.TENDER)
        ref = self.picked(pick, Kind.TENDER, one.view.of(place))
        row = one.view.live(place, ref)
        hit = row is not None and expected in (None, row.status)
        org_id = self.asked(one, place, named=who.named)

        def unit(session: TenantSession) -> bool:
            return TenderRepository(session).update_status(ref[1], status, expected=expected, org_id=org_id)

        assert self.perform(one, place, who, unit, guarded=who.guarded) is hit
        if hit:
            one.view.change(ref, status=status)

    @rule(who=callers, kind=kinds, pick=picks)
    def soft_delete(self, who: Who, kind: Kind, pick: int) -> None:
        one, place = self.writing(who, kind)
        ref, org_id = self.picked(pick, kind, one.view.of(place)), self.asked(one, place, named=who.named)

        def unit(session: TenantSession) -> bool:
            return TABLES[kind].repository(session).soft_delete(ref[1], org_id=org_id)

        deleted = self.perform(one, place, who, unit, guarded=who.guarded)
        assert deleted is one.view.delete(place, ref)

    @rule(who=callers, kind=kinds, pick=picks)
    def restore(self, who: Who, kind: Kind, pick: int) -> None:
        one, place = self.writing(who, kind)
        ref, org_id = self.picked(pick, kind, one.view.of(place)), self.asked(one, place, named=who.named)
        row = one.view.rows().get(ref)
        hit = row is not None and row.place == place and row.is_deleted
        refusal = one.view.refuses_restore(place, ref) if hit else None

        def unit(session: TenantSession) -> bool:
            return TABLES[kind].repository(session).restore(ref[1], org_id=org_id)

        restored = self.perform(one, place, who, unit, refusal=refusal, guarded=who.guarded)
        if refusal is None:
            assert restored is hit
            if hit:
                one.view.restore(ref)

    @rule(who=callers, old=texts, new=texts)
    def update_by_hand(self, who: Who, old: str, new: str) -> None:
        """An ORM statement that names no organization: it means live rows."""
        one, place = self.writing(who, Kind.TENDER)
        if one.bound is None and not one.is_system:
            return

        def unit(session: TenantSession) -> int:
            statement = update(Tender).where(col(Tender.title) == old)
            return session.exec(statement.values(title=new), execution_options={"synchronize_session": False}).rowcount

        changed = self.perform(one, place, who, unit, guarded=who.guarded)
        rows = one.view.of(place, Kind.TENDER).items()
        found = [ref for ref, row in rows if row.text == old and not row.is_deleted]
        assert changed == len(found)
        for ref in found:
            one.view.change(ref, text=new)

    # -- objects that are kept --------------------------------------------------------------------------------

    @rule(who=callers, kind=kinds, pick=picks)
    def hold(self, who: Who, kind: Kind, pick: int) -> None:
        """Read an object to save it later."""
        one, place = self.seated(who)
        ref = self.picked(pick, kind, one.view.of(place))
        row = one.view.live(place, ref)
        if one.is_system or ref in one.held:
            return
        org_id = self.asked(one, place, named=False)
        found: Any = self.perform(
            one, place, who, lambda session: TABLES[kind].repository(session).get(ref[1], org_id=org_id)
        )
        assert (found is not None) is (row is not None)
        if row is not None:
            one.held[ref] = Held(found, row.version, row.text)

    @rule(who=callers, pick=picks, title=texts)
    def save(self, who: Who, pick: int, title: str) -> None:
        """Save a kept object: refused where the row has moved on since it was read."""
        one, place = self.seated(who)
        if not one.held:
            return
        ref = sorted(one.held)[pick % len(one.held)]
        self.claim(one, place, ref[0])
        if ref not in one.held:  # what was in the way has been ended
            return
        held, row = one.held[ref], one.view.rows()[ref]
        refusal = StaleVersionError if row.version != held.version and title != held.text else None

        def unit(session: TenantSession) -> bool:
            setattr(held.entity, TABLES[ref[0]].text, title)
            session.flush()
            return True

        self.perform(one, place, who, unit, refusal=refusal, guarded=who.guarded, breaks=True)
        if refusal is not None:
            one.held.clear()
        elif title != held.text:
            one.view.change(ref, text=title)
            held.version, held.text = held.version + 1, title

    # -- reads ------------------------------------------------------------------------------------------------

    @rule(who=callers, kind=kinds, pick=picks, deleted=flags)
    def get(self, who: Who, kind: Kind, pick: int, deleted: bool) -> None:
        one, place = self.reading(who)
        ref, org_id = self.picked(pick, kind, one.view.of(place)), self.asked(one, place, named=who.named)
        one.held.pop(ref, None)

        def unit(session: TenantSession) -> Facts | None:
            found = TABLES[kind].repository(session).get(ref[1], include_deleted=deleted, org_id=org_id)
            return None if found is None else shown(kind, found)

        row = one.view.of(place).get(ref)
        hit = row is not None and (deleted or not row.is_deleted)
        assert self.perform(one, place, who, unit) == (facts(ref, row, self.organizations) if row and hit else None)

    @rule(who=callers, kind=kinds, deleted=flags)
    def listing(self, who: Who, kind: Kind, deleted: bool) -> None:
        one, place = self.reading(who)
        org_id = self.asked(one, place, named=who.named)
        one.held.clear()

        def unit(session: TenantSession) -> tuple[list[Facts], int, bool, list[int]]:
            rows = TABLES[kind].repository(session)
            return (
                [shown(kind, found) for found in rows.find(include_deleted=deleted, limit=200, org_id=org_id)],
                rows.count(include_deleted=deleted, org_id=org_id),
                rows.exists(include_deleted=deleted, org_id=org_id),
                [found.id for found in rows.page(limit=2, org_id=org_id).items],
            )

        every = sorted(one.view.of(place, kind).items(), reverse=True)
        wanted = [facts(ref, row, self.organizations) for ref, row in every if deleted or not row.is_deleted]
        newest = [ref[1] for ref, row in every if not row.is_deleted][:2]
        assert self.perform(one, place, who, unit) == (wanted, len(wanted), bool(wanted), newest)

    @rule(who=callers, kind=kinds, pick=picks)
    def get_from_the_session(self, who: Who, kind: Kind, pick: int) -> None:
        """By a row's whole key: found if it is the organization's own and live, refused by name if it is another's."""
        one, place = self.reading(who)
        ref = self.picked(pick, kind, one.view.of(place))
        row = one.view.rows().get(ref)
        if one.bound is None and not one.is_system:
            return
        one.held.pop(ref, None)
        owner = place if row is None else row.place
        key = (self.organizations[owner], ref[1])

        def unit(session: TenantSession) -> Facts | None:
            found = session.get(TABLES[kind].model, key)
            return None if found is None else shown(kind, found)

        refusal = TenantScopeError if owner != place else None
        outcome = self.perform(one, place, who, unit, refusal=refusal)
        assert outcome == (
            facts(ref, row, self.organizations) if row and owner == place and not row.is_deleted else None
        )

    @rule(who=callers, of=places, word=written_keys)
    def look_up(self, who: Who, of: int, word: str) -> None:
        """By slug and by email: anyone's before the session is bound, its own afterwards; binds nothing."""
        one, place = self.seated(who)
        if one.is_system:
            return
        email = str(self.key(Kind.USER, word, 0, {}))
        one.held.clear()

        def unit(session: TenantSession) -> tuple[int | None, int | None]:
            organization = OrganizationRepository(session).get_by_slug(self.slugs[of])
            user = UserRepository(session).get_by_email(email)
            return (None if organization is None else organization.id, None if user is None else user.id)

        bound = one.bound
        found = self.workers.run(who.thread, lambda: one.act(unit, 0))
        held = one.view.holder(Kind.USER, place, email)
        is_seen = held is not None and bound in (None, held[1].place)
        assert found == (
            self.organizations[of] if bound in (None, of) else None,
            held[0][1] if held is not None and is_seen else None,
        )
        assert isinstance(one.session, TenantSession)
        assert one.session.is_bound is (bound is not None)

    # -- what is refused --------------------------------------------------------------------------------------

    @rule(who=callers, kind=kinds, pick=picks, step=st.integers(1, 2))
    def name_another(self, who: Who, kind: Kind, pick: int, step: int) -> None:
        """A bound session refuses another organization by name, and an object of it; and goes on."""
        one, place = self.reading(who)
        other = self.organizations[(place + step) % len(self.organizations)]
        if one.bound is None and not one.is_system:
            return
        table, tender_id = TABLES[kind], self.picked(pick, Kind.TENDER, one.view.of(place))[1]

        def units() -> list[Callable[[TenantSession], object]]:
            key = self.key(kind, "a", pick, {})
            entity = build(table.model, **{table.key: key, table.text: "Road", "organization_id": other})
            return [
                lambda session: table.repository(session).find(org_id=other),
                lambda session: table.repository(session).soft_delete(tender_id, org_id=other),
                lambda session: table.repository(session).add(entity),
                lambda session: session.add(entity),
                lambda session: OrganizationRepository(session).get_by_id(other),
            ]

        for unit in units():
            self.perform(one, place, who, unit, refusal=TenantScopeError)

    @rule(who=callers, kind=kinds, pick=picks)
    def name_none(self, who: Who, kind: Kind, pick: int) -> None:
        """An unbound session reaches no tenant data, and stays unbound."""
        one, place = self.seated(who)
        if one.bound is not None or one.is_system:
            return
        table = TABLES[kind]
        units: list[Callable[[TenantSession], object]] = [
            lambda session: table.repository(session).count(),
            lambda session: table.repository(session).soft_delete(self.picked(pick, kind, one.view.of(place))[1]),
            lambda session: session.exec(select(table.model)).all(),
            lambda session: session.get(table.model, (self.organizations[place], 1)),
        ]
        for unit in units:
            assert self.workers.run(who.thread, lambda unit=unit: one.act(unit, 0)) is TenantRequiredError  # type: ignore[misc]  # bound now

    # -- help -------------------------------------------------------------------------------------------------

    def writing(self, who: Who, kind: Kind) -> tuple[Seat, int]:
        """A session that writes, and the organization that it writes for."""
        one, place = self.seated(who)
        self.claim(one, place, kind)
        one.held.clear()
        return one, place

    def reading(self, who: Who) -> tuple[Seat, int]:
        """A session that reads; on SQLite a system session's savepoint begins to write."""
        one, place = self.seated(who)
        if one.is_system and self.database.is_sqlite:
            self.claim(one, place)
        return one, place

    def made(self, one: Seat, ref: Ref, row: Row) -> None:
        """Note a new row."""
        assert ref not in one.view.rows()
        one.view.own[ref] = row
        self.refs.append(ref)


def test_sessions_of_several_organizations_agree_with_the_model(shared: Database, witness: Engine) -> None:
    examples, steps = RUNS[shared.engine.dialect.name]

    class OnThisDatabase(Organizations):
        database = shared
        workers = Threads()

    OnThisDatabase.witness = witness
    try:
        run_state_machine_as_test(
            OnThisDatabase,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                derandomize=True,
                # To shorten a failing sequence takes minutes over a server's round trips.
                phases=[Phase.generate, Phase.shrink] if shared.is_sqlite else [Phase.generate],
                database=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            ),
        )
    finally:
        OnThisDatabase.workers.close()
    assert OnThisDatabase.workers.units > 2000
