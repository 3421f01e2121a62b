/*
 * llmsim - a scripted upstream for tests, benchmarks and demonstrations.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fast.h"
#include "faults.h"
#include "llm/version.h"
#include "options.h"
#include "script.h"
#include "server.h"

static bool tie_to_parent(void)
{
	pid_t parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGTERM))
		return false;
	/* It may have ended before the kernel was asked to tell. */
	return getppid() == parent && parent != 1;
}

static int force(struct server *s, const char *name)
{
	struct fault_spec spec;
	struct bytes near = {0};

	if (faults_read(name, &spec)) {
		s->models.faults->forced = faults_new(&spec, name);
		return 0;
	}
	faults_nearest(&near, name);
	fprintf(stderr,
		"llmsim: --fault: there is no \"%.60s\"; did you mean %s?\n"
		"llmsim --faults lists them.\n",
		name, near.data);
	bytes_done(&near);
	return 2;
}

static int prepare(struct server *s)
{
	const struct options *opt = s->opt;
	int rc = models_read(opt->models, &s->models);

	if (!rc && opt->fault)
		rc = force(s, opt->fault);
	if (!rc && opt->script)
		rc = script_load(opt->script, &s->script);
	if (!rc)
		rc = log_open(opt, &s->log);
	if (!rc && opt->fast)
		s->fast = fast_new(s);
	return rc;
}

static int run(const struct options *opt)
{
	struct server s = {
		.opt = opt, .log = {.fd = -1}, .epoll = -1, .listener = -1, .signals = -1};
	int rc = prepare(&s);

	if (!rc)
		rc = server_open(&s);
	if (!rc)
		rc = server_run(&s);
	server_done(&s);
	fast_free(s.fast);
	script_free(s.script);
	log_done(&s.log);
	models_done(&s.models);
	return rc;
}

int main(int argc, char **argv)
{
	struct options opt;
	int rc = options_read(argc, argv, &opt);

	if (rc)
		return rc;
	if (opt.help) {
		fputs(options_help, stdout);
		return 0;
	}
	if (opt.version) {
		puts("llmsim " LLM_VERSION_STRING);
		return 0;
	}
	if (opt.faults) {
		faults_print();
		return 0;
	}
	if (opt.exit_with_parent && !tie_to_parent())
		return 0;
	return run(&opt);
}
