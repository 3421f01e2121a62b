"""The client `openai` against llmsim: openai_client.py URL. Answers are held to its own types."""

import json
import sys

import openai
from steps import (ASK_TOOL, MODEL, NOBODY, OTHER, PERSON, QUESTION, TOOL, TOOL_HELP, TOOL_RESULT,
                   TOOL_SCHEMA, is_person, play)

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="of-no-account", max_retries=0,
                       _strict_response_validation=True)
tools = [{"type": "function", "function": {"name": TOOL, "description": TOOL_HELP,
                                           "parameters": TOOL_SCHEMA}}]


def user(text):
    return {"role": "user", "content": text}


def ask(messages, **options):
    return client.chat.completions.create(model=MODEL, messages=messages, **options)


def models():
    names = [m.id.split(":")[0] for m in client.models.list()]
    assert names == [MODEL, OTHER], names
    assert client.models.retrieve(MODEL).object == "model"


def chat():
    answer = ask([{"role": "system", "content": "Be short."}, user(QUESTION)])
    usage = answer.usage
    assert answer.choices[0].message.content.strip()
    assert answer.choices[0].finish_reason == "stop"
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def stream():
    whole = ask([user(QUESTION)], seed=7)
    chunks = list(ask([user(QUESTION)], seed=7, stream=True,
                      stream_options={"include_usage": True}))
    texts = [c.choices[0].delta.content for c in chunks if c.choices]
    assert len(texts) > 5, texts
    assert "".join(t or "" for t in texts) == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens


def tool():
    messages = [user(ASK_TOOL)]
    first = ask(messages, tools=tools)
    call = first.choices[0].message.tool_calls[0]
    assert first.choices[0].finish_reason == "tool_calls"
    assert call.function.name == TOOL
    assert json.loads(call.function.arguments)["city"] in ("Oslo", "Paris")
    messages += [first.choices[0].message.to_dict(),
                 {"role": "tool", "tool_call_id": call.id, "content": TOOL_RESULT}]
    last = ask(messages, tools=tools)
    assert last.choices[0].finish_reason == "stop" and not last.choices[0].message.tool_calls
    assert last.choices[0].message.content
    assert last.usage.prompt_tokens > first.usage.prompt_tokens


def streamed_tool():
    name, arguments = "", ""
    for chunk in ask([user(ASK_TOOL)], tools=tools, stream=True):
        for piece in chunk.choices[0].delta.tool_calls or []:
            name += piece.function.name or ""
            arguments += piece.function.arguments or ""
    assert name == TOOL and json.loads(arguments)["city"], (name, arguments)


def schema():
    wanted = {"type": "json_schema",
              "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    is_person(json.loads(ask([user("Invent a person.")],
                             response_format=wanted).choices[0].message.content))


def error():
    try:
        client.chat.completions.create(model=NOBODY, messages=[user(QUESTION)])
    except openai.NotFoundError as e:
        assert NOBODY in e.message, e.message
        return
    raise AssertionError("a model of nobody answered")


play("openai", models, chat, stream, tool, streamed_tool, schema, error)
