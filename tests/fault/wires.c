/*
 * wires.c - every fault of the tables beside it in every wire, as a stream and as a whole,
 * by pull, in a foreign loop and by llmctl. Adding a wire is a row of support/wires.c.
 */
#include <criterion/criterion.h>

#include "wire_contents.h"
#include "wire_replies.h"
#include "wire_streams.h"

#define PLAY(rows) faults_play(rows, sizeof(rows) / sizeof((rows)[0]))

Test(wires, U_05_streams_and_answers_that_break_off)
{
	cr_assert_eq(PLAY(u_05), 0);
}

Test(wires, U_06_upstreams_that_stand_still)
{
	cr_assert_eq(PLAY(u_06), 0);
}

Test(wires, U_07_a_byte_at_a_time)
{
	cr_assert_eq(PLAY(u_07), 0);
}

Test(wires, U_08_headers_have_limits)
{
	cr_assert_eq(PLAY(u_08), 0);
}

Test(wires, U_09_bodies_have_a_limit)
{
	cr_assert_eq(PLAY(u_09), 0);
}

Test(wires, U_10_compressed_answers_are_not_taken)
{
	cr_assert_eq(PLAY(u_10), 0);
}

Test(wires, U_11_text_that_is_not_utf8)
{
	cr_assert_eq(PLAY(u_11), 0);
}

Test(wires, U_12_documents_that_make_no_sense)
{
	cr_assert_eq(PLAY(u_12), 0);
}

Test(wires, U_13_odd_streams)
{
	cr_assert_eq(PLAY(u_13), 0);
}

Test(wires, U_14_answers_of_the_wrong_kind)
{
	cr_assert_eq(PLAY(u_14), 0);
}

Test(wires, U_15_statuses)
{
	cr_assert_eq(PLAY(u_15), 0);
}

Test(wires, U_16_chunks_and_lengths)
{
	cr_assert_eq(PLAY(u_16), 0);
}

Test(wires, U_18_redirects)
{
	cr_assert_eq(PLAY(u_18), 0);
}

Test(wires, U_22_counts_that_cannot_be)
{
	cr_assert_eq(PLAY(u_22), 0);
}
