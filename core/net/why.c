/* why.c - what the user can do about a transfer that failed. */
#include <string.h>
#include <sys/socket.h>

#include "multi.h"

/* OpenSSL's numbers, which CURLINFO_SSL_VERIFYRESULT hands out. */
enum {
	VERIFY_NONE = 1, /* libcurl's own check of the name comes first */
	VERIFY_NO_ISSUER = 2,
	VERIFY_NOT_YET = 9,
	VERIFY_EXPIRED = 10,
	VERIFY_SELF_SIGNED = 18,
	VERIFY_SELF_SIGNED_IN_CHAIN = 19,
	VERIFY_NO_LOCAL_ISSUER = 20,
	VERIFY_NO_FIRST_ISSUER = 21
};

static const char *why_refused_certificate(const xfer *x)
{
	long verdict = VERIFY_NONE;

	curl_easy_getinfo(x->easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
	switch (verdict) {
	case VERIFY_NONE:
		return "base_url must name the host as the certificate does";
	case VERIFY_NOT_YET:
	case VERIFY_EXPIRED:
		return "the server needs a new certificate, or this machine's clock is wrong";
	case VERIFY_NO_ISSUER:
	case VERIFY_SELF_SIGNED:
	case VERIFY_SELF_SIGNED_IN_CHAIN:
	case VERIFY_NO_LOCAL_ISSUER:
	case VERIFY_NO_FIRST_ISSUER:
		return "if this server is to be trusted, set ca_file to the PEM file of its "
		       "authority";
	default:
		return "the server needs another certificate";
	}
}

/* Since TLS 1.3 it comes when the connection stands already, as a failed read. */
static int wants_certificate(const xfer *x)
{
	return strstr(x->problem, "certificate required") ||
		strstr(x->problem, "bad certificate") || strstr(x->problem, "handshake failure");
}

static const char *why_tls(const xfer *x)
{
	if (wants_certificate(x))
		return "the server wants a certificate it knows: set client_cert and client_key";
	return "the port must be one of a server that speaks TLS 1.2 or later; where it speaks "
	       "plain HTTP, base_url begins with http://";
}

static const char *why_unconnected(const xfer *x)
{
	if (x->no_fd)
		return "no descriptor is left: raise the limit of open files (ulimit -n)";
	if (x->rq->proxy)
		return "check proxy, and that it lets this host through";
	return "check that the server runs, and host and port of base_url";
}

const char *why_advice(const xfer *x, CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return "dns: check the host's name in base_url, and that the name server answers";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "dns: check the host's name in proxy, and that the name server answers";
	case CURLE_COULDNT_CONNECT:
		return why_unconnected(x);
	case CURLE_PEER_FAILED_VERIFICATION:
		return why_refused_certificate(x);
	case CURLE_SSL_CACERT_BADFILE:
		return "ca_file must be a PEM file that can be read";
	case CURLE_SSL_CERTPROBLEM:
		return "client_cert and client_key must be PEM files that belong together";
	case CURLE_SSL_CONNECT_ERROR:
		return why_tls(x);
	case CURLE_RECV_ERROR:
		if (wants_certificate(x))
			return why_tls(x);
		return x->connected ? "" : why_unconnected(x);
	default:
		return "";
	}
}

const char *xfer_waits_for(const xfer *x)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	curl_off_t at = 0;

	curl_easy_getinfo(x->easy, CURLINFO_NAMELOOKUP_TIME_T, &at);
	if (!at)
		return "answer of the name server";
	if (x->opened < 0 || getpeername(x->opened, (struct sockaddr *)&peer, &len))
		return "connection";
	return x->rq->proxy ? "connection through the proxy" : "end of the TLS handshake";
}
