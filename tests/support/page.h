/*
 * support/page.h - is a row of a generated table on the page that was kept of it?
 */
#ifndef SUPPORT_PAGE_H
#define SUPPORT_PAGE_H

/* 1 when `page` has a line of the same words and about the same times; `line` has no newline. */
int page_has_row(const char *page, const char *line);

#endif
