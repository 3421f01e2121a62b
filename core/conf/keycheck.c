/* The checks of single values that key_table names. */
#include <string.h>

#include "base/text.h"
#include "conf/keys.h"
#include "wire/jsonr.h"
#include "wire/money.h"
#include "wire/num.h"

int key_ok_workspace(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_is_alnum(text[i]) && (!text[i] || !strchr("._:-", text[i])))
			return 0;
	return len >= 1 && len <= 128;
}

int key_ok_plugin(const char *text, size_t len)
{
	return (len > 1 && text[0] == '/') || key_name_ok(text, len);
}

int key_ok_sha256(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return 0;
	return len == 64;
}

/*
 * A plugin may understand more than URLs ("127.0.0.1:11434" is one for Ollama), so
 * only what has a scheme is judged here; a user part is a secret in any case.
 */
int key_ok_base_url(const char *text, size_t len)
{
	url ignored;

	if (memmem(text, len, "://", 3))
		return url_parse(text, "base_url", &ignored, NULL) == 0;
	return len && !memchr(text, '@', len) && !memchr(text, ' ', len);
}

int key_ok_proxy(const char *text, size_t len)
{
	url ignored;

	if (strcmp(text, "env") == 0 || strcmp(text, "none") == 0)
		return 1;
	return len && url_parse(text, "proxy", &ignored, NULL) == 0;
}

/* They are handed on in one line, with commas between them. */
int key_ok_no_proxy(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_is_alnum((unsigned char)text[i]) && !strchr("-._:/*[]", text[i]))
			return 0;
	return len > 0;
}

int key_ok_json_object(const char *text, size_t len)
{
	jsonr r;

	jsonr_init(&r, text, len);
	return jsonr_peek(&r) == JSONR_OBJECT && jsonr_skip(&r) && jsonr_finish(&r) == 0;
}

int key_ok_price(const char *text, size_t len)
{
	int64_t ignored;

	return money_read(text, len, MONEY_PICO, &ignored);
}

int key_ok_money(const char *text, size_t len)
{
	int64_t n;

	return money_read(text, len, MONEY_NANO, &n) && n > 0;
}

int key_ok_size(const char *text, size_t len)
{
	uint64_t n;

	return num_read_size(text, len, &n) && n >= 1024 && n <= (uint64_t)1 << 30;
}

int key_ok_model(const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);

	if (!slash || !key_name_ok(text, (size_t)(slash - text)))
		return 0;
	return (size_t)(slash - text) + 1 < len;
}

int key_ok_weight(const char *text, size_t len)
{
	int64_t n;

	return num_read_i64(text, len, &n) && n >= 0 && n <= KEY_WEIGHT_MAX;
}

/* For the list of headers that results show: nothing that carries a secret. */
int key_ok_header(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!ascii_is_alnum(text[i]) && (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
			return 0;
	return len && !redact_is_secret_header(text) && !key_is_secret(text);
}
