"""A failed write to a stream ends neither the write nor the run."""

import io

import pytest

from remediate.core.outcome import RunVerdict
from remediate.core.playbook import HostPlan
from remediate.masking.masker import Masker
from remediate.masking.secret_patterns import MASK
from remediate.masking.stream import Steady, Stream
from remediate.masking.writer import MaskedWriter
from remediate.probes.network import PortOwner
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.nginx import RestartNginx
from remediate.report.text import TextReporter
from remediate.report.wrapping import clean
from remediate.testing import MemoryRecorder, play
from support import examples as ex
from support.scripted import Changes, FactSession

UNIT = Unit(name="nginx")
PORTS: Changes = {PortOwner(port=80): ex.NOBODY, PortOwner(port=443): ex.NOBODY}
DOWN: Changes = {UNIT: ex.FAILED, NginxConfig(): ex.SOUND, **PORTS}


class Broken(io.StringIO):
    """A stream whose other end is gone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str, /) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


ERRORS = [BrokenPipeError(32, "Broken pipe"), OSError(5, "Input/output error"), ValueError("I/O on closed file")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_what_cannot_be_written_is_lost(error: Exception) -> None:
    for stream in (Steady(Broken(error)), MaskedWriter(Broken(error), Masker())):
        assert stream.lost is None
        assert stream.write("text\n") == 5
        stream.flush()
        assert stream.lost is error


def test_no_stream_at_all() -> None:
    writer = MaskedWriter(None, Masker())
    for stream in (Steady(None), writer):
        assert stream.write("text\n") == 5
        stream.flush()
        assert stream.lost is None
    assert not writer.isatty()
    assert (writer.encoding, writer.errors) == ("utf-8", None)
    with pytest.raises(OSError, match="no stream"):
        writer.fileno()
    writer.release()
    writer.close()


def test_what_cannot_be_encoded_is_escaped() -> None:
    below = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    MaskedWriter(below, Masker()).write("wéb1 \ud800\n")
    assert below.buffer.getvalue() == b"w\\xe9b1 \\ud800\n"


@pytest.mark.parametrize("stream", [None, *map(Broken, ERRORS)])
def test_a_run_goes_on_without_its_output(stream: Stream | None) -> None:
    session, record = FactSession(DOWN, {UNIT: ex.started_again(ex.FAILED)}), MemoryRecorder()
    reporter = TextReporter(stream, stream, program="remediate")
    outcome = play(HostPlan((), (), (RestartNginx(),)), session, record=record, reporter=reporter)
    assert outcome.verdict is RunVerdict.FIXED
    assert len(record.outcomes) == 1


def test_a_secret_is_masked_before_its_line_is_wrapped_or_cut() -> None:
    assert clean("x\n\x1b[1mDB_PASSWORD =\x1b[0m hunter2") == f"x DB_PASSWORD = {MASK}"
