/*
 * host.c - what libllm adds to a program that uses libcurl already.
 *
 *   bench-host URL PATH PROVIDER LIBLLM.so
 *
 * Makes a call by libcurl, then loads libllm and makes one through it. Prints the memory
 * that lies between as one JSON object.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <llm/llm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long kib_now(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kib = -1;

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static size_t swallow(char *p, size_t size, size_t n, void *ctx)
{
	(void)p, (void)ctx;
	return size * n;
}

static int by_curl(const char *base, const char *path)
{
	static const char body[] = "{\"model\":\"sim-small\",\"messages\":"
				   "[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":false}";
	CURL *e = curl_easy_init();
	char url[512];
	CURLcode rc;

	snprintf(url, sizeof(url), "%s%s", base, path);
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
	rc = curl_easy_perform(e);
	return rc != CURLE_OK; /* the handle stays, as it does in such a host */
}

static void *find(void *lib, const char *name)
{
	void *symbol = dlsym(lib, name);

	if (!symbol)
		exit(1);
	return symbol;
}

static int by_libllm(const char *url, const char *provider, void *lib)
{
	int32_t (*service_new)(const llm_service_opts *, llm_service **, llm_err *);
	int32_t (*ask)(llm_service *, const char *, const char *, llm_call **, llm_err *);
	llm_service_opts opts = LLM_SERVICE_OPTS_INIT;
	void *symbols[] = {find(lib, "llm_service_new"), find(lib, "llm_ask")};
	llm_service *svc = NULL;
	llm_call *call = NULL;
	char text[512], model[128];

	memcpy(&service_new, &symbols[0], sizeof(service_new));
	memcpy(&ask, &symbols[1], sizeof(ask));
	snprintf(text, sizeof(text), "providers = { %s = { base_url = \"%s%s\"; }; };", provider,
		url, strcmp(provider, "openai") == 0 ? "/v1" : "");
	snprintf(model, sizeof(model), "%s/sim-small", provider);
	opts.flags = LLM_SERVICE_NO_ENV;
	opts.config_text = text;
	opts.plugin_dir = LLM_BUILD_PLUGIN_DIR;
	return service_new(&opts, &svc, NULL) || ask(svc, model, "hi", &call, NULL);
}

int main(int argc, char **argv)
{
	long before;
	void *lib;

	if (argc != 5 || by_curl(argv[1], argv[2]))
		return 2;
	before = kib_now();
	lib = dlopen(argv[4], RTLD_NOW | RTLD_LOCAL);
	if (!lib || by_libllm(argv[1], argv[3], lib))
		return 1;
	printf("{\"failed\":0,\"added_kib\":%ld}\n", kib_now() - before);
	return 0;
}
