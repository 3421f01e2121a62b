/*
 * llm/llm.h - everything an application needs.
 *
 *	llm_service *svc; llm_call *call; llm_err err = LLM_ERR_INIT;
 *	llm_service_new(NULL, &svc, &err);
 *	llm_ask(svc, "ollama/llama3.2", "Why is the sky blue?", &call, &err);
 *	puts(llm_result_text(llm_call_result(call), NULL));
 *
 * Four ways to drive a service: blocking (llm_ask, llm_call_wait), pull
 * (llm_call_next), its own thread (llm_service_start, callbacks), or the host's
 * loop (loop.h).
 */
#ifndef LLM_LLM_H
#define LLM_LLM_H

#include "base.h"
#include "call.h"
#include "capabilities.h"
#include "config.h"
#include "error.h"
#include "explain.h"
#include "loop.h"
#include "plugins.h"
#include "records.h"
#include "request.h"
#include "result.h"
#include "runner.h"
#include "service.h"
#include "simulate.h"
#include "stream.h"
#include "unit.h"
#include "version.h"

#endif
