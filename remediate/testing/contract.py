# ruff: noqa: S101  # pytest shows a failed assertion, and tests do not run under -O.
"""The engine's requirements for every remedy, as one function for tests."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Final, TypeVar

from remediate.core.command import ROOT, Output
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Proven, Remedy, Step
from remediate.core.verdict import ENGINE_CODES, Decision, Verdict
from remediate.errors import Unreadable
from remediate.testing.declaration import check_class, check_commands, check_questions, check_value

Known = Mapping[Probe[Fact], Fact | Unreadable] | Facts
"""The facts of an example: a mapping, or Facts from a survey."""
T = TypeVar("T", bound=Fact)

_MIXED: Final = 6
"""The most probes for which every mixture of broken and healed answers is tried."""


def check_remedy(remedy: Remedy, broken: Known, healed: Known, *, others: Iterable[Known] = ()) -> None:
    """Check a remedy against every requirement of the engine.

    Use it in one test for each remedy. On the `broken` facts the remedy is needed and safe. (A remedy that never acts
    by itself refuses there, with a code that may be overridden.) The `healed` facts are those after it worked: the
    thing that it acts on must be another incarnation. `others` are further facts that its guard must handle: refusals,
    states in transition. Raises AssertionError with the fault in words.

        def test_restart_nginx() -> None:
            remedy, unit, config = RestartNginx(), Unit(name="nginx"), NginxConfig()
            check_remedy(
                remedy,
                broken={unit: failed, config: sound},
                healed={unit: running, config: sound},
                others=[{unit: masked, config: sound}, {unit: failed, config: syntax_error}],
            )
    """
    check_class(type(remedy))
    check_value(remedy)
    check_questions(remedy)
    if remedy.is_human:
        _human(remedy, _Example(remedy, broken, "broken"), _Example(remedy, healed, "healed"), others)
        return
    assert remedy.identity(), "identity() is empty: nothing would tell whether anything has changed"
    check_commands(remedy)
    before, after = _Example(remedy, broken, "broken"), _Example(remedy, healed, "healed")
    _needed(remedy, before)
    _steps(remedy, before)
    _proof(remedy, before, after)
    _unknown(remedy, before, after)
    for number, facts in enumerate((*_mixtures(remedy, before, after), *others)):
        other = _Example(remedy, facts, f"other {number}")
        _bears(remedy, other)
        _nothing_hidden(remedy, before, other)


class _Watched(Facts):
    """Facts that record the questions read from them, and reject undeclared ones in words."""

    __slots__ = ("asked", "name")

    def __init__(
        self, name: str, answers: Mapping[Probe[Fact], Fact | Unreadable], outputs: Mapping[Probe[Fact], Output]
    ):
        super().__init__(answers, outputs)
        self.name = name
        self.asked: dict[Probe[Fact], None] = {}

    def __getitem__(self, probe: Probe[T]) -> T:
        self._note(probe)
        return super().__getitem__(probe)

    def output(self, probe: Probe[Fact]) -> Output:
        self._note(probe)
        return super().output(probe)

    def _note(self, probe: Probe[Fact]) -> None:
        assert probe in self, f"it reads {probe!r} on the {self.name} facts, but probes() does not list that"
        self.asked[probe] = None


class _Example:
    """A test's facts for the declared probes, each with an output to tell them apart."""

    def __init__(self, remedy: Remedy, known: Known, name: str) -> None:
        stated = dict(known) if isinstance(known, Facts) else dict(known.items())
        missing = [probe for probe in remedy.probes() if probe not in stated]
        assert not missing, f"the {name} facts state nothing for {missing[0]!r}, which probes() lists"
        self.name = name
        self.answers = {probe: stated[probe] for probe in remedy.probes()}
        self.outputs = {
            probe: _output(known, probe, answer) for probe, answer in self.answers.items() if isinstance(answer, Fact)
        }

    def facts(
        self, unreadable: Probe[Fact] | None = None, outputs: Mapping[Probe[Fact], Output] | None = None
    ) -> _Watched:
        answers = dict(self.answers)
        if unreadable is not None:
            answers[unreadable] = Unreadable(f"{unreadable.label()}: not readable, says the test")
        return _Watched(self.name, answers, {**self.outputs, **(outputs or {})})


def _output(known: Known, probe: Probe[Fact], answer: Fact) -> Output:
    """Return the raw output, or one that differs where the facts differ."""
    if isinstance(known, Facts):
        with suppress(KeyError):
            return known.output(probe)
    return Output(stdout=answer.model_dump_json())


def _human(remedy: Remedy, before: _Example, after: _Example, others: Iterable[Known]) -> None:
    """Check that a person's task is reported if needed, and that nothing acts by itself."""
    assert not remedy.identity(), "identity() is not empty, but a person's step acts on nothing"
    assert not remedy.changes(), "changes() is not empty, but a person's step changes nothing"
    needed = remedy.guard(before.facts())
    assert needed.decision is Decision.REFUSE, f"its guard does not ask for a person on the broken facts: {needed!r}"
    over = remedy.guard(after.facts())
    assert over.decision is Decision.SKIP, f"its guard does not skip on the healed facts: {over!r}"
    for number, facts in enumerate((*_mixtures(remedy, before, after), *others)):
        example = _Example(remedy, facts, f"other {number}")
        verdict = _guarded(remedy, example.facts())
        assert verdict is None or not _may_proceed(verdict), f"its guard may proceed: {verdict!r}"
        _bears(remedy, example)


# -- decisions and proofs ------------------------------------------------------------------------------------------


def _needed(remedy: Remedy, before: _Example) -> None:
    try:
        verdict = remedy.guard(before.facts())
    except Unreadable as why:
        raise AssertionError(f"its guard cannot read the broken facts: {why}") from why
    assert _may_proceed(verdict), f"its guard does not proceed on the broken facts: {verdict!r}"
    assert verdict == remedy.guard(before.facts()), "its guard says something else when asked again"


def _steps(remedy: Remedy, before: _Example) -> None:
    steps = tuple(remedy.apply(before.facts()))
    assert steps, "apply() yields nothing on the broken facts"
    assert steps == tuple(remedy.apply(before.facts())), "apply() yields something else when asked again"
    _listed(remedy, steps, before.name)


def _listed(remedy: Remedy, steps: tuple[Step, ...], name: str) -> None:
    for step in steps:
        listed = step.user != ROOT or step in remedy.changes()
        assert listed, f"on the {name} facts apply() yields `{step}`, which changes() does not list"
        absolute = step.user is None or step.argv[0].startswith("/")
        assert absolute, f"on the {name} facts apply() yields `{step}`: its program must be an absolute path"


def _proof(remedy: Remedy, before: _Example, after: _Example) -> None:
    try:
        verdict = remedy.guard(after.facts())
        proof = remedy.verify(before.facts(), after.facts())
    except Unreadable as why:
        raise AssertionError(f"the healed facts cannot be read: {why}") from why
    assert verdict.decision is Decision.SKIP, f"its guard does not skip on the healed facts: {verdict!r}"
    assert isinstance(proof, Proven), f"the healed facts do not prove it: {proof!r}"
    assert proof.evidence.strip(), "its proof has no evidence"
    nothing = remedy.verify(before.facts(), before.facts())
    assert not isinstance(nothing, Proven), f"the broken facts prove it: {nothing!r}"
    still = {probe: before.outputs[probe] for probe in remedy.identity()}
    same = remedy.verify(before.facts(), after.facts(outputs=still))
    assert not isinstance(same, Proven), f"healed facts prove it though nothing was done to {remedy.title()}: {same!r}"


def _unknown(remedy: Remedy, before: _Example, after: _Example) -> None:
    _never_blind(remedy, before)
    shown = after.facts()
    remedy.verify(before.facts(), shown)
    for probe in shown.asked:
        try:
            proof = remedy.verify(before.facts(), after.facts(unreadable=probe))
        except Unreadable:
            continue
        assert not isinstance(proof, Proven), f"it is proven although {probe!r} cannot be read: {proof!r}"


def _never_blind(remedy: Remedy, example: _Example) -> None:
    """Check that it never proceeds if a question that it read is unreadable."""
    asked = example.facts()
    remedy.guard(asked)
    tuple(remedy.apply(asked))
    for probe in (*asked.asked, *remedy.identity()):
        verdict = _guarded(remedy, example.facts(unreadable=probe))
        proceeds = verdict is not None and _may_proceed(verdict)
        assert not proceeds, f"its guard proceeds although {probe!r} cannot be read: {verdict!r}"


def _nothing_hidden(remedy: Remedy, before: _Example, example: _Example) -> None:
    """Check that an overridable refusal hides no other reason against acting.

    An override turns one refusal into proceed, so every other reason has to be reported before it. With one answer put
    back to its value on the broken facts, on which nothing speaks against acting, only the effect of that answer is
    gone. A refusal or a wait that remains was there all the time.
    """
    verdict = _guarded(remedy, example.facts())
    if verdict is None or verdict.code is None or not _overridable(verdict):
        return
    for probe in remedy.probes():
        answers = {**example.answers, probe: before.answers[probe]}
        hidden = _guarded(remedy, _Example(remedy, answers, example.name).facts())
        if hidden is None or hidden.decision is Decision.SKIP or _may_proceed(hidden):
            continue
        said = hidden.code.name if hidden.code else hidden.decision.value
        raise AssertionError(
            f"overriding {verdict.code.name!r} would pass over {said!r}, which holds as well: say it first"
        )


def _overridable(verdict: Verdict) -> bool:
    return verdict.decision is Decision.REFUSE and verdict.code is not None and verdict.code.overridable


def _may_proceed(verdict: Verdict) -> bool:
    """Return whether it proceeds by itself or with an override."""
    return verdict.decision is Decision.PROCEED or _overridable(verdict)


def _bears(remedy: Remedy, example: _Example) -> None:
    verdict = _guarded(remedy, example.facts())
    if verdict is None:
        return
    assert verdict.decision is not Decision.NOT_ATTEMPTED, "only the engine says not_attempted"
    assert verdict.decision is not Decision.REFUSE or verdict.code, f"a refusal has a code: {verdict!r}"
    assert verdict.reason.strip(), f"a verdict has a reason: {verdict!r}"
    if verdict.code is not None:
        assert verdict.code in (*remedy.refusals, *ENGINE_CODES), (
            f"it refuses with {verdict.code.name!r}, which refusals does not list"
        )
    if _may_proceed(verdict):
        _never_blind(remedy, example)
        # An override turns a refusal into proceed, and then apply() gets these facts.
        _listed(remedy, tuple(remedy.apply(example.facts())), example.name)


def _guarded(remedy: Remedy, facts: Facts) -> Verdict | None:
    try:
        return remedy.guard(facts)
    except Unreadable:
        return None


def _mixtures(remedy: Remedy, before: _Example, after: _Example) -> Iterator[Known]:
    """Yield every mixture of the two examples. A host may give any of them while it changes."""
    probes = remedy.probes()
    if len(probes) > _MIXED:
        return
    for chosen in product((before, after), repeat=len(probes)):
        yield {probe: example.answers[probe] for probe, example in zip(probes, chosen, strict=True)}
