from domain import Database, Organization, TenderRepository


def test_smoke(domain_db: Database, domain_organization: Organization) -> None:
    with domain_db.system_session(actor="tests", reason="x") as system:
        with system.as_organization(domain_organization.id) as session:
            tender = TenderRepository(session).create(title="Bridge")
    assert tender.title == "Bridge"
