"""Django's ORM. With psycopg2 it has no pool: its persistent connection stands for one.

Every query names the organization: the primary key in the database is (organization_id, id).
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import django
from django.conf import settings
from sqlalchemy import make_url

from ..operations import PAGE
from .contender import Contender, Content


class DjangoOrm(Contender):
    name = "Django ORM"

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parsed.database,
            "USER": parsed.username,
            "PASSWORD": parsed.password,
            "HOST": parsed.host,
            "PORT": parsed.port,
            "CONN_MAX_AGE": None,
        }
        settings.configure(DATABASES={"default": database}, USE_TZ=True, DEBUG=False)
        django.setup()
        from django import db

        from . import django_models

        self.db, self.models = db, django_models
        self.tenders = django_models.Tender.objects

    def close(self) -> None:
        self.db.connections.close_all()

    @contextmanager
    def transaction(self) -> Generator[None]:
        self.db.reset_queries()  # as at the start of a request, and at its end
        self.db.close_old_connections()
        with self.db.transaction.atomic():
            yield
        self.db.close_old_connections()

    def live(self, organization_id: int) -> Any:
        return self.tenders.filter(organization_id=organization_id, is_deleted=False)

    def newest(self, organization_id: int, offset: int = 0) -> Any:
        return self.live(organization_id).order_by("-created_at", "-id")[offset : offset + PAGE]

    def get(self, organization_id: int, tender_id: int) -> Any:
        with self.transaction():
            return self.live(organization_id).get(id=tender_id)

    def list_newest(self, organization_id: int, offset: int = 0) -> Sequence[Any]:
        with self.transaction():
            return list(self.newest(organization_id, offset))

    def count(self, organization_id: int, status: str) -> int:
        with self.transaction():
            return self.live(organization_id).filter(status=status).count()

    def create(self, organization_id: int, content: Content) -> Any:
        with self.transaction():
            return self.tenders.create(organization_id=organization_id, **content)

    def update_status(self, organization_id: int, tender_id: int, status: str) -> bool:
        return self.changed(organization_id, tender_id, status=status, error_message=None)

    def soft_delete(self, organization_id: int, tender_id: int) -> bool:
        gone = {"is_deleted": True, "deleted_at": datetime.now(UTC), "deletion_id": uuid4()}
        return self.changed(organization_id, tender_id, **gone)

    def changed(self, organization_id: int, tender_id: int, **changes: Any) -> bool:
        changes |= {"updated_at": datetime.now(UTC), "version": self.db.models.F("version") + 1}
        with self.transaction():
            return self.live(organization_id).filter(id=tender_id).update(**changes) == 1

    def page_by_keyset(self, organization_id: int, cursor: Any) -> Sequence[Any]:
        from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

        with self.transaction():
            rows = self.live(organization_id).filter(TupleLessThan(Tuple("created_at", "id"), cursor))
            return list(rows.order_by("-created_at", "-id")[:PAGE])

    def mixed(self, slug: str, content: Content) -> Sequence[Any]:
        f, period = self.db.models.F, datetime.now(UTC).date().replace(day=1)
        with self.transaction():
            organization = self.models.Organization.objects.get(slug=slug, is_deleted=False)
            metered = self.models.Organization.objects.filter(
                id=organization.id, usage_period__gte=period, monthly_analysis_count__lt=f("monthly_analysis_limit")
            ).update(monthly_analysis_count=f("monthly_analysis_count") + 1)
            if not metered:
                metered = self.models.Organization.objects.filter(
                    id=organization.id, usage_period__lt=period, monthly_analysis_limit__gt=0
                ).update(monthly_analysis_count=1, usage_period=period)
            assert metered
            self.tenders.create(organization_id=organization.id, **content)
            return list(self.newest(organization.id))

    def create_many(self, organization_id: int, rows: list[Content]) -> Any:
        with self.transaction():
            tenders = [self.models.Tender(organization_id=organization_id, **row) for row in rows]
            return self.tenders.bulk_create(tenders, batch_size=1000)

    def upsert_many(self, organization_id: int, rows: list[Content]) -> Any:
        # bulk_create(update_conflicts=True) can't name a partial unique index: found, then updated or created.
        keys = [row["external_id"] for row in rows]
        changed = [name for name in rows[0] if name != "external_id"]
        with self.transaction():
            stored = {row.external_id: row for row in self.live(organization_id).filter(external_id__in=keys)}
            new = [
                self.models.Tender(organization_id=organization_id, **r) for r in rows if r["external_id"] not in stored
            ]
            for row in rows:
                if found := stored.get(row["external_id"]):
                    for name in changed:
                        setattr(found, name, row[name])
                    found.updated_at, found.version = datetime.now(UTC), found.version + 1
            changed += ["updated_at", "version"]
            self.live(organization_id).bulk_update(stored.values(), changed, batch_size=200)
            return self.tenders.bulk_create(new, batch_size=1000)
