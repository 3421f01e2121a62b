"""llmctl db export into trees of Alembic's own making: alembic_tree.py LLMCTL WORK [HOST PORT]

HOST and PORT are of a PostgreSQL where the role "app" may make databases; without it only
SQLite is tried. Prints "alembic STEP ok" or "alembic STEP FAILED" for each step.
"""

import contextlib
import glob
import importlib.util
import io
import os
import subprocess
import sys
import traceback

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

LLMCTL, WORK = sys.argv[1:3]
SERVER = sys.argv[3:5]
MIGRATIONS = sorted(glob.glob("persistence/schema/sqlite/*.up.sql"))
LAST = f"llm_{len(MIGRATIONS):04}"
LAST_FILE = "llm_" + os.path.basename(MIGRATIONS[-1]).replace(".up.sql", ".py")

HOST_ENV = '''
import sys
sys.path.insert(0, {tree!r})
from alembic import context
from sqlalchemy import create_engine, pool
from host_models import metadata

if context.is_offline_mode():
    context.configure(url={url!r}, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = create_engine({url!r}, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            context.run_migrations()
'''

HOST_MODELS = '''
import sqlalchemy as sa
import llm_tables

metadata = sa.MetaData()
sa.Table("authors", metadata, sa.Column("id", sa.Integer, primary_key=True))
sa.Table(
    "answers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("workspace_id", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(
        ["workspace_id", "run_id"], ["llm_runs.workspace_id", "llm_runs.id"], name="answers_run"
    ),
)
llm_tables.declare(metadata)
'''

AUTHORS = ('op.create_table("authors", sa.Column("id", sa.Integer, primary_key=True))', "authors")
ANSWERS = """op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),%s
    )"""
RUN = """
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["llm_runs.workspace_id", "llm_runs.id"],
            name="answers_run",
        ),"""
RUN_LATER = """op.create_foreign_key(
        "answers_run", "answers", "llm_runs", ["workspace_id", "run_id"], ["workspace_id", "id"]
    )"""


def export(*args, status=0):
    done = subprocess.run(
        [LLMCTL, "db", "export", *args], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == status, f"{args}: {done.returncode}: {done.stderr}"
    return done.stdout.split("\n")[:-1], done.stderr


class Sqlite:
    """A database in a file, by name."""

    early = True  # a table may refer to one that is not there yet

    def __init__(self, name):
        self.plugin = "sqlite"
        self.dsn = os.path.join(WORK, name + ".db")
        self.engine = sa.create_engine("sqlite:///" + self.dsn, poolclass=sa.pool.NullPool)
        sa.event.listen(self.engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = ON"))

    def dump(self):
        return self.rows(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE name <> 'alembic_version' ORDER BY type, name"
        )

    def by_key(self):
        """Names of what no reflection shows."""
        return self.rows("SELECT name FROM pragma_table_list WHERE wr AND name LIKE 'llm%'")

    def rows(self, sql):
        with self.engine.connect() as connection:
            return sorted(tuple(row) for row in connection.exec_driver_sql(sql))


class Postgres(Sqlite):
    """A database on the server, made anew."""

    early = False

    def __init__(self, name):
        self.plugin = "postgres"
        self.dsn = f"host={SERVER[0]} port={SERVER[1]} user=app dbname={name}"
        self.engine = self.reach(name)
        with self.reach("postgres").connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(f"CREATE DATABASE {name}")

    @staticmethod
    def reach(name):
        url = f"postgresql+psycopg2://app@/{name}?host={SERVER[0]}&port={SERVER[1]}"
        return sa.create_engine(url, poolclass=sa.pool.NullPool)

    def dump(self):
        columns = self.rows(
            "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, "
            "coalesce(column_default, '') FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        )
        rest = self.rows(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
            "UNION ALL SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' "
            "UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = CAST('public' AS regnamespace)"
        )
        return columns + [row for row in rest if not row[0].startswith("alembic_version")]

    def by_key(self):
        return []


class Tree:
    """A project of a host's, its revisions written by `alembic revision` itself."""

    def __init__(self, name, place=Sqlite):
        self.path = os.path.join(WORK, place.__name__.lower() + "_" + name)
        self.store = place(name)
        os.mkdir(self.path)
        self.config = Config(os.path.join(self.path, "alembic.ini"), stdout=io.StringIO())
        scripts = os.path.join(self.path, "alembic")
        command.init(self.config, scripts)
        self.config = Config(os.path.join(self.path, "alembic.ini"), stdout=io.StringIO())
        self.config.set_main_option("script_location", scripts)
        self.versions = os.path.join(scripts, "versions")
        export("--format", "sqlalchemy", self.path)
        with open(os.path.join(self.path, "host_models.py"), "w") as f:
            f.write(HOST_MODELS)
        with open(os.path.join(scripts, "env.py"), "w") as f:
            url = self.store.engine.url.render_as_string()
            f.write(HOST_ENV.format(tree=self.path, url=url))

    def revision(self, name, body=None, **options):
        made = command.revision(self.config, message=name, rev_id=name, **options)
        if not body:
            return
        text = open(made.path).read()
        up, down = body[0], body[1] if "(" in body[1] else f'op.drop_table("{body[1]}")'
        text = text.replace("pass", up, 1)
        text = text.replace("pass", down, 1)
        open(made.path, "w").write(text)

    def heads(self):
        return sorted(ScriptDirectory.from_config(self.config).get_heads())

    def down_of(self, revision):
        return ScriptDirectory.from_config(self.config).get_revision(revision).down_revision

    def differences(self):
        spec = importlib.util.spec_from_file_location("llm_tables", self.path + "/llm_tables.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules["llm_tables"] = module
        scope = {}
        exec(HOST_MODELS, scope)
        return differences(self.store, scope["metadata"])

    def dump(self):
        return self.store.dump()


def differences(store, metadata):
    with store.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def declared():
    folder = os.path.join(WORK, "module")
    export("--format", "sqlalchemy", folder)
    spec = importlib.util.spec_from_file_location("llm_tables", folder + "/llm_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata = sa.MetaData()
    module.declare(metadata)
    return metadata


def host(name, place=Sqlite):
    tree = Tree(name, place)
    tree.revision("host_1", AUTHORS)
    tree.revision("host_2", (ANSWERS % (RUN if place.early else ""), "answers"))
    return tree


def migrate(tree):
    """Exports into the tree, and lets the host's tables refer to ours; to the head."""
    written, _ = export("--format", "alembic", tree.path)
    assert len(written) == len(MIGRATIONS), written
    assert tree.heads() == [LAST], tree.heads()
    if not tree.store.early:
        tree.revision("host_3", (RUN_LATER, "op.drop_constraint('answers_run', 'answers')"))
    command.upgrade(tree.config, "head")


# ---- steps ----


def up_down_up(place):
    """Into a tree with two revisions and a foreign key to llm_runs."""
    tree = host("usual", place)
    command.upgrade(tree.config, "head")
    before = tree.dump()
    migrate(tree)
    assert tree.down_of("llm_0001") == "host_2", tree.down_of("llm_0001")
    assert tree.differences() == [], tree.differences()
    command.check(tree.config)
    after = tree.dump()
    assert len(after) > len(before) + 10, after
    command.downgrade(tree.config, "host_2")
    assert tree.dump() == before
    command.upgrade(tree.config, "head")
    assert tree.dump() == after
    assert export("--format", "alembic", tree.path)[0] == []


def ctl(store, *args):
    conf = os.path.join(WORK, "ctl.conf")
    with open(conf, "w") as f:
        f.write(f'storage = {{ plugin = "{store.plugin}"; dsn = "{store.dsn}"; }};\n')
    return subprocess.run([LLMCTL, *args, "-c", conf], capture_output=True, text=True, timeout=30)


def status_fits(place):
    """What Alembic has made is what the library expects, and a foreign key to it holds."""
    tree = host("fits", place)
    migrate(tree)
    done = ctl(tree.store, "db", "status")
    assert done.returncode == 0 and "schema\tok" in done.stdout, done.stdout + done.stderr
    run = "INSERT INTO llm_runs (workspace_id, id, operation, status, stream, created_us, version)"
    answer = "INSERT INTO answers (workspace_id, run_id) VALUES ('w', '%s')"
    with tree.store.engine.connect() as db:
        db.exec_driver_sql(run + " VALUES ('w', 'r', 'chat', 'succeeded', 0, 1, 1)")
        db.exec_driver_sql(answer.replace("%s", "r"))
        try:
            db.exec_driver_sql(answer.replace("%s", "other"))
            raise AssertionError("an answer of no run")
        except sa.exc.IntegrityError:
            db.rollback()


def two_heads():
    """Nothing is guessed among several heads, and no second one is made."""
    tree = host("heads")
    tree.revision("host_3", head="host_1", splice=True)
    assert tree.heads() == ["host_2", "host_3"]
    _, said = export("--format", "alembic", tree.path, status=2)
    assert "2 heads" in said and "host_2" in said and "host_3" in said, said
    assert not os.path.exists(tree.versions + "/llm_0001_records.py")
    _, said = export("--format", "alembic", tree.path, "--down-revision", "host_1", status=2)
    assert "second head" in said, said
    _, said = export("--format", "alembic", tree.path, "--down-revision", "gone", status=2)
    assert "no such revision" in said, said
    export("--format", "alembic", tree.path, "--down-revision", "host_3")
    assert tree.heads() == ["host_2", LAST], tree.heads()


def merged():
    """The down-revisions of a merge are several."""
    tree = host("merged")
    tree.revision("host_3", head="host_1", splice=True)
    command.merge(tree.config, ["host_2", "host_3"], rev_id="host_4")
    export("--format", "alembic", tree.path)
    assert tree.heads() == [LAST] and tree.down_of("llm_0001") == "host_4", tree.heads()
    command.upgrade(tree.config, "head")


def first_of_all():
    """A tree without revisions: there is nothing to follow."""
    tree = Tree("empty")
    export("--format", "alembic", tree.path)
    assert tree.heads() == [LAST] and tree.down_of("llm_0001") is None
    command.upgrade(tree.config, "head")


def later_ones():
    """A newer libllm adds what the tree lacks, behind what the host has added meanwhile."""
    tree = host("later")
    export("--format", "alembic", tree.path)
    os.unlink(os.path.join(tree.versions, LAST_FILE))
    tree.revision("host_5", ("op.create_table('more', sa.Column('id', sa.Integer))", "more"))
    assert tree.down_of("host_5") == f"llm_{len(MIGRATIONS) - 1:04}"
    written, _ = export("--format", "alembic", tree.path)
    assert [os.path.basename(path) for path in written] == [LAST_FILE], written
    assert tree.heads() == [LAST] and tree.down_of(LAST) == "host_5"
    command.upgrade(tree.config, "head")
    os.unlink(tree.versions + "/llm_0001_records.py")
    _, said = export("--format", "alembic", tree.path, status=2)
    assert "llm_0001" in said and "Restore" in said, said


def where_it_may_be():
    """The folder with env.py, that of the revisions, and several folders of them."""
    for name, folder in (("scripts", "alembic"), ("folder", "alembic/versions")):
        tree = host(name)
        export("--format", "alembic", os.path.join(tree.path, folder))
        assert tree.heads() == [LAST] and tree.down_of("llm_0001") == "host_2"
    tree = host("listed")
    more = os.path.join(tree.path, "more")
    os.mkdir(more)
    with open(os.path.join(more, "host_6.py"), "w") as f:
        f.write("revision = 'host_6'\ndown_revision: str = 'host_2'\n")
    ini = os.path.join(tree.path, "alembic.ini")
    text = open(ini).read().replace(
        "[alembic]", "[alembic]\nversion_locations = %(here)s/alembic/versions %(here)s/more", 1
    )
    open(ini, "w").write(text)
    export("--format", "alembic", tree.path)
    text = open(os.path.join(tree.versions, "llm_0001_records.py")).read()
    assert 'down_revision = "host_6"' in text, text[:600]
    _, said = export("--format", "alembic", WORK, status=2)
    assert "no Alembic tree" in said, said


def unreadable():
    """What cannot be understood is no reason to guess."""
    tree = host("odd")
    with open(os.path.join(tree.versions, "odd.py"), "w") as f:
        f.write("revision = 'odd'\ndown_revision = newest()\n")
    _, said = export("--format", "alembic", tree.path, status=2)
    assert "odd.py" in said and "cannot be read" in said, said


def offline_and_other_dialects():
    """As a script too; a dialect without migrations is refused, not guessed."""
    tree = host("offline")
    export("--format", "alembic", tree.path)
    tree.config.output_buffer = io.StringIO()
    command.upgrade(tree.config, "head", sql=True)
    sql = tree.config.output_buffer.getvalue()
    tables = sum(open(up).read().count("CREATE TABLE llm_") for up in MIGRATIONS)
    assert "CREATE VIEW llm_usage_daily_v" in sql and sql.count("CREATE TABLE llm_") == tables, sql
    module = ScriptDirectory.from_config(tree.config).get_revision("llm_0001").module
    context = MigrationContext.configure(
        dialect_name="mysql", opts={"as_sql": True, "output_buffer": io.StringIO()}
    )
    with Operations.context(context):
        try:
            module.upgrade()
            raise AssertionError("upgraded")
        except NotImplementedError as e:
            assert "mysql" in str(e)


def module_and_migrations_agree(place):
    """Tables that the module makes reflect as those of the migrations do."""
    metadata = declared()
    migrated, made = place("migrated"), place("made")
    done = ctl(migrated, "db", "migrate")
    assert done.returncode == 0, done.stderr
    assert differences(migrated, metadata) == []
    metadata.create_all(made.engine)
    left, right = catalogue(migrated), catalogue(made)
    assert sorted(left) == sorted(right) == sorted(metadata.tables), sorted(left)
    assert migrated.by_key() == made.by_key(), made.by_key()
    for table in left:
        assert left[table] == right[table], f"{table}: {left[table]}\n{right[table]}"


def catalogue(store):
    look = sa.inspect(store.engine)
    tables = {}
    for table in look.get_table_names():
        columns = [
            (c["name"], str(c["type"]), c["nullable"], c["default"], c.get("primary_key"))
            for c in look.get_columns(table)
        ]
        key = look.get_pk_constraint(table)["constrained_columns"]
        indexes = sorted(
            (i["name"], i["column_names"], i["unique"], where(i)) for i in look.get_indexes(table)
        )
        unique = sorted(u["column_names"] for u in look.get_unique_constraints(table))
        checks = sorted(c["sqltext"] for c in look.get_check_constraints(table))
        tables[table] = (columns, key, indexes, unique, checks)
    return tables


def where(index):
    return {key: str(value) for key, value in index.get("dialect_options", {}).items()}


def module_of_others_stays():
    """A module of the same name that is not ours is not overwritten; an older one of ours is."""
    folder = os.path.join(WORK, "theirs")
    os.mkdir(folder)
    path = os.path.join(folder, "llm_tables.py")
    open(path, "w").write("tables = {}\n")
    _, said = export("--format", "sqlalchemy", folder, status=2)
    assert "says something else" in said and open(path).read() == "tables = {}\n", said
    open(path, "w").write('"""Written by "llmctl db export --format sqlalchemy"."""\n')
    export("--format", "sqlalchemy", folder)
    assert "def declare(" in open(path).read()


SQLITE_ONLY = (
    two_heads,
    merged,
    first_of_all,
    later_ones,
    where_it_may_be,
    unreadable,
    offline_and_other_dialects,
    module_of_others_stays,
)


def has_plugin(place):
    name = place.__name__.lower() + ".so"
    return os.path.exists(os.path.join(os.path.dirname(LLMCTL), "..", "plugins", name))


def steps():
    for place in (Sqlite, Postgres) if SERVER else (Sqlite,):
        for step in (up_down_up, status_fits, module_and_migrations_agree):
            if step != up_down_up and not has_plugin(place):
                continue
            yield f"{place.__name__.lower()} {step.__name__}", lambda: step(place)
    for step in SQLITE_ONLY:
        yield step.__name__, step


def main():
    bad = 0
    for name, step in steps():
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # Alembic tells what it makes
                step()
            print(f"alembic {name} ok", flush=True)
        except Exception:
            bad = 1
            print(f"alembic {name} FAILED", flush=True)
            traceback.print_exc()
    return bad


if __name__ == "__main__":
    sys.exit(main())
