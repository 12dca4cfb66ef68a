"""Row counts of the application's database, by table."""

from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact
from remediate.errors import Unreadable
from remediate.probes.php import AppProbe

AGES: Final = (1, 2, 4, 8, 16, 26, 48, 96, 192)
"""Ages in hours. For each, the rows that are younger are counted.

They separate rows written since a backup from rows that are lost.
"""
_SECONDS: Final = 24
"""Seconds for all tables together. A survey has forty, and a slow host needs seven of them to start the framework."""
_MOST: Final = 10


class TableRows(FrozenModel):
    """One table, and its number of rows if it was counted."""

    name: str = Field(max_length=64 * 4)
    rows: int | None = Field(ge=0, description="exactly; null when it could not be counted in time")
    young: tuple[int, ...] | None = Field(description="of those, created within each of the ages; null = not known")
    age: int | None = Field(description="seconds since the table was created or rebuilt; null = not known")

    def written_within(self, hours: float) -> int | None:
        """Return the number of rows created within so many hours; None if unknown.

        The hours are rounded up to the next of AGES.
        """
        if self.young is None:
            return None
        return next((count for age, count in zip(AGES, self.young, strict=True) if age >= hours), None)


class RowsState(Fact):
    """The tables of the application's database."""

    database: str = Field(description="what the server calls it")
    tables: tuple[TableRows, ...] = Field(description="the smallest first")
    more: int = Field(default=0, ge=0, description="tables that are not listed")

    @override
    def describe(self) -> str:
        counted = [table.rows for table in self.tables if table.rows is not None]
        rest = f", {len(self.tables) - len(counted) + self.more} not counted" if self._uncounted else ""
        return f"{sum(counted)} rows in {len(counted)} tables{rest}"

    @property
    def _uncounted(self) -> bool:
        return self.more > 0 or any(table.rows is None for table in self.tables)


class LiveRows(AppProbe[RowsState]):
    """Count the rows of every table exactly, through the application's own connection.

    Ask it to compare a backup with its database. Counting reads whole indexes, so every statement has a limit on the
    server: `max_statement_time` (MariaDB, 10.1 or later), `max_execution_time` (MySQL, 5.7 or later). A table that
    takes longer is reported as not counted.
    """

    kind: Literal["laravel.rows"] = "laravel.rows"
    subject = "rows of the database"
    program = "rows"

    @override
    def command(self) -> Run:
        return self.ask(str(_SECONDS), str(_MOST), *map(str, AGES), seconds=_SECONDS + 12)

    @override
    def understand(self, answer: Any) -> RowsState:
        match answer:
            case {"failed": int(code)}:
                raise Unreadable(f"{self.label()}: the application's database answers with error {code}")
            case {"driver": "mysql" | "mariadb", "database": str(database), "tables": list(tables), "more": int(more)}:
                return RowsState(database=database, tables=tuple(_table(each) for each in tables), more=more)
            case {"driver": str(driver)}:
                raise Unreadable(f"{self.label()}: a database by the driver {driver[:40]!r} cannot be compared")
        raise TypeError


def _table(row: object) -> TableRows:
    match row:
        case [str(name), rows, young, age] if young is None or (isinstance(young, list) and len(young) == len(AGES)):
            found = {"name": name, "rows": rows, "young": None if young is None else tuple(young), "age": age}
            return TableRows.model_validate(found, strict=True)
        case _:
            raise TypeError
