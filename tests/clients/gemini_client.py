"""The client `google-genai` against llmsim: gemini_client.py URL."""

import json
import sys

from google import genai
from google.genai import errors, types
from steps import (ASK_TOOL, MODEL, NOBODY, OTHER, PERSON, QUESTION, TOOL, TOOL_HELP, TOOL_RESULT,
                   TOOL_SCHEMA, is_person, play)

client = genai.Client(api_key="of-no-account", http_options=types.HttpOptions(
    base_url=sys.argv[1], api_version="v1beta", retry_options=types.HttpRetryOptions(attempts=1)))
tools = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[types.FunctionDeclaration(
        name=TOOL, description=TOOL_HELP, parameters_json_schema=TOOL_SCHEMA)])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))


def ask(contents, config=None):
    return client.models.generate_content(model=MODEL, contents=contents, config=config)


def models():
    names = [m.name.removeprefix("models/").split(":")[0] for m in client.models.list()]
    assert names == [MODEL, OTHER], names
    assert "generateContent" in client.models.get(model=MODEL).supported_actions


def chat():
    answer = ask(QUESTION, types.GenerateContentConfig(system_instruction="Be short."))
    usage = answer.usage_metadata
    assert answer.text.strip()
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert usage.prompt_token_count > 0 and usage.candidates_token_count > 0
    assert usage.total_token_count == (usage.prompt_token_count + usage.candidates_token_count
                                       + (usage.thoughts_token_count or 0))


def stream():
    config = types.GenerateContentConfig(seed=7)
    whole = ask(QUESTION, config)
    chunks = list(client.models.generate_content_stream(
        model=MODEL, contents=QUESTION, config=config))
    assert len(chunks) > 5, chunks
    assert "".join(c.text or "" for c in chunks) == whole.text
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert (chunks[-1].usage_metadata.candidates_token_count
            == whole.usage_metadata.candidates_token_count)


def tool():
    contents = [types.Content(role="user", parts=[types.Part.from_text(text=ASK_TOOL)])]
    first = ask(contents, tools)
    call = first.function_calls[0]
    assert call.name == TOOL and call.args["city"] in ("Oslo", "Paris"), call
    answer = types.FunctionResponse(id=call.id, name=TOOL, response=json.loads(TOOL_RESULT))
    contents += [first.candidates[0].content,
                 types.Content(role="user", parts=[types.Part(function_response=answer)])]
    last = ask(contents, tools)
    assert last.text and not last.function_calls
    assert last.usage_metadata.prompt_token_count > first.usage_metadata.prompt_token_count


def streamed_tool():
    chunks = client.models.generate_content_stream(model=MODEL, contents=ASK_TOOL, config=tools)
    calls = [c for chunk in chunks for c in chunk.function_calls or []]
    assert [c.name for c in calls] == [TOOL] and calls[0].args["city"], calls


def schema():
    answer = ask("Invent a person.", types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=PERSON))
    is_person(json.loads(answer.text))


def error():
    try:
        client.models.generate_content(model=NOBODY, contents=QUESTION)
    except errors.ClientError as e:
        assert e.code == 404 and e.status == "NOT_FOUND" and NOBODY in e.message, e
        return
    raise AssertionError("a model of nobody answered")


play("google-genai", models, chat, stream, tool, streamed_tool, schema, error)
