/*
 * wires.c - every fault of the tables beside it in every wire, as a stream and as a whole,
 * by pull, in a foreign loop and by llmctl. Adding a wire is a row of support/wires.c.
 */
#include <criterion/criterion.h>

#include "wire_contents.h"
#include "wire_replies.h"
#include "wire_streams.h"

#define PLAY(rows) cr_assert_eq(faults_play(rows, sizeof(rows) / sizeof((rows)[0])), 0)

Test(wires, U_05_streams_and_answers_that_break_off)
{
	PLAY(u_05);
}

Test(wires, U_06_upstreams_that_stand_still)
{
	PLAY(u_06);
}

Test(wires, U_07_a_byte_at_a_time)
{
	PLAY(u_07);
}

Test(wires, U_08_headers_have_limits)
{
	PLAY(u_08);
}

Test(wires, U_09_bodies_have_a_limit)
{
	PLAY(u_09);
}

Test(wires, U_10_compressed_answers_are_not_taken)
{
	PLAY(u_10);
}

Test(wires, U_11_text_that_is_not_utf8)
{
	PLAY(u_11);
}

Test(wires, U_12_documents_that_make_no_sense)
{
	PLAY(u_12);
}

Test(wires, U_13_odd_streams)
{
	PLAY(u_13);
}

Test(wires, U_14_answers_of_the_wrong_kind)
{
	PLAY(u_14);
}

Test(wires, U_15_statuses)
{
	PLAY(u_15);
}

Test(wires, U_16_chunks_and_lengths)
{
	PLAY(u_16);
}

Test(wires, U_18_redirects)
{
	PLAY(u_18);
}

Test(wires, U_22_counts_that_cannot_be)
{
	PLAY(u_22);
}
