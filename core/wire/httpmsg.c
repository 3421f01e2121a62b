/*
 * httpmsg.c - status and header lines. Dates and numbers are in httpdelay.c.
 */
#include "wire/httpmsg.h"

#include <string.h>

#include "base/text.h"

void httpmsg_init(httpmsg *m, const llm_allocator *mem)
{
	memset(m, 0, sizeof(*m));
	arena_init(&m->mem, mem, 0);
}

void httpmsg_done(httpmsg *m)
{
	arena_reset(&m->mem);
	m->n = 0;
}

static int httpmsg_is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!s[i] || (!ascii_is_alnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i])))
			return 0;
	return len > 0;
}

static int httpmsg_is_value(const char *s, size_t len)
{
	return !memchr(s, '\r', len) && !memchr(s, '\n', len) && !memchr(s, '\0', len);
}

int httpmsg_valid(const char *name, const char *value)
{
	return name && value && httpmsg_is_token(name, strlen(name)) &&
	       httpmsg_is_value(value, strlen(value));
}

static int httpmsg_digit(const char *s, size_t len, size_t i)
{
	return i < len && ascii_is_digit((unsigned char)s[i]);
}

/* "HTTP/1.1 200 OK", "HTTP/2 200". The status, or 0. */
static int32_t httpmsg_status(const char *s, size_t len)
{
	size_t at = 5;
	int32_t status = 0;

	if (!httpmsg_digit(s, len, at++))
		return 0;
	if (at < len && s[at] == '.' && !httpmsg_digit(s, len, ++at))
		return 0;
	if (s[at - 1] == '.')
		at++;
	if (at >= len || s[at++] != ' ')
		return 0;
	for (size_t i = 0; i < 3; i++, at++) {
		if (!httpmsg_digit(s, len, at))
			return 0;
		status = status * 10 + (s[at] - '0');
	}
	if ((at < len && s[at] != ' ') || !httpmsg_is_value(s, len))
		return 0;
	return status >= 100 ? status : 0;
}

static int32_t httpmsg_begin(httpmsg *m, const char *line, size_t len)
{
	int32_t status = httpmsg_status(line, len);

	if (!status)
		return LLM_E_PROTOCOL;
	arena_reset(&m->mem);
	m->n = 0;
	m->heads++;
	m->status = status;
	m->keep = status >= 200;
	return 0;
}

static int httpmsg_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int32_t httpmsg_store(httpmsg *m, llm_bytes name, llm_bytes value)
{
	llm_header_view *row = &m->rows[m->n];
	const char *copy_name = arena_dup(&m->mem, name.ptr, name.len);
	const char *copy_value = arena_dup(&m->mem, value.ptr, value.len);

	if (!copy_name || !copy_value)
		return LLM_E_NOMEM;
	row->name = copy_name;
	row->value = copy_value;
	m->list[m->n++] = row;
	return 0;
}

static int32_t httpmsg_header(httpmsg *m, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	llm_bytes name;
	llm_bytes value;

	if (!m->heads || !colon || !httpmsg_is_token(line, (size_t)(colon - line)))
		return LLM_E_PROTOCOL;
	name = (llm_bytes){line, (size_t)(colon - line)};
	value = (llm_bytes){colon + 1, len - name.len - 1};
	while (value.len && httpmsg_is_blank(value.ptr[0])) {
		value.ptr++;
		value.len--;
	}
	while (value.len && httpmsg_is_blank(value.ptr[value.len - 1]))
		value.len--;
	if (!httpmsg_is_value(value.ptr, value.len))
		return LLM_E_PROTOCOL;
	return m->keep ? httpmsg_store(m, name, value) : 0;
}

int32_t httpmsg_line(httpmsg *m, const char *line, size_t len)
{
	if (len > HTTPMSG_BYTES - m->bytes)
		return LLM_E_PROTOCOL;
	m->bytes += len;
	if (len && line[len - 1] == '\n')
		len--;
	if (len && line[len - 1] == '\r')
		len--;
	if (!len) {
		m->keep = 0;
		return m->heads ? 0 : LLM_E_PROTOCOL;
	}
	if (++m->lines > HTTPMSG_LINES)
		return LLM_E_PROTOCOL;
	/* No header name holds a slash, so this cannot be one. */
	if (len >= 5 && !memcmp(line, "HTTP/", 5))
		return httpmsg_begin(m, line, len);
	return httpmsg_header(m, line, len);
}

const char *httpmsg_get(const httpmsg *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!ascii_casecmp(m->rows[i].name, name))
			return m->rows[i].value;
	return NULL;
}

void httpmsg_media_type(const char *value, char *dst, size_t cap)
{
	size_t n = 0;

	if (!cap)
		return;
	while (value && httpmsg_is_blank(*value))
		value++;
	if (value)
		n = strcspn(value, "; \t,");
	if (n >= cap)
		n = 0;
	for (size_t i = 0; i < n; i++)
		dst[i] = (char)ascii_lower((unsigned char)value[i]);
	dst[n] = '\0';
}
