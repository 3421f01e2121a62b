/*
 * gemini_fields.h - a part of provider_answers.c: what each member of Gemini's answers does
 * when it has another type.
 */
#ifndef TESTS_GEMINI_FIELDS_H
#define TESTS_GEMINI_FIELDS_H

static const field gemini_fields[] = {
	{"candidates", REFUSED, 1},
	{"candidates.0", REFUSED, 0},
	{"candidates.0.index", IGNORED, 0},
	{"candidates.0.content", REFUSED, 1},
	{"candidates.0.content.role", IGNORED, 0},
	{"candidates.0.content.parts", REFUSED, 1},
	{"candidates.0.content.parts.0", REFUSED, 0},
	{"candidates.0.content.parts.0.text", REFUSED, 1},
	{"candidates.0.content.parts.0.thought", REFUSED, 1},
	{"candidates.0.content.parts.0.thoughtSignature", REFUSED, 1},
	{"candidates.0.finishReason", REFUSED, 1},
	{"candidates.0.finishMessage", IGNORED, 0},
	{"candidates.0.continuationToken", IGNORED, 0},
	{"candidates.0.logprobsResult", IGNORED, 0},
	{"candidates.0.safetyRatings", IGNORED, 0},
	{"candidates.0.citationMetadata", IGNORED, 0},
	{"candidates.0.groundingMetadata", IGNORED, 0},
	{"candidates.0.tokenCount", IGNORED, 0},
	{"candidates.0.avgLogprobs", IGNORED, 0},
	{"promptFeedback", IGNORED, 0},
	{"promptFeedback.blockReason", IGNORED, 0},
	{"usageMetadata", IGNORED, 0},
	{"usageMetadata.promptTokenCount", IGNORED, 0},
	{"usageMetadata.candidatesTokenCount", IGNORED, 0},
	{"usageMetadata.thoughtsTokenCount", IGNORED, 0},
	{"usageMetadata.totalTokenCount", IGNORED, 0},
	{"usageMetadata.promptTokensDetails", IGNORED, 0},
	{"modelVersion", IGNORED, 0},
	{"responseId", IGNORED, 0},
	{"modelStatus", IGNORED, 0},
	{"modelStatus.modelStage", IGNORED, 0},
	{"error", TOLD, 1},
	{NULL, IGNORED, 0},
};

static const char gemini_whole[] =
	"{'candidates':[{'index':0,'content':{'role':'model','parts':[{'text':'a\\u00e9',"
	"'thought':false,'thoughtSignature':'c2ln'}]},'finishReason':'STOP','finishMessage':'f',"
	"'continuationToken':'t','logprobsResult':{},'safetyRatings':[],'citationMetadata':{},"
	"'groundingMetadata':{},'tokenCount':1,'avgLogprobs':-0.5}],'promptFeedback':{"
	"'blockReason':''},'usageMetadata':{'promptTokenCount':1,'candidatesTokenCount':2,"
	"'thoughtsTokenCount':3,'totalTokenCount':6,'promptTokensDetails':[]},"
	"'modelVersion':'m','responseId':'r','modelStatus':{'modelStage':'LEGACY'}}";

#endif
