/*
 * media.c - the parts of a user's content: text, images, audio, files.
 */
#include <string.h>

#include "openai.h"

/* The word for a kind of audio, or null: only these two are taken. */
static const char *audio_format(const char *media_type)
{
	static const char *const names[][2] = {
		{"audio/wav", "wav"},
		{"audio/x-wav", "wav"},
		{"audio/wave", "wav"},
		{"audio/vnd.wave", "wav"},
		{"audio/mpeg", "mp3"},
		{"audio/mp3", "mp3"},
	};
	size_t i;

	for (i = 0; media_type && i < sizeof(names) / sizeof(names[0]); i++)
		if (kit_same_name(media_type, names[i][0]))
			return names[i][1];
	return NULL;
}

static int32_t unsupported(const openai *o, const char *text)
{
	return kit_error(o->host, LLM_E_UNSUPPORTED, text, NULL, NULL);
}

int32_t openai_media_check(const openai *o, const llm_part_view *p)
{
	if (p->kind == LLM_PART_IMAGE && p->url)
		return 0;
	if (p->data.len == 0)
		return unsupported(o,
			"audio and files go to this server as bytes, not by URL;"
			" fetch them and pass their bytes");
	if (p->kind == LLM_PART_AUDIO && !audio_format(p->media_type))
		return kit_error(o->host, LLM_E_UNSUPPORTED, "audio of the type ", p->media_type,
			" is not taken; audio/wav and audio/mpeg are");
	if (!p->media_type)
		return kit_error(o->host, LLM_E_INVALID_REQUEST,
			"an image or file needs its media type", NULL, NULL);
	return 0;
}

static void write_data_url(jsonw *w, const llm_part_view *p)
{
	jsonw_string_open(w);
	jsonw_string_part(w, "data:", 5);
	jsonw_string_part(w, p->media_type, strlen(p->media_type));
	jsonw_string_part(w, ";base64,", 8);
	jsonw_string_base64(w, p->data.ptr, p->data.len);
	jsonw_string_close(w);
}

static void write_image(jsonw *w, const llm_part_view *p, const llm_bytes *detail)
{
	jsonw_key(w, "url");
	if (p->url)
		jsonw_cstring(w, p->url);
	else
		write_data_url(w, p);
	if (detail->len == 0)
		return;
	jsonw_key(w, "detail");
	jsonw_string(w, detail->ptr, detail->len);
}

static void write_audio(jsonw *w, const llm_part_view *p)
{
	jsonw_key(w, "data");
	jsonw_base64(w, p->data.ptr, p->data.len);
	jsonw_key(w, "format");
	jsonw_cstring(w, audio_format(p->media_type));
}

/* A name is demanded, and its ending tells what is in it. */
static const char *file_name(const llm_part_view *p)
{
	if (p->name && p->name[0])
		return p->name;
	return kit_same_name(p->media_type, "application/pdf") ? "file.pdf" : "file";
}

static void write_file(jsonw *w, const llm_part_view *p)
{
	jsonw_key(w, "filename");
	jsonw_cstring(w, file_name(p));
	jsonw_key(w, "file_data");
	write_data_url(w, p);
}

static const char *type_of(const llm_part_view *p)
{
	if (p->kind == LLM_PART_IMAGE)
		return "image_url";
	if (p->kind == LLM_PART_AUDIO)
		return "input_audio";
	return p->kind == LLM_PART_FILE ? "file" : "text";
}

void openai_write_part(jsonw *w, const llm_part_view *p, const llm_bytes *detail)
{
	jsonw_object(w);
	jsonw_key(w, "type");
	jsonw_cstring(w, type_of(p));
	jsonw_key(w, type_of(p));
	if (p->kind == LLM_PART_TEXT) {
		jsonw_string(w, p->text.ptr, p->text.len);
	} else {
		jsonw_object(w);
		if (p->kind == LLM_PART_IMAGE)
			write_image(w, p, detail);
		else if (p->kind == LLM_PART_AUDIO)
			write_audio(w, p);
		else
			write_file(w, p);
		jsonw_object_end(w);
	}
	jsonw_object_end(w);
}
