"""The client `ollama` against llmsim: ollama_client.py URL."""

import json
import sys

import ollama
from steps import (ASK_TOOL, MODEL, NOBODY, OTHER, PERSON, QUESTION, TOOL, TOOL_HELP, TOOL_RESULT,
                   TOOL_SCHEMA, is_person, play)

client = ollama.Client(host=sys.argv[1])
tools = [{"type": "function", "function": {"name": TOOL, "description": TOOL_HELP,
                                           "parameters": TOOL_SCHEMA}}]


def user(text):
    return {"role": "user", "content": text}


def ask(messages, **options):
    return client.chat(model=MODEL, messages=messages, **options)


def models():
    names = [m.model for m in client.list().models]
    assert names == [MODEL + ":latest", OTHER + ":latest"], names
    shown = client.show(MODEL)
    assert "completion" in shown.capabilities and shown.details.format == "gguf"


def chat():
    answer = ask([{"role": "system", "content": "Be short."}, user(QUESTION)])
    assert answer.message.role == "assistant" and answer.message.content.strip()
    assert answer.done and answer.done_reason == "stop"
    assert answer.prompt_eval_count > 0 and answer.eval_count > 0


def stream():
    options = {"seed": 7}
    whole = ask([user(QUESTION)], options=options)
    parts = list(ask([user(QUESTION)], options=options, stream=True))
    assert len(parts) > 5, parts
    assert "".join(p.message.content for p in parts) == whole.message.content
    assert [p.done for p in parts].index(True) == len(parts) - 1
    assert parts[-1].eval_count == whole.eval_count


def tool():
    messages = [user(ASK_TOOL)]
    first = ask(messages, tools=tools)
    call = first.message.tool_calls[0].function
    assert call.name == TOOL and call.arguments["city"] in ("Oslo", "Paris"), call
    messages += [first.message, {"role": "tool", "tool_name": TOOL, "content": TOOL_RESULT}]
    last = ask(messages, tools=tools)
    assert last.message.content and not last.message.tool_calls
    assert last.prompt_eval_count > first.prompt_eval_count


def streamed_tool():
    parts = list(ask([user(ASK_TOOL)], tools=tools, stream=True))
    calls = [c.function for p in parts for c in p.message.tool_calls or []]
    assert [c.name for c in calls] == [TOOL] and calls[0].arguments["city"], calls


def schema():
    is_person(json.loads(ask([user("Invent a person.")], format=PERSON).message.content))


def error():
    try:
        client.chat(model=NOBODY, messages=[user(QUESTION)])
    except ollama.ResponseError as e:
        assert e.status_code == 404 and NOBODY in e.error, e
        return
    raise AssertionError("a model of nobody answered")


play("ollama", models, chat, stream, tool, streamed_tool, schema, error)
