/*
 * sse_cases.h - event streams and what is to come of them, written by hand.
 *
 * A result is {event|data|id} for every frame, then ~ and the residue when there is
 * one.
 */
#ifndef TESTS_SSE_CASES_H
#define TESTS_SSE_CASES_H

#include <stddef.h>

#define CASE(text, result) \
	{ \
		text, sizeof(text) - 1, result \
	}

static const struct {
	const char *text;
	size_t len;
	const char *result;
} cases[] = {
	/* line ends */
	CASE("data: a\n\n", "{|a|}"),
	CASE("data: a\r\n\r\n", "{|a|}"),
	CASE("data: a\r\r", "{|a|}"),
	CASE("data: a\n\r\n", "{|a|}"),
	CASE("data: a\r\n\n", "{|a|}"),
	CASE("data: a\r\n\r", "{|a|}"),
	CASE("data: a\n\r", "{|a|}"),
	CASE("data: a\r\ndata: b\rdata: c\ndata: d\r\n\r\n", "{|a\nb\nc\nd|}"),
	CASE("data: a\r\rdata: b\r\r", "{|a|}{|b|}"),
	CASE("data: a\r\n\r\ndata: b\n\ndata: c\r\r", "{|a|}{|b|}{|c|}"),
	CASE("\r\n\r\ndata: a\r\n\r\n\r\n\r\n", "{|a|}"),
	CASE("\n\n\n", ""),
	CASE("\r\r\r", ""),
	CASE("\r\n", ""),
	CASE("", ""),
	CASE("data: a\r\n\r\n\ndata: b\n\n", "{|a|}{|b|}"),
	CASE("data: a\x0b\x0c\xc2\x85\xe2\x80\xa8"
	     "b\n\n",
		"{|a\x0b\x0c\xc2\x85\xe2\x80\xa8"
		"b|}"),
	/* the end of the body */
	CASE("data: a\n", "{|a|}"),
	CASE("data: a\r\n", "{|a|}"),
	CASE("data: a\r", "{|a|}"),
	CASE("data: a", "{|a|}"),
	CASE("data: a\ndata: b", "{|a\nb|}"),
	CASE("data: a\n\ndata: b", "{|a|}{|b|}"),
	CASE("data: a\n\nda", "{|a|}~da"),
	CASE("data: a\n\ndata", "{|a|}{||}"),
	CASE("event: x", ""),
	CASE("event: x\nid: 1\n", ""),
	CASE("event: x\ndata: a", "{x|a|}"),
	CASE("data: a\nevent: x", "{x|a|}"),
	/* one space, no space, more */
	CASE("data:a\n\n", "{|a|}"),
	CASE("data:  a\n\n", "{| a|}"),
	CASE("data:\ta\n\n", "{|\ta|}"),
	CASE("data: a \n\n", "{|a |}"),
	CASE("data:\n\n", "{||}"),
	CASE("data: \n\n", "{||}"),
	CASE("data\n\n", "{||}"),
	CASE("data\ndata\n\n", "{|\n|}"),
	CASE("data:\ndata: a\n\n", "{|\na|}"),
	CASE("data: a\ndata:\n\n", "{|a\n|}"),
	CASE("data:{\"a\":1}\n\n", "{|{\"a\":1}|}"),
	CASE("data: a: b: c\n\n", "{|a: b: c|}"),
	CASE("data::\n\n", "{|:|}"),
	/* comments */
	CASE(": hello\n\n", ""),
	CASE(":\n", ""),
	CASE(":", ""),
	CASE(": a\ndata: b\n: c\n\n", "{|b|}"),
	CASE("data: a\n: c\ndata: b\n\n", "{|a\nb|}"),
	CASE(": OPENROUTER PROCESSING\n\ndata: a\n\n", "{|a|}"),
	CASE(":data: a\n\n", ""),
	CASE(" : not a comment\n\n", "~ : not a comment"),
	/* event, id, retry */
	CASE("event: x\ndata: a\n\n", "{x|a|}"),
	CASE("event:x\ndata:a\n\ndata:b\n\n", "{x|a|}{|b|}"),
	CASE("event: x\nevent: y\ndata: a\n\n", "{y|a|}"),
	CASE("event: x\nevent\ndata: a\n\n", "{|a|}"),
	CASE("event: x\n\ndata: a\n\n", "{|a|}"),
	CASE("data: a\nevent: x\n\n", "{x|a|}"),
	CASE("event: ping\ndata: {}\n\nevent: never_heard_of\ndata: {}\n\n",
		"{ping|{}|}{never_heard_of|{}|}"),
	CASE("id: 1\ndata: a\n\n", "{|a|1}"),
	CASE("id: 1\ndata: a\n\ndata: b\n\n", "{|a|1}{|b|1}"),
	CASE("id: 1\ndata: a\n\nid\ndata: b\n\n", "{|a|1}{|b|}"),
	CASE("id: 1\ndata: a\n\nid: 2\ndata: b\n\n", "{|a|1}{|b|2}"),
	CASE("id: 1\n\ndata: a\n\n", "{|a|1}"),
	CASE("id: 1\nid: 2\0003\ndata: a\n\n", "{|a|1}"),
	CASE("id: \0\ndata: a\n\n", "{|a|}"),
	CASE("retry: 3000\ndata: a\n\n", "{|a|}"),
	CASE("retry: soon\ndata: a\n\n", "{|a|}"),
	CASE("retry: 3000\n\n", ""),
	CASE("retry\n\n", ""),
	/* a byte order mark */
	CASE("\xef\xbb\xbf"
	     "data: a\n\n",
		"{|a|}"),
	CASE("\xef\xbb\xbf\xef\xbb\xbf"
	     "data: a\n\n",
		"~\xef\xbb\xbf"
		"data: a"),
	CASE("data: a\n\n\xef\xbb\xbf"
	     "data: b\n\n",
		"{|a|}~\xef\xbb\xbf"
		"data: b"),
	CASE("\xef\xbb\xbf", ""),
	CASE("\xef\xbb", "~\xef\xbb"),
	CASE("\xef", "~\xef"),
	CASE("\xef\xbb"
	     "data: a\n\n",
		"~\xef\xbb"
		"data: a"),
	CASE("\xef\xbb\n\n"
	     "data: a\n\n",
		"{|a|}"),
	CASE("\xef\xbb\xbf\ndata: a\n\n", "{|a|}"),
	CASE("\xef\xbb\xbf: c\r\rdata: a\r\r", "{|a|}"),
	/* what is no field */
	CASE("foo\n\n", "~foo"),
	CASE("foo: bar\n\ndata: a\n\n", "{|a|}"),
	CASE("data: a\nfoo: bar\n\n", "{|a|}"),
	CASE("data: a\nfoo: bar\n", "{|a|}~foo: bar"),
	CASE("Data: a\n\n", "~Data: a"),
	CASE("data : a\n\n", "~data : a"),
	CASE(" data: a\n\n", "~ data: a"),
	CASE("datas: a\n\n", "~datas: a"),
	CASE("dat: a\n\n", "~dat: a"),
	CASE("data: a\n\n{\n  \"error\": {\n    \"code\": 503\n  }\n}\n",
		"{|a|}~{\n  \"error\": {\n    \"code\": 503\n  }\n}"),
	CASE("data: a\n\n{\"error\":1}", "{|a|}~{\"error\":1}"),
	CASE("<html>\r\n<body>502</body>\r\n\r\n</html>", "~<html>\n<body>502</body>\n</html>"),
	CASE("{\"error\":1}\n\ndata: a\n\n", "{|a|}"),
	CASE("a line of 64 bytes, which is what a buffer of text holds at first\n?",
		"~a line of 64 bytes, which is what a buffer of text holds at first\n?"),
	/* as providers end and break off */
	CASE("data: {\"a\":1}\n\ndata: [DONE]\n\n", "{|{\"a\":1}|}{|[DONE]|}"),
	CASE("data: {\"a\":1}\n\n", "{|{\"a\":1}|}"),
	CASE("data: [DONE]\n\ndata: {\"a\":1}\n\n", "{|[DONE]|}{|{\"a\":1}|}"),
	CASE("data: [DONE]", "{|[DONE]|}"),
	CASE("data: {\"a\":1}\n\ndata: {\"error\":{\"code\":500}}\n\n",
		"{|{\"a\":1}|}{|{\"error\":{\"code\":500}}|}"),
	CASE("event: error\ndata: {\"type\":\"error\"}\n\n", "{error|{\"type\":\"error\"}|}"),
	CASE("data: {\"a\":\n\n", "{|{\"a\":|}"),
	CASE("event: message_start\r\ndata: {}\r\n\r\n: ping\r\n\r\nevent: message_stop\r\n"
	     "data: {}\r\n\r\n",
		"{message_start|{}|}{message_stop|{}|}"),
	/* bytes */
	CASE("data: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\n",
		"{|\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80|}"),
	CASE("data: \xff\xfe\n\n", "{|\xff\xfe|}"),
};

#endif
