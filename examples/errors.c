/* Print the table of errors as Markdown; scripts/gen-errors.sh makes docs/errors.md of it. */
#include <stdio.h>
#include <llm/llm.h>

int main(void)
{
	static const char *const retry[] = {"no", "yes", "once", "before output"};
	static const char *const elsewhere[] = {
		"no", "yes", "larger context", "other policy", "before output", "on request"};
	static const char *const health[] = {
		"nothing", "a failure", "out for 60 s", "out for the delay", "out for 15 min"};
	const llm_error_info *e;

	puts("| code | number | meaning | what to do | class | again | elsewhere | health | exit |");
	puts("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
	for (uint32_t i = 0; (e = llm_error_info_at(i)); i++)
		printf("| %s | %d | %s | %s | %s | %s | %s | %s | %u |\n", e->name, e->code,
			e->meaning, e->fix, llm_class_name(e->err_class), retry[e->retry % 4],
			elsewhere[e->fallback % 6], health[e->health % 5], e->exit_code);
	return 0;
}
