"""A dry run: what the policy would have done with recorded alerts."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from remediate.alerts.intake import DecidedAlert, Intake
from remediate.alerts.store import AlertStore, RecordedAlert


def replayed(intake: Intake, events: Sequence[RecordedAlert]) -> tuple[DecidedAlert, ...]:
    """Decide recorded alerts again, at the times at which they came.

    It has a store of its own, so that the real one neither influences it nor changes. Playbooks are judged by today's
    rehearsals.
    """
    doubts = intake.doubts(event.alert for event in events)
    with (
        TemporaryDirectory(prefix="remediate-alerts-") as directory,
        AlertStore.open(f"sqlite:///{Path(directory).absolute()}/replay.sqlite3", project="") as store,
        store.deciding() as ledger,
    ):
        return tuple(
            DecidedAlert(
                at=event.at,
                alert=event.alert,
                decision=intake.decide(
                    event.alert, store.texts(event.alert), event.authentication, ledger, doubts, event.at
                ),
            )
            for event in events
        )
