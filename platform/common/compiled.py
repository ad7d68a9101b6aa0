"""Querysets that are compiled once a process and planned once a connection, for the few that every request runs.

Building and compiling a queryset costs more than running it, and PostgreSQL plans anew what comes as text. Here the SQL
is kept and sent as a prepared statement. The queryset stays where it was: one definition, on every database.
"""

import uuid
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from itertools import count
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable, get_related_populators

Row = TypeVar("Row", bound=Model)
VALUES = (int, str, uuid.UUID, datetime)
"""What may differ from run to run. Whatever else a builder takes (None, a tuple) makes a statement of its own."""
KEPT = 200
"""Statements of one builder: what it takes besides values must be of few kinds."""


class _Marks:
    """Stand-ins for the values of one statement: nobody's key, so that they are found again in the SQL's parameters."""

    def __init__(self) -> None:
        self._next = count(1)
        self.names: dict[Any, str] = {}

    def __call__(self, name: str, value: Any) -> Any:
        number = next(self._next)
        mark: Any = 1_987_654_000 + number  # within 32 bits: Django compares nothing with what its column cannot hold
        if isinstance(value, uuid.UUID):
            mark = uuid.UUID(int=2**127 + number)
        elif isinstance(value, str):
            mark = f"\ue000{number}"
        elif isinstance(value, datetime):
            mark = datetime(1900, 1, 1, tzinfo=UTC) + timedelta(microseconds=number)
        self.names[mark] = name
        return mark


def _bound(value: Any, connection: Any) -> Any:
    """A value as the database's driver takes it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, uuid.UUID):
        return value if connection.features.has_native_uuid_field else value.hex
    if connection.vendor == "postgresql" and type(value) is int:
        from psycopg.types.numeric import Int8

        return Int8(value)  # else small and large keys would make different statements
    return value


class _Statement(Generic[Row]):
    """One compiled queryset: SQL, what to bind in which place, and how rows become objects."""

    def __init__(self, queryset: QuerySet[Row], marks: _Marks, connection: Any) -> None:
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        named = {_bound(mark, connection): name for mark, name in marks.names.items()}
        self.places: list[tuple[str | None, Any]] = [(_name(named, param), param) for param in params]
        self.sql = sql
        if connection.vendor == "postgresql":
            self.sql, self.places = _spelled_out(sql, self.places, connection)
        fields = [column[0] for column in compiler.select[: compiler.col_count]]
        self.converters = list(compiler.get_converters(fields).items())
        self.annotations = list((compiler.annotation_col_map or {}).items())
        self.model: type[Row] | None = None
        if issubclass(queryset._iterable_class, ModelIterable):
            info = compiler.klass_info
            first, last = info["select_fields"][0], info["select_fields"][-1] + 1
            self.model, self.span = info["model"], slice(first, last)
            self.names = [column[0].target.attname for column in compiler.select[self.span]]
            self.related = get_related_populators(info, compiler.select, connection.alias)

    def rows(self, connection: Any, values: dict[str, Any]) -> list[Any]:
        params = [_bound(values[name], connection) if name else param for name, param in self.places]
        with _cursor(connection) as cursor:
            cursor.execute(self.sql, params)
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


def _name(named: dict[Any, str], param: Any) -> str | None:
    try:
        return named.get(param)
    except TypeError:  # a list or a wrapper of JSON: a constant
        return None


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

    return Prepared


def _cursor(connection: Any) -> Any:
    """A cursor that Django watches like its own: errors, wrappers and counted queries are as always."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    return connection._prepare_cursor(_prepared()(connection.connection))


def compiled(build: Callable[..., QuerySet[Row]]) -> Callable[..., list[Row]]:
    """Makes of a function that builds a queryset one that runs it and returns the rows, objects or tuples.

    By keyword only. Values (numbers, texts, UUIDs, times) are bound at each run; all else must be hashable, of few
    kinds, and makes a statement of its own. The builder must not look at a value, only pass it on.
    """
    statements: dict[Hashable, _Statement[Row]] = {}

    @wraps(build)
    def run(**given: Any) -> list[Row]:
        connection = connections[DEFAULT_DB_ALIAS]
        values = {name: value for name, value in given.items() if isinstance(value, VALUES)}
        kinds = tuple((name, values[name].__class__ if name in values else value) for name, value in given.items())
        key = (connection.vendor, kinds)
        statement = statements.get(key)
        if statement is None:
            marks = _Marks()
            with_marks = {name: marks(name, value) if name in values else value for name, value in given.items()}
            connection.ensure_connection()
            statement = _Statement(build(**with_marks), marks, connection)
            if len(statements) >= KEPT:
                statements.clear()
            statements[key] = statement
        return statement.rows(connection, values)

    return run


def first(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None
