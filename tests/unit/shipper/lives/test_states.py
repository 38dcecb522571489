"""A life's states: the table, and the diagram of it in the documents."""

import re
from pathlib import Path

from shipper.lives.states import TRANSITIONS, Event, State, after

ARCHITECTURE = Path(__file__).parents[4] / "docs/architecture.md"


def test_every_state_has_its_transitions() -> None:
    """No state was forgotten, and each one but the first is entered by some event."""
    entered = {state for events in TRANSITIONS.values() for state in events.values()}
    assert set(TRANSITIONS) == set(State)
    assert entered == set(State)


def test_what_is_not_in_the_table_changes_nothing() -> None:
    """A life that has ended stays so, whatever happens; one that rests is not told to rest."""
    assert {after(State.DONE, event) for event in Event} == {State.DONE}
    assert {after(State.ENDED, event) for event in Event} == {State.ENDED}
    assert after(State.RESTING, Event.REST) is State.RESTING


def test_the_diagram_is_the_table() -> None:
    """docs/architecture.md draws exactly the transitions of the table, and says in each state what it means."""
    text = ARCHITECTURE.read_text()
    drawn = set(re.findall(r"^  (\w+) --> (\w+): ", text, re.MULTILINE))
    table = {(state.value, then.value) for state, events in TRANSITIONS.items() for then in events.values()}
    assert drawn == table
    assert {state.value for state in State} <= set(re.findall(r"^\| (\w+) \|", text, re.MULTILINE))
