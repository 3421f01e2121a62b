"""What the clients' tests share: steps that are played in order, and what they ask."""

import sys
import traceback

MODEL = "sim-small"
OTHER = "sim-large"
NOBODY = "of-nobody"
QUESTION = "Why is the sky blue?"
ASK_TOOL = "Use the tool get_weather for Oslo."
TOOL = "get_weather"
TOOL_HELP = "The weather of a city"
TOOL_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo", "Paris"]}},
    "required": ["city"],
}
TOOL_RESULT = '{"sky": "clear", "celsius": 21}'
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def is_person(value):
    assert set(value) == {"name", "age"}, value
    assert isinstance(value["name"], str) and isinstance(value["age"], int), value
    assert value["age"] >= 18, value


def play(client, *steps):
    """Runs functions in order, prints a line for each, ends with the number that failed."""
    failed = 0
    for step in steps:
        try:
            step()
            print(client, step.__name__, "ok", flush=True)
        except Exception:  # whatever a client raises is this step's failure
            failed += 1
            traceback.print_exc()
            print(client, step.__name__, "FAILED", flush=True)
    sys.exit(failed)
