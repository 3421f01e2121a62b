"""llmctl db export into trees of Alembic's own making: alembic_tree.py LLMCTL WORK

Prints "alembic STEP ok" or "alembic STEP FAILED" for each step.
"""

import contextlib
import glob
import importlib.util
import io
import os
import sqlite3
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
ANSWERS = (
    """op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("workspace_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "run_id"],
            ["llm_runs.workspace_id", "llm_runs.id"],
            name="answers_run",
        ),
    )""",
    "answers",
)


def export(*args, status=0):
    done = subprocess.run(
        [LLMCTL, "db", "export", *args], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == status, f"{args}: {done.returncode}: {done.stderr}"
    return done.stdout.split("\n")[:-1], done.stderr


class Tree:
    """A project of a host's, its revisions written by `alembic revision` itself."""

    def __init__(self, name):
        self.path = os.path.join(WORK, name)
        self.file = os.path.join(WORK, name + ".db")
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
            f.write(HOST_ENV.format(tree=self.path, url="sqlite:///" + self.file))

    def revision(self, name, body=None, **options):
        made = command.revision(self.config, message=name, rev_id=name, **options)
        if not body:
            return
        text = open(made.path).read()
        up, down = body[0], f'op.drop_table("{body[1]}")'
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
        return differences(self.file, scope["metadata"])

    def dump(self):
        with sqlite3.connect(self.file) as db:
            rows = db.execute(
                "SELECT type, name, sql FROM sqlite_master "
                "WHERE name <> 'alembic_version' ORDER BY type, name"
            ).fetchall()
        return rows


def differences(file, metadata):
    engine = sa.create_engine("sqlite:///" + file)
    with engine.connect() as connection:
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


def host(name):
    tree = Tree(name)
    tree.revision("host_1", AUTHORS)
    tree.revision("host_2", ANSWERS)
    return tree


# ---- steps ----


def up_down_up():
    """Into a tree with two revisions and a foreign key to llm_runs."""
    tree = host("usual")
    command.upgrade(tree.config, "head")
    before = tree.dump()
    written, _ = export("--format", "alembic", tree.path)
    assert len(written) == len(MIGRATIONS), written
    assert tree.heads() == [LAST], tree.heads()
    assert tree.down_of("llm_0001") == "host_2", tree.down_of("llm_0001")
    command.upgrade(tree.config, "head")
    assert tree.differences() == [], tree.differences()
    command.check(tree.config)
    after = tree.dump()
    assert len(after) > len(before) + 10, after
    command.downgrade(tree.config, "host_2")
    assert tree.dump() == before
    command.upgrade(tree.config, "head")
    assert tree.dump() == after
    assert export("--format", "alembic", tree.path)[0] == []


def status_fits():
    """What Alembic has made is what the library expects, and a foreign key to it holds."""
    tree = Tree.__new__(Tree)
    tree.file = os.path.join(WORK, "usual.db")
    conf = os.path.join(WORK, "usual.conf")
    with open(conf, "w") as f:
        f.write(f'storage = {{ plugin = "sqlite"; dsn = "{tree.file}"; }};\n')
    done = subprocess.run(
        [LLMCTL, "db", "status", "-c", conf], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0 and "schema\tok" in done.stdout, done.stdout + done.stderr
    db = sqlite3.connect(tree.file)
    db.execute("PRAGMA foreign_keys = ON")
    run = "INSERT INTO llm_runs (workspace_id, id, operation, status, stream, created_us, version)"
    db.execute(run + " VALUES ('w', 'r', 'chat', 'succeeded', 0, 1, 1)")
    db.execute("INSERT INTO answers (workspace_id, run_id) VALUES ('w', 'r')")
    try:
        db.execute("INSERT INTO answers (workspace_id, run_id) VALUES ('w', 'other')")
        raise AssertionError("an answer of no run")
    except sqlite3.IntegrityError:
        db.rollback()
    db.close()


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
    assert "CREATE VIEW llm_usage_daily_v" in sql and sql.count("CREATE TABLE llm_") == 9, sql
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


def module_and_migrations_agree():
    """Tables that the module makes reflect as those of the migrations do."""
    metadata = declared()
    migrated, made = os.path.join(WORK, "migrated.db"), os.path.join(WORK, "made.db")
    conf = os.path.join(WORK, "migrated.conf")
    with open(conf, "w") as f:
        f.write(f'storage = {{ plugin = "sqlite"; dsn = "{migrated}"; }};\n')
    subprocess.run([LLMCTL, "db", "migrate", "-c", conf], check=True, capture_output=True)
    assert differences(migrated, metadata) == []
    metadata.create_all(sa.create_engine("sqlite:///" + made))
    left, right = catalogue(migrated), catalogue(made)
    assert sorted(left) == sorted(right) == sorted(metadata.tables), sorted(left)
    assert by_key(migrated) == by_key(made), by_key(made)
    for table in left:
        assert left[table] == right[table], f"{table}: {left[table]}\n{right[table]}"


def by_key(file):
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT name FROM pragma_table_list WHERE wr AND name LIKE 'llm%'")
        return sorted(name for (name,) in rows)


def catalogue(file):
    look = sa.inspect(sa.create_engine("sqlite:///" + file))
    tables = {}
    for table in look.get_table_names():
        columns = [
            (c["name"], str(c["type"]), c["nullable"], c["default"], c["primary_key"])
            for c in look.get_columns(table)
        ]
        indexes = sorted(
            (i["name"], i["column_names"], i["unique"], where(i)) for i in look.get_indexes(table)
        )
        unique = sorted(u["column_names"] for u in look.get_unique_constraints(table))
        checks = sorted(c["sqltext"] for c in look.get_check_constraints(table))
        tables[table] = (columns, indexes, unique, checks)
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


def main():
    bad = 0
    for step in (
        up_down_up,
        status_fits,
        two_heads,
        merged,
        first_of_all,
        later_ones,
        where_it_may_be,
        unreadable,
        offline_and_other_dialects,
        module_and_migrations_agree,
        module_of_others_stays,
    ):
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # Alembic tells what it makes
                step()
            print(f"alembic {step.__name__} ok", flush=True)
        except Exception:
            bad = 1
            print(f"alembic {step.__name__} FAILED", flush=True)
            traceback.print_exc()
    return bad


if __name__ == "__main__":
    sys.exit(main())
