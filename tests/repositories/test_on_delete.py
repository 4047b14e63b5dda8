"""What becomes of rows when the row that they refer to is deleted: they go, they stay, or they hold it."""

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Table
from sqlmodel import col, select

from domain import (
    ConflictError,
    ConstraintError,
    Database,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Text,
    including_deleted,
    tenant_key,
)
from domain.kit.model.tables import AWAITED, refuse_awaited
from domain.repositories import Deletion
from domain.retention import purge

LEVELS = 5


class Link(TenantEntity, table=True):
    __tablename__ = "test_links"
    file_id: int | None = tenant_key("File", default=None)  # defined later


class Folder(TenantEntity, table=True):
    __tablename__ = "test_folders"
    name: Text = ""
    parent_id: int | None = tenant_key("Folder", default=None)


class File(TenantEntity, table=True):
    __tablename__ = "test_files"
    folder_id: int = tenant_key(Folder)


class Lock(TenantEntity, table=True):
    __tablename__ = "test_locks"
    file_id: int = tenant_key(File, on_delete="restrict")


MODELS: tuple[type[TenantEntity], ...] = (Folder, File, Link, Lock)
KINDS = [model.__name__ for model in MODELS]
Key = tuple[str, int]


class Folders(TenantRepository[Folder]):
    model = Folder


class Files(TenantRepository[File]):
    model = File


class Links(TenantRepository[Link]):
    model = Link


class Locks(TenantRepository[Lock]):
    model = Lock


REPOSITORIES: dict[str, type[Folders | Files | Links | Locks]] = {
    "Folder": Folders,
    "File": Files,
    "Link": Links,
    "Lock": Locks,
}


class Plain:
    """The rules as sets and dicts."""

    def __init__(self) -> None:
        self.parent: dict[Key, Key | None] = {}
        self.deleted: dict[Key, int] = {}
        self.count = 0

    def below(self, key: Key, children: dict[Key | None, list[Key]]) -> Iterator[Key]:
        yield key
        for child in children[key]:
            if child[0] in {"Folder", "File"} and child not in self.deleted:
                yield from self.below(child, children)

    def delete(self, *keys: Key) -> bool | None:
        """None: refused."""
        children: dict[Key | None, list[Key]] = defaultdict(list)
        for child, parent in self.parent.items():
            children[parent].append(child)
        keys = tuple(key for key in keys if key not in self.deleted)
        going = {one for key in keys for one in self.below(key, children)}
        if any(k[0] == "Lock" and k not in self.deleted and p in going for k, p in self.parent.items()):
            return None
        self.count += bool(keys)
        self.deleted |= dict.fromkeys(going, self.count)
        return bool(keys)

    def restore(self, key: Key) -> bool | None:
        if key not in self.deleted:
            return False
        if key[0] != "Link" and self.parent[key] in self.deleted:
            return None
        return self.restore_deletion(key[0], self.deleted[key])

    def restore_deletion(self, kind: str, number: int) -> bool | None:
        """Of a deletion, the rows of the kind and of those below."""
        below = KINDS[KINDS.index(kind) :]
        back = {key for key, of in self.deleted.items() if of == number and key[0] in below}
        if not any(key[0] == kind for key in back):
            return False
        stays = self.deleted.keys() - back
        if any(self.parent[key] in stays for key in back if key[0] != "Link"):
            return None
        self.deleted = {key: of for key, of in self.deleted.items() if key not in back}
        return True

    def purge(self) -> None:
        gone = set(self.deleted)
        self.parent = {k: None if k[0] == "Link" and p in gone else p for k, p in self.parent.items() if k not in gone}
        self.deleted = {}


def planted(session: TenantSession, random: Random, rows: int) -> Plain:
    plain, levels = Plain(), [[*Folders(session).create_many([Folder() for _ in range(3)])]]
    for _ in range(LEVELS - 1):
        under = [random.choice(levels[-1]) for _ in range(rows // (4 * LEVELS))]
        levels.append([*Folders(session).create_many([Folder(parent_id=parent.id) for parent in under])])
    folders = [folder for level in levels for folder in level]
    files = Files(session).create_many([File(folder_id=random.choice(folders).id) for _ in range(rows // 3)])
    links = Links(session).create_many([Link(file_id=random.choice(files).id) for _ in range(rows // 3)])
    locks = Locks(session).create_many([Lock(file_id=random.choice(files).id) for _ in range(rows // 12)])
    for folder in folders:
        plain.parent["Folder", folder.id] = ("Folder", folder.parent_id) if folder.parent_id else None
    plain.parent |= {("File", file.id): ("Folder", file.folder_id) for file in files}
    plain.parent |= {("Link", link.id): ("File", link.file_id) if link.file_id else None for link in links}
    plain.parent |= {("Lock", lock.id): ("File", lock.file_id) for lock in locks}
    return plain


def stored(session: TenantSession) -> tuple[set[Key], dict[int, int | None]]:
    live = {(m.__name__, n) for m in MODELS for n in session.exec(select(m.id)).all()}
    links = session.exec(including_deleted(select(Link.id, Link.file_id))).all()
    return live, dict(links)


class Tree:
    """Rows and the plain model of them, which are compared after each step."""

    def __init__(self, database: Database, random: Random, rows: int) -> None:
        self.database = database
        with database.get_session(organization_id=1) as session:
            self.plain = planted(session, random, rows)
        self.deletions: dict[int, UUID] = {}

    def step(self, method: str, kind: str, given: Any, wanted: bool | None) -> None:
        """Call the method, which is to answer as wanted; None: to refuse."""
        with self.database.get_session(organization_id=1) as session:
            repository: Any = REPOSITORIES[kind](session)
            if wanted is None:
                with pytest.raises(ConflictError):
                    getattr(repository, method)(given)
            else:
                answer = getattr(repository, method)(given)
                assert bool(answer) is wanted, (method, kind)
                if isinstance(answer, Deletion) and answer:
                    self.deletions[self.plain.count] = answer.deletion_id
        with self.database.get_session(organization_id=1) as session:
            assert stored(session)[0] == self.plain.parent.keys() - self.plain.deleted.keys(), (method, kind)

    def any_step(self, random: Random) -> None:
        plain, (kind, row_id) = self.plain, random.choice(list(self.plain.parent))
        method = random.choice(["soft_delete", "soft_delete", "soft_delete_where", "restore", "restore_deletion"])
        if method == "soft_delete_where":
            ids = [k[1] for k in random.sample(list(plain.parent), len(plain.parent) // 50) if k[0] == kind]
            wanted = plain.delete(*((kind, n) for n in ids))
            self.step(method, kind, col(MODELS[KINDS.index(kind)].id).in_(ids), wanted)
        elif method == "soft_delete":
            self.step(method, kind, row_id, plain.delete((kind, row_id)))
        elif method == "restore":
            kind, row_id = random.choice([*plain.deleted, (kind, row_id)])
            self.step(method, kind, row_id, plain.restore((kind, row_id)))
        else:
            of = random.choice([*self.deletions, 0])
            self.step(method, kind, self.deletions.get(of, uuid4()), plain.restore_deletion(kind, of))

    def purge(self) -> None:
        self.plain.purge()
        purge(self.database, actor="test", older_than_days=0)
        with self.database.get_session(organization_id=1) as session:
            live, links = stored(session)
        assert live == self.plain.parent.keys()
        assert links == {k[1]: parent and parent[1] for k, parent in self.plain.parent.items() if k[0] == "Link"}


@pytest.mark.parametrize("seed", range(2))
def test_deletions_restorings_and_purges_agree_with_a_plain_model(domain_db: Database, seed: int) -> None:
    random = Random(seed)
    tree = Tree(domain_db, random, 300)
    for _ in range(80):
        tree.any_step(random)
    assert tree.deletions
    tree.purge()


@pytest.mark.slow
def test_a_tree_of_ten_thousand_rows_agrees_with_a_plain_model(domain_db: Database) -> None:
    random = Random(0)
    tree = Tree(domain_db, random, 10_600)
    plain = tree.plain
    assert len(plain.parent) >= 10_000
    roots = [key for key, parent in plain.parent.items() if key[0] == "Folder" and parent is None]
    tree.step("soft_delete", *roots[0], plain.delete(roots[0]))  # a lock holds it
    assert not plain.deleted
    for _ in range(15):
        tree.any_step(random)
    locks = [key for key in plain.parent if key[0] == "Lock"]
    tree.step("soft_delete_where", "Lock", col(Lock.id) > 0, plain.delete(*locks))
    for root in roots:
        tree.step("soft_delete", *root, plain.delete(root))
    assert len(plain.deleted) > 6_000
    for root in roots:
        tree.step("restore", *root, plain.restore(root))
    tree.step("soft_delete", *roots[0], plain.delete(roots[0]))
    tree.purge()
    assert 0 < len(plain.parent) < 9_000


def test_nothing_new_refers_to_a_deleted_row_by_whatever_rule(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        folder = Folders(session).add(Folder())
        file = Files(session).add(File(folder_id=folder.id))
        assert Files(session).soft_delete(file.id)
        for new in (
            lambda: Links(session).add(Link(file_id=file.id)),
            lambda: Locks(session).add(Lock(file_id=file.id)),
        ):
            with pytest.raises(ConstraintError), session.begin_nested():
                new()


def test_a_refused_deletion_leaves_everything_and_says_what_holds_it(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        folder = Folders(session).add(Folder())
        file = Files(session).add(File(folder_id=folder.id))
        lock = Locks(session).add(Lock(file_id=file.id))
        with pytest.raises(ConflictError, match="1 Lock refer to the File by file_id"):
            Folders(session).soft_delete(folder.id)
    with domain_db.get_session(organization_id=1) as session:
        assert (Folders(session).count(), Files(session).count()) == (1, 1)
        assert Locks(session).soft_delete(lock.id)
        assert Folders(session).soft_delete(folder.id)
        assert (Folders(session).count(), Files(session).count()) == (0, 0)


def test_a_name_that_no_class_has_is_refused_before_a_table_is_made() -> None:
    table: Table = Link.__table__
    AWAITED["tests", "Nobody"] = [table.c.file_id]
    try:
        with pytest.raises(TypeError, match=r"test_links\.file_id: tenant_key\('Nobody'\)"):
            refuse_awaited()
    finally:
        del AWAITED["tests", "Nobody"]


def test_a_join_over_a_deleted_target_shows_none(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        file = Files(session).add(File(folder_id=Folders(session).add(Folder()).id))
        link = Links(session).add(Link(file_id=file.id))
        Files(session).soft_delete(file.id)
        joined = select(Link.id, File.id).join(File, col(File.id) == Link.file_id, isouter=True)
        (found,) = session.exec(joined).all()
        assert (found[0], found[1] is None) == (link.id, True)
