/* A row is on the page when the words are the same and the times are near. */
#include <criterion/criterion.h>

#include "support/page.h"

#define PAGE \
	"text (2 s)\n| a | first, first (0.5 s) | 2 words, then E | 0.5 s |\n" \
	"| b | second (at once) | at once |\n"

Test(page, same_words_and_near_times_are_found)
{
	cr_assert(page_has_row(PAGE, "| a | first, first (0.5 s) | 2 words, then E | 0.5 s |"));
	cr_assert(page_has_row(PAGE, "| a | first, first (1.75 s) | 2 words, then E | 2 s |"));
	cr_assert(page_has_row(PAGE, "| b | second (0.75 s) | 1 s |"));
}

Test(page, other_words_or_far_times_are_not)
{
	cr_assert_not(page_has_row(PAGE, "| a | first, first (0.5 s) | 3 words, then E | 0.5 s |"));
	cr_assert_not(
		page_has_row(PAGE, "| a | first, first (2.25 s) | 2 words, then E | 0.5 s |"));
	cr_assert_not(page_has_row(PAGE, "| b | second (at once) | 1.25 s |"));
	cr_assert_not(page_has_row(PAGE, "| b | second (at once) | at once"));
	cr_assert_not(page_has_row(PAGE, "| c | second (at once) | at once |"));
	cr_assert_not(page_has_row(PAGE, ""));
}
