/*
 * wires_pair.c - the faults of wires.c for a profile whose second candidate is well, in every
 * wire, as a stream and as a whole: what may go on elsewhere does, and the rest is a clean end.
 */
#include <criterion/criterion.h>

#include "wire_contents.h"
#include "wire_replies.h"
#include "wire_streams.h"

#define PAIR(rows) faults_pair(rows, sizeof(rows) / sizeof((rows)[0]))

Test(wires_pair, U_05_streams_and_answers_that_break_off)
{
	cr_assert_eq(PAIR(u_05), 0);
}

Test(wires_pair, U_06_upstreams_that_stand_still)
{
	cr_assert_eq(PAIR(u_06), 0);
}

Test(wires_pair, U_07_a_byte_at_a_time)
{
	cr_assert_eq(PAIR(u_07), 0);
}

Test(wires_pair, U_08_headers_have_limits)
{
	cr_assert_eq(PAIR(u_08), 0);
}

Test(wires_pair, U_09_bodies_have_a_limit)
{
	cr_assert_eq(PAIR(u_09), 0);
}

Test(wires_pair, U_10_compressed_answers_are_not_taken)
{
	cr_assert_eq(PAIR(u_10), 0);
}

Test(wires_pair, U_11_text_that_is_not_utf8)
{
	cr_assert_eq(PAIR(u_11), 0);
}

Test(wires_pair, U_12_documents_that_make_no_sense)
{
	cr_assert_eq(PAIR(u_12), 0);
}

Test(wires_pair, U_13_odd_streams)
{
	cr_assert_eq(PAIR(u_13), 0);
}

Test(wires_pair, U_14_answers_of_the_wrong_kind)
{
	cr_assert_eq(PAIR(u_14), 0);
}

Test(wires_pair, U_15_statuses)
{
	cr_assert_eq(PAIR(u_15), 0);
}

Test(wires_pair, U_16_chunks_and_lengths)
{
	cr_assert_eq(PAIR(u_16), 0);
}

Test(wires_pair, U_18_redirects)
{
	cr_assert_eq(PAIR(u_18), 0);
}

Test(wires_pair, U_22_counts_that_cannot_be)
{
	cr_assert_eq(PAIR(u_22), 0);
}
