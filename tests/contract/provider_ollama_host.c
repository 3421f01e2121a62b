/*
 * OLLAMA_HOST in all its forms.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "support/plug.h"

typedef struct form {
	const char *given;
	const char *want;
} form;

static const form forms[] = {
	{"", "http://127.0.0.1:11434"},
	{"   ", "http://127.0.0.1:11434"},
	{"\"\"", "http://127.0.0.1:11434"},
	{"myhost", "http://myhost:11434"},
	{"myhost:9000", "http://myhost:9000"},
	{"myhost:", "http://myhost:11434"},
	{":9000", "http://127.0.0.1:9000"},
	{"http://myhost", "http://myhost"},
	{"HTTP://myhost", "http://myhost"},
	{"http://myhost:80", "http://myhost"},
	{"https://myhost", "https://myhost"},
	{"https://myhost:8443", "https://myhost:8443"},
	{"http://myhost:443", "http://myhost:443"},
	{"ollama.com", "https://ollama.com"},
	{"https://ollama.com", "https://ollama.com"},
	{"0.0.0.0", "http://127.0.0.1:11434"},
	{"0.0.0.0:9000", "http://127.0.0.1:9000"},
	{"http://0.0.0.0:11434", "http://127.0.0.1:11434"},
	{"[::]", "http://[::1]:11434"},
	{"[::]:9000", "http://[::1]:9000"},
	{"::", "http://[::1]:11434"},
	{"::1", "http://[::1]:11434"},
	{"[::1]:9000", "http://[::1]:9000"},
	{"[fe80::1]", "http://[fe80::1]:11434"},
	{"http://h:1/prefix", "http://h:1/prefix"},
	{"http://h:1/prefix/", "http://h:1/prefix"},
	{"h:1/a/b//", "http://h:1/a/b"},
	{"http://h/", "http://h"},
	{"  \"myhost:9000\"  ", "http://myhost:9000"},
	{"'myhost'", "http://myhost:11434"},
	{"myhost:65535", "http://myhost:65535"},
	{"myhost:65536", "http://myhost:11434"},
	{"myhost:-1", "http://myhost:11434"},
	{"myhost:port", "http://myhost:11434"},
	{"http://myhost:99999", "http://myhost"},
	{"https://myhost:x", "https://myhost"},
	{"http://127.0.0.1:11434", "http://127.0.0.1:11434"},
	/* left for the core to refuse */
	{"ftp://myhost", "ftp://myhost"},
	{"http://user:secret@myhost", "http://user:secret@myhost"},
	{"http://myhost/?q", "http://myhost/?q"},
	{"http://myhost#f", "http://myhost#f"},
	{"my host", "my host"},
};

Test(provider_ollama_host, every_form)
{
	char url[256];
	size_t i;
	plug p;

	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/ollama.so", NULL), 0);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(url, 'x', sizeof(url));
		cr_expect_eq(p.v->base_url(forms[i].given, url, sizeof(url)), 0);
		cr_expect_str_eq(url, forms[i].want, "\"%s\" became \"%s\"", forms[i].given, url);
	}
	plug_close(&p);
}

/* Every room that is too small is refused, and nothing is written behind it. */
Test(provider_ollama_host, room_of_every_size)
{
	char url[256];
	size_t need;
	size_t cap;
	size_t i;
	plug p;

	cr_assert_eq(plug_open(&p, TEST_BINARY_DIR "/plugins/ollama.so", NULL), 0);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		need = strlen(forms[i].want) + 1;
		for (cap = 0; cap <= need; cap++) {
			memset(url, '~', sizeof(url));
			cr_expect_eq(p.v->base_url(forms[i].given, url, cap),
				cap == need ? 0 : LLM_E_TOO_LARGE, "%s in %zu", forms[i].given,
				cap);
			cr_expect_eq(url[cap], '~');
		}
	}
	plug_close(&p);
}
