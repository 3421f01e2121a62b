/* Going on from a run with an image: it is sent again where it is stored, else a line says so. */
#include <sqlite3.h>

#include "account_try.h"

/* The first bytes of a PNG, and what they are in base64. */
static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0};
#define IMAGE "\"images\":[\"iVBORw0KGgoA\"]"
#define LOST "images or files of earlier turns are not stored and not sent again: 1\n"

static void begin(account *a, char path[300])
{
	FILE *f;

	account_new(a, RUN_LIST("--say", "All is well."));
	snprintf(path, 300, "%s/a.png", a->home);
	f = fopen(path, "wb");
	cr_assert(f && fwrite(png, 1, sizeof(png), f) == sizeof(png) && fclose(f) == 0);
}

static void ask_with(const account *a, const char *image, const char *text)
{
	run_result r;

	ACCOUNT_RUN(a, &r, "ask", "-m", "ollama/sim-small", "-i", image, "--store-content", text);
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
}

/* Of the requests so far: in how many of their turns is `text`? */
static unsigned turns_with(const account *a, const char *text)
{
	const char *at = sim_log_text(a->s);
	unsigned n = 0;

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		json_t *o = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
		const char *body = json_string_value(json_object_get(o, "body"));

		for (; body && (body = strstr(body, text)); body++)
			n++;
		json_decref(o);
	}
	return n;
}

static unsigned times(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void spoil(const account *a, const char *sql)
{
	sqlite3 *c = NULL;
	char path[600];

	snprintf(path, sizeof(path), "%s/.local/state/llm/llm.db", a->home);
	cr_assert_eq(sqlite3_open(path, &c), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(c));
	sqlite3_close(c);
}

Test(llmctl_resume, an_image_of_an_earlier_turn_is_sent_again)
{
	char image[300], id[64];
	run_result r;
	account a;

	begin(&a, image);
	ask_with(&a, image, "what is it?");
	cr_assert_eq(turns_with(&a, IMAGE), 1, "%s", sim_log_text(a.s));
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "-s", "Be brief", "are you sure?");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.err, "");
	cr_expect_eq(turns_with(&a, IMAGE), 2, "%s", sim_log_text(a.s));
	run_done(&r);
	account_newest(&a, id);
	a.input = "and now?\nand then?\n/reset\nwithout it?\n";
	ACCOUNT_RUN(&a, &r, "chat", "--resume", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.err, "what was said is forgotten\n");
	cr_expect_eq(turns_with(&a, IMAGE), 4, "%s", sim_log_text(a.s));
	run_done(&r);
	account_end(&a);
}

/* Two turns with one image each, of which a new run of the chat has both. */
Test(llmctl_resume, images_keep_their_turns)
{
	char image[300];
	json_t *o, *media;
	account a;
	run_result r;

	begin(&a, image);
	ask_with(&a, image, "what is it?");
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "-i", image, "and this?");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	cr_expect_eq(turns_with(&a, IMAGE), 3, "%s", sim_log_text(a.s));
	o = ACCOUNT_JSON(&a, "runs", "list", "--json", "--limit", "1");
	media = json_object_get(
		json_object_get(json_array_get(json_object_get(o, "runs"), 0), "params_json"),
		"media");
	cr_expect_eq(json_array_size(media), 2);
	json_decref(o);
	account_end(&a);
}

Test(llmctl_resume, R_PRIV_1_an_image_that_is_not_stored_is_told_of_once)
{
	char image[300], id[64];
	run_result r;
	account a;

	begin(&a, image);
	ask_with(&a, image, "what is it?");
	account_newest(&a, id);
	spoil(&a, "DELETE FROM llm_contents WHERE kind = 'media'");
	a.input = "and now?\nand then?\n";
	ACCOUNT_RUN(&a, &r, "chat", "--resume", id);
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_eq(times(r.err, LOST), 1, "%s", r.err);
	cr_expect_eq(turns_with(&a, IMAGE), 1, "%s", sim_log_text(a.s));
	cr_expect_eq(turns_with(&a, "what is it?"), 3, "%s", sim_log_text(a.s));
	run_done(&r);
	a.input = NULL;
	ACCOUNT_RUN(&a, &r, "ask", "--continue", "are you sure?");
	cr_assert_eq(r.status, 0, "%s", r.err);
	cr_expect_str_eq(r.err, "", "the talk goes on as one without it");
	run_done(&r);
	account_end(&a);
}

/* Going on stores what follows as the configuration has it: no more than that. */
Test(llmctl_resume, R_PRIV_1_what_is_redacted_stays_so)
{
	char image[300], db[600];
	run_result r;
	account a;

	begin(&a, image);
	run_folder_put(a.home, "key", "0123456789abcdef0123456789abcdef\n");
	snprintf(db, sizeof(db), "privacy = { content = \"redacted\"; key = \"file:%s/key\"; };\n",
		a.home);
	account_conf(&a, db);
	ACCOUNT_RUN(&a, &r, "ask", "-m", "ollama/sim-small", "-i", image, "what is it?");
	cr_assert_eq(r.status, 0, "%s", r.err);
	run_done(&r);
	for (int i = 0; i < 2; i++) {
		ACCOUNT_RUN(&a, &r, "ask", "--continue", "-i", image, "and this?");
		cr_assert_eq(r.status, 0, "%s", r.err);
		cr_expect_eq(times(r.err, LOST), 1, "%d: %s", i, r.err);
		run_done(&r);
	}
	cr_expect_eq(turns_with(&a, IMAGE), 3, "the new one each time: %s", sim_log_text(a.s));
	cr_expect_eq(turns_with(&a, "what is it?"), 3, "%s", sim_log_text(a.s));
	account_end(&a);
}
