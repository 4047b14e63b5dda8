from datetime import timedelta
from sqlalchemy import text
from sqlmodel import update, select
from domain import *
from domain.retention import plan_purge, purge
from domain.models import PurgeRecord


def test_it(domain_db):
    with domain_db.get_session(organization_id=1) as s:
        r = TenderRepository(s)
        ts = r.create_many([Tender(title=f"t{i}") for i in range(5)])
        AnalysisRepository(s).create(tender_id=ts[0].id, is_relevant=True, confidence=1)
        r.soft_delete(ts[0].id)
        r.soft_delete(ts[1].id)
    assert plan_purge(domain_db, actor="x").counts == ()
    p = plan_purge(domain_db, actor="x", older_than_days=0)
    print(p)
    d = purge(domain_db, actor="x", older_than_days=0, batch_size=1)
    print(d)
    assert d.counts == p.counts
    with domain_db.get_session(organization_id=1) as s:
        OrganizationRepository(s).soft_delete(1)
    p = plan_purge(domain_db, actor="x", older_than_days=0)
    print(p)
    d = purge(domain_db, actor="x", older_than_days=0, batch_size=1)
    assert d.counts == p.counts
    with domain_db.system_session(actor="a", reason="b") as s:
        for r in s.exec(select(PurgeRecord)):
            print(repr(r))
