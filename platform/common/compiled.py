"""Querysets that are compiled once a process and planned once a connection, for the few that every request runs.

Building and compiling a queryset costs more than running it, and PostgreSQL plans anew what comes as text. Here the SQL
is kept and sent as a prepared statement. The queryset stays where it was: one definition, on every database.
What that saves, and what it costs: docs/adr/0009-statements-of-every-request-are-compiled-once.md.
"""

import uuid
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from itertools import count
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable, get_related_populators
from django.db.models.sql import DeleteQuery, UpdateQuery

Row = TypeVar("Row", bound=Model)
VALUES = (int, str, uuid.UUID, datetime, list)
"""What may differ from run to run (a list: JSON). Else, and for a boolean, each value makes a statement of its own."""
KEPT = 200
"""Statements of one builder: what it takes besides values must be of few kinds."""


def _differs(value: Any) -> bool:
    return isinstance(value, VALUES) and not isinstance(value, bool)


class _Marks:
    """Stand-ins for the values of one statement: nobody's key, so that they are found again in the SQL's parameters."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._next = count(1)
        self.by_name = {name: self._mark(value) for name, value in given.items() if _differs(value)}
        self.arguments = given | self.by_name

    def _mark(self, value: Any) -> Any:
        number = next(self._next)
        if isinstance(value, uuid.UUID):
            return uuid.UUID(int=2**127 + number)
        if isinstance(value, str):
            return f"\ue000{number}"
        if isinstance(value, datetime):
            return datetime(1900, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
        if isinstance(value, list):
            return [f"\ue000{number}"]
        return 1_987_654_000 + number  # within 32 bits: Django compares nothing with what its column cannot hold


def _bound(value: Any, connection: Any) -> Any:
    """A value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if isinstance(value, list):
        return connection.ops.adapt_json_value(value, None)
    if connection.vendor == "postgresql" and type(value) is int:
        from psycopg.types.numeric import Int8

        return Int8(value)  # else small and large keys would make different statements
    return value


class _Statement:
    """SQL and what to bind in which place of it: (a value's name, None) or (None, a constant)."""

    def __init__(self, compiler: Any, marks: _Marks) -> None:
        connection = compiler.connection
        self.sql, params = compiler.as_sql()
        named = {_same(_bound(mark, connection)): name for name, mark in marks.by_name.items()}
        self.places: list[tuple[str | None, Any]] = [(named.get(_same(param)), param) for param in params]
        if connection.vendor == "postgresql":
            self.sql, self.places = _spelled_out(self.sql, self.places, connection)

    def params(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        return [_bound(values[name], connection) if name else param for name, param in self.places]

    def run(self, connection: Any, values: dict[str, Any]) -> Any:
        """Returns how many rows were changed."""
        with prepared_cursor(connection) as cursor:
            cursor.execute(self.sql, self.params(connection, values))
            return cursor.rowcount


def _same(param: Any) -> Hashable:
    """Equal for equal parameters: also JSON in its wrapper, and numbers in theirs."""
    if isinstance(param, list | dict) or hasattr(param, "obj"):
        return repr(getattr(param, "obj", param))
    return type(param).__mro__[-2], param


class _Query(_Statement):
    """One compiled SELECT, and how its rows become objects."""

    def __init__(self, queryset: QuerySet[Any], marks: _Marks, connection: Any) -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        super().__init__(compiler, marks)
        fields = [column[0] for column in compiler.select[: compiler.col_count]]
        self.converters = list(compiler.get_converters(fields).items())
        self.annotations = list((compiler.annotation_col_map or {}).items())
        self.model: type[Model] | None = None
        if issubclass(queryset._iterable_class, ModelIterable):
            info = compiler.klass_info
            self.model, self.span = info["model"], slice(info["select_fields"][0], info["select_fields"][-1] + 1)
            self.names = [column[0].target.attname for column in compiler.select[self.span]]
            populators: Any = get_related_populators  # its stubs are of a later Django, where it takes one more
            self.related = populators(info, compiler.select, connection.alias)

    def run(self, connection: Any, values: dict[str, Any]) -> Any:
        with prepared_cursor(connection) as cursor:
            cursor.execute(self.sql, self.params(connection, values))
            found = cursor.fetchall()
        return [self._object(row, connection) for row in found]

    def _object(self, row: Any, connection: Any) -> Any:
        if self.converters:
            row = list(row)
            for place, (converters, expression) in self.converters:
                for convert in converters:
                    row[place] = convert(row[place], expression, connection)
        if self.model is None:
            return tuple(row)
        made = self.model.from_db(connection.alias, self.names, row[self.span])
        for populator in self.related:
            populator.populate(row, made)
        for name, place in self.annotations:
            setattr(made, name, row[place])
        return made


def _spelled_out(sql: str, places: list[Any], connection: Any) -> tuple[str, list[Any]]:
    """Constants as literals: a plan made for any value could not use a partial index, whose condition names one."""
    from psycopg.sql import Literal

    parts = sql.split("%s")
    spelled, left = parts[0], []
    for (name, param), part in zip(places, parts[1:], strict=True):
        if name is None and isinstance(param, str | int):
            spelled += Literal(param).as_string(connection.connection).replace("%", "%%") + part
        else:
            left.append((name, param))
            spelled += "%s" + part
    return spelled, left


@cache
def _prepared() -> Any:
    from psycopg import Cursor

    class Prepared(Cursor[Any]):
        """Binds on the server, and has every statement planned once a connection."""

        def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            return super().execute(query, params, **options, prepare=True)

        def _convert_query(self, *given: Any) -> Any:
            self._query = super()._convert_query(*given)  # what was sent, for Django's list of queries
            return self._query

    return Prepared


def prepared_cursor(connection: Any) -> Any:
    """A cursor that Django watches like its own: errors, wrappers and counted queries are as always."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = 5  # without a number psycopg prepares nothing; Django's own cursors never do
    return connection._prepare_cursor(_prepared()(raw))


def _once(build: Callable[..., Any], make: Callable[[Any, _Marks, Any], _Statement]) -> Callable[..., Any]:
    statements: dict[Hashable, _Statement] = {}

    @wraps(build)
    def run(**given: Any) -> Any:
        connection = connections[DEFAULT_DB_ALIAS]
        kinds = tuple((name, type(one) if _differs(one) else one) for name, one in given.items())
        key = (connection.vendor, kinds)
        statement = statements.get(key)
        if statement is None:
            connection.ensure_connection()
            marks = _Marks(given)
            statement = make(build(**marks.arguments), marks, connection)
            if len(statements) >= KEPT:
                statements.clear()
            statements[key] = statement
        return statement.run(connection, given)

    return run


def compiled(build: Callable[..., QuerySet[Row]]) -> Callable[..., list[Row]]:
    """Makes of a function that builds a queryset one that runs it and returns the rows, objects or tuples.

    By keyword only. Values (numbers, texts, UUIDs, times, JSON) are bound at each run; all else must be hashable and of
    few kinds, and makes a statement of its own. The builder must not look at a value, only pass it on.
    """
    return _once(build, _Query)


def compiled_update(build: Callable[..., tuple[QuerySet[Any], dict[str, Any]]]) -> Callable[..., int]:
    """The same for (the rows to change, column → value); returns how many it has changed. No `pre_save` is asked."""

    def make(built: Any, marks: _Marks, connection: Any) -> _Statement:
        rows, values = built
        query = rows.query.chain(UpdateQuery)
        query.add_update_values(values)
        query.annotations = {}
        return _Statement(query.get_compiler(connection=connection), marks)

    return _once(build, make)


def compiled_delete(build: Callable[..., QuerySet[Any]]) -> Callable[..., int]:
    """The same for rows to delete that nothing refers to; returns how many there were."""

    def make(rows: QuerySet[Any], marks: _Marks, connection: Any) -> _Statement:
        query: Any = rows.query.clone()
        query.__class__ = DeleteQuery
        return _Statement(query.get_compiler(connection=connection), marks)

    return _once(build, make)


_writes: dict[Hashable, tuple[str, Sequence[Any]]] = {}


def inserted(row: Row) -> Row:
    """Stores a new row, as `save` does where nobody listens, and gives it its key."""
    connection = connections[DEFAULT_DB_ALIAS]
    key = (connection.vendor, type(row))
    if key not in _writes:
        meta: Any = row._meta
        name = connection.ops.quote_name
        fields = [field for field in meta.concrete_fields if not field.primary_key]
        columns, places = ", ".join(name(field.column) for field in fields), ", ".join(["%s"] * len(fields))
        sql = f"INSERT INTO {name(meta.db_table)} ({columns}) VALUES ({places}) RETURNING {name(meta.pk.column)}"  # noqa: S608
        _writes[key] = (sql, fields)
    sql, stored = _writes[key]
    with prepared_cursor(connection) as cursor:
        cursor.execute(sql, [_stored(row, field, connection, new=True) for field in stored])
        row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias
    return row


def saved(row: Model, names: tuple[str, ...]) -> None:
    """Stores the fields `names` of a row, as `save(update_fields=…)` does. Raises DatabaseError where it is gone."""
    connection = connections[DEFAULT_DB_ALIAS]
    key = (connection.vendor, type(row), names)
    if key not in _writes:
        meta: Any = row._meta
        name = connection.ops.quote_name
        fields = [meta.get_field(one) for one in names]
        columns = ", ".join(f"{name(field.column)} = %s" for field in fields)
        _writes[key] = (f"UPDATE {name(meta.db_table)} SET {columns} WHERE {name(meta.pk.column)} = %s", fields)  # noqa: S608
    sql, stored = _writes[key]
    with prepared_cursor(connection) as cursor:
        params = [_stored(row, field, connection, new=False) for field in stored]
        cursor.execute(sql, [*params, _bound(row.pk, connection)])
        if not cursor.rowcount:
            raise DatabaseError("The row is not there any more.")


def _stored(row: Model, field: Any, connection: Any, *, new: bool) -> Any:
    value = field.get_db_prep_save(field.pre_save(row, new), connection)
    return _bound(value, connection) if type(value) is int else value


def first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
