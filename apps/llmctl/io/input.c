#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

#define FIRST_ROOM ((size_t)64 * 1024)

static int32_t no_memory(llm_err *err)
{
	complain_set(err, LLM_E_NOMEM, "memory is short");
	return LLM_E_NOMEM;
}

static int32_t too_large(const char *what, size_t most, llm_err *err)
{
	complain_set(err, LLM_E_TOO_LARGE,
		"%s is larger than %zu MiB\nSend less, or in several questions.", what, most >> 20);
	return LLM_E_TOO_LARGE;
}

/* Room for at least one more byte, and never for more than `most` + 1 in all. */
static int grow(input_bytes *b, size_t *room, size_t most)
{
	size_t more = *room ? *room * 2 : FIRST_ROOM;
	char *data;

	if (b->len < *room)
		return 1;
	if (more > most + 1)
		more = most + 1;
	data = realloc(b->data, more);
	if (!data)
		return 0;
	b->data = data;
	*room = more;
	return 1;
}

/* Until the end of the file. On failure nothing is left to free. */
static int32_t read_all(int fd, const char *what, size_t most, input_bytes *ret, llm_err *err)
{
	input_bytes b = {NULL, 0};
	size_t room = 0;
	ssize_t n = 1;
	int32_t rc = 0;

	while (!rc && n) {
		if (!grow(&b, &room, most)) {
			rc = no_memory(err);
			break;
		}
		n = read(fd, b.data + b.len, room - b.len);
		if (n > 0)
			b.len += (size_t)n;
		if (n < 0 && errno != EINTR)
			rc = complain_set(err, LLM_E_INVALID_REQUEST, "%s cannot be read: %s", what,
				strerror(errno));
		if (!rc && b.len > most)
			rc = too_large(what, most, err);
	}
	if (rc)
		free(b.data);
	else
		*ret = b;
	return rc;
}

/* ---- text ---- */

/* Bytes of the UTF-8 sequence at `s`, 0 when it is none. */
static size_t sequence(const unsigned char *s, size_t len)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned c = s[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	unsigned point = n == 1 ? c : c & (0x7fu >> n);

	if (n > len || (c >= 0x80 && c < 0xc2) || c > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return n;
}

static int32_t check_text(const char *text, size_t len, const char *where, llm_err *err)
{
	size_t at = 0;

	while (at < len) {
		size_t n = sequence((const unsigned char *)text + at, len - at);

		if (text[at] == '\0')
			return complain_set(err, LLM_E_INVALID_REQUEST,
				"the prompt holds a NUL byte: %s, byte offset %zu\n"
				"A prompt is text; take the byte out, or give an image with -i.",
				where, at);
		if (!n)
			return complain_set(err, LLM_E_INVALID_REQUEST,
				"the prompt is not valid UTF-8: %s, byte offset %zu\n"
				"Convert it, for example with: iconv -f latin1 -t utf-8",
				where, at);
		at += n;
	}
	return 0;
}

static size_t words_length(const arg_words *words)
{
	size_t len = 0;

	for (size_t i = 0; i < words->n; i++)
		len += strlen(words->items[i]) + (i > 0);
	return len;
}

static char *append(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

static bool is_blank(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	return !len;
}

/* Makes room for the words and for `extra` bytes behind them. */
static int32_t join_words(const arg_words *words, size_t extra, input_bytes *ret, llm_err *err)
{
	size_t len = words_length(words);
	char *data = calloc(len + extra + 1, 1), *end = data;

	if (!data)
		return no_memory(err);
	for (size_t i = 0; i < words->n; i++) {
		if (i)
			*end++ = ' ';
		end = append(end, words->items[i], strlen(words->items[i]));
	}
	ret->data = data;
	ret->len = len;
	return check_text(data, len, "argument", err);
}

static int32_t read_stdin(input_bytes *ret, llm_err *err)
{
	int32_t rc;

	if (isatty(STDIN_FILENO) || fcntl(STDIN_FILENO, F_GETFD) < 0)
		return 0;
	rc = read_all(STDIN_FILENO, "standard input", INPUT_PROMPT_MAX, ret, err);
	if (rc)
		return rc;
	if (ret->len && ret->data[ret->len - 1] == '\n')
		ret->len--;
	return check_text(ret->data, ret->len, "standard input", err);
}

int32_t input_prompt(const arg_words *words, input_bytes *ret, llm_err *err)
{
	input_bytes in = {NULL, 0}, all = {NULL, 0};
	int32_t rc = read_stdin(&in, err);
	char *end;

	if (!rc)
		rc = join_words(words, in.len + 2, &all, err);
	if (rc)
		goto out;
	end = all.data + all.len;
	if (all.len && in.len)
		end = append(end, "\n\n", 2);
	if (in.len)
		end = append(end, in.data, in.len);
	all.len = (size_t)(end - all.data);
	if (is_blank(all.data, all.len)) {
		rc = complain_set(err, LLM_E_INVALID_REQUEST,
			"the prompt is empty\n"
			"Put the question behind the command or on standard input: "
			"llmctl ask \"Why is the sky blue?\"");
		goto out;
	}
	*ret = all;
	all.data = NULL;
out:
	free(all.data);
	free(in.data);
	return rc;
}

/* ---- files ---- */

int32_t input_file(const char *path, size_t most, input_bytes *ret, llm_err *err)
{
	const bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int32_t rc;

	if (fd < 0)
		return complain_set(err, LLM_E_NOT_FOUND,
			"%.200s cannot be opened: %s\nCheck the path.", path, strerror(errno));
	rc = read_all(fd, is_stdin ? "standard input" : path, most, ret, err);
	if (!is_stdin)
		close(fd);
	return rc;
}

/* ---- images ---- */

static const char *media_type(const char *data, size_t len)
{
	if (len >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0)
		return "image/png";
	if (len >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
		return "image/jpeg";
	if (len >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
		return "image/webp";
	if (len >= 6 && (memcmp(data, "GIF87a", 6) == 0 || memcmp(data, "GIF89a", 6) == 0))
		return "image/gif";
	return NULL;
}

int32_t input_image(const char *path, input_bytes *ret, const char **ret_type, llm_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	input_bytes b = {NULL, 0};
	int32_t rc;

	if (fd < 0)
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"the image %.200s cannot be opened: %s\nCheck the path given to -i.", path,
			strerror(errno));
	rc = read_all(fd, path, INPUT_IMAGE_MAX, &b, err);
	close(fd);
	if (rc)
		return rc;
	*ret_type = media_type(b.data, b.len);
	if (!*ret_type) {
		free(b.data);
		return complain_set(err, LLM_E_INVALID_REQUEST,
			"%.200s is no PNG, JPEG, WebP or GIF image\nConvert it, then give it to -i.",
			path);
	}
	*ret = b;
	return 0;
}
