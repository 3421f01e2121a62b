/*
 * support/dns.h - a name server on 127.0.0.1:53 (UDP and TCP) that answers by the first
 * label of the name it is asked for:
 *   nxdomain, servfail, empty   what they say
 *   silent                      nothing
 *   many                        200 addresses, 127.0.2.1 to .200
 *   two                         127.0.4.1, 127.0.4.2
 *   private                     10.11.12.13
 *   changing                    127.0.3.1 until dns_change(), then 127.0.3.2
 *   anything else               127.0.0.1
 * For network namespaces of a test; see support/netns.h.
 */
#ifndef SUPPORT_DNS_H
#define SUPPORT_DNS_H

#include <stddef.h>

typedef struct dns dns;

/* Null: the port cannot be had. */
dns *dns_start(void);
void dns_change(dns *d);
/* How many questions were asked. */
size_t dns_asked(dns *d);
void dns_stop(dns *d);

#endif
