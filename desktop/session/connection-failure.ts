// Why a request got no answer from our server, found in the error that `fetch` rejects with, and the sentence that says so.
//
// Node's fetch has the reason in its chain of causes, by codes of Node, OpenSSL and undici; Electron's has Chromium's name
// for it in the message (`net::ERR_CERT_AUTHORITY_INVALID`). A reason that is not known here has no kind.

import { AppError, type FailureKind } from '../../shared/errors.ts';

// Sources: nodejs.org/api/tls.html (X509 certificate error codes), nodejs.org/api/errors.html, undici's Errors.md, Chromium's
// net_error_list.h. The first pattern that matches decides.
const patterns: readonly (readonly [FailureKind, RegExp])[] = [
  ['certificate_expired', /\bCERT_HAS_EXPIRED\b/],
  ['certificate_not_yet_valid', /\bCERT_NOT_YET_VALID\b/],
  ['certificate_date', /\bERR_CERT_DATE_INVALID\b/],
  ['certificate_wrong_name', /\bERR_TLS_CERT_ALTNAME_INVALID\b|\bERR_CERT_COMMON_NAME_INVALID\b/],
  ['certificate_revoked', /\bCERT_REVOKED\b|\bERR_CERT_REVOKED\b/],
  ['certificate_untrusted', /SELF_SIGNED_CERT|\bUNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)/],
  ['certificate_untrusted', /\bCERT_(?:UNTRUSTED|REJECTED|CHAIN_TOO_LONG|SIGNATURE_FAILURE)\b|\bERR_CERT(?:IFICATE)?_/],
  ['certificate_untrusted', /\bINVALID_(?:CA|PURPOSE)\b/],
  ['proxy_password', /\bERR_(?:PROXY_AUTH_|UNEXPECTED_PROXY_AUTH\b)/],
  ['client_certificate', /\bERR_(?:BAD_)?SSL_CLIENT_AUTH_/],
  ['blocked', /\bERR_NETWORK_ACCESS_DENIED\b/],
  ['proxy_failed', /\bERR_(?:PROXY|PAC|TUNNEL|SOCKS|MANDATORY_PROXY|HTTPS_PROXY)_|\bERR_NO_SUPPORTED_PROXIES\b/],
  ['not_https', /\bERR_SSL_|\bEPROTO\b/],
  ['name_not_found', /\bENOTFOUND\b|\bEAI_\w+|\bERR_NAME_/],
  ['refused', /\bECONNREFUSED\b|\bERR_CONNECTION_REFUSED\b/],
  ['timed_out', /\bETIMEDOUT\b|\bE(?:HOST|NET)UNREACH\b|\bUND_ERR_\w+_TIMEOUT\b/],
  ['timed_out', /\bERR_(?:CONNECTION_)?TIMED_OUT\b|\bERR_ADDRESS_UNREACHABLE\b/],
  ['redirected', /\bredirect|_REDIRECTS?\b/i],
  ['broken_encoding', /\bZ_(?:DATA|BUF)_ERROR\b|\bERR__ERROR_|\bZSTD_error_|\bERR_CONTENT_DECODING_/],
  ['not_invoify', /\bHTTPParserError\b|\bHPE_|\bUND_ERR_HEADERS_OVERFLOW\b/],
  ['not_invoify', /\bERR_INVALID_(?:HTTP_RESPONSE|CHUNKED_ENCODING)\b|\bERR_RESPONSE_HEADERS_/],
  ['interrupted', /\bECONNRESET\b|\bECONNABORTED\b|\bEPIPE\b|\bUND_ERR_(?:SOCKET|RES_CONTENT_LENGTH_MISMATCH)\b|\bterminated\b/],
  ['interrupted', /\bERR_(?:CONNECTION|NETWORK_CHANGED|NETWORK_IO_SUSPENDED|EMPTY_RESPONSE|CONTENT_LENGTH_MISMATCH|INCOMPLETE_CHUNKED)/],
  ['interrupted', /\bERR_(?:HTTP2|QUIC)_|\bERR_SOCKET_NOT_CONNECTED\b/],
];

// What it is called when a server closes an idle connection just as it is used again, in Node, undici and Chromium.
const cuts = [
  /\bECONNRESET\b|\bEPIPE\b|\bUND_ERR_SOCKET\b/,
  /\bERR_(?:CONNECTION_(?:RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)\b/,
];

/** `offline` with the kind of failure, if it is known, and a sentence about it. `cause` is what `fetch` rejected with. */
export function failedRequest(origin: string, hasNetwork: boolean, cause: unknown): AppError {
  if (!hasNetwork || /\bERR_INTERNET_DISCONNECTED\b/.test(reasonOf(cause))) {
    return new AppError('offline', 'This computer is offline. You can still view and export the data on it.', { cause });
  }
  const kind = kindOf(cause);
  if (kind) return failure('offline', kind, origin, cause);
  return new AppError('offline', `Can't reach ${new URL(origin).host}. The server may be down, or the address may be wrong.`, { cause });
}

export function failure(code: 'offline' | 'bad_response', kind: FailureKind, origin: string, cause?: unknown): AppError {
  return new AppError(code, sentences[kind](new URL(origin).host), { kind, cause });
}

/** Whether a request whose `fetch` rejected with `error` found its connection cut, which need not happen to the next one. */
export function wasCut(error: unknown): boolean {
  return reasons(error).some((reason) => cuts.some((cut) => cut.test(reason)));
}

/** The innermost error's name or code and its text, for the log: of the connection only, without anything that was sent. */
export function reasonOf(error: unknown): string {
  return reasons(error).at(-1) ?? String(error);
}

function kindOf(cause: unknown): FailureKind | null {
  const found = reasons(cause);
  // Chromium hands on the proxy's answer; undici refuses it without a word (Fetch standard, HTTP-network-or-cache fetch).
  if (found.at(-1) === 'Error') return 'proxy_password';
  const text = found.join('\n');
  return patterns.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const name = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return [[name, error.message].filter((part) => part !== '').join(' '), ...reasons(error.cause)];
}

const sentences: Readonly<Record<FailureKind, (host: string) => string>> = {
  name_not_found: (host) => `There is no server called ${host}. Check the address and your network.`,
  refused: (host) => `${host} refuses connections. The server may be down, or the address may have another port.`,
  timed_out: (host) => `${host} does not answer. The server may be down, or a firewall may be in between.`,
  interrupted: (host) => `The connection to ${host} was cut. Try again; if this keeps happening, ask your administrator.`,
  not_https: (host) => `${host} offers no secure connection (HTTPS) that Invoify can use. Check the address and its port. Only a server on `
    + 'this computer may go without: type http:// before its address.',
  certificate_untrusted: (host) => `This computer does not trust the certificate of ${host}: it is self-signed, its issuer is unknown, or `
    + 'it is too weak. Ask your administrator.',
  certificate_revoked: (host) => `The certificate of ${host} was revoked by its issuer. Ask your administrator, and do `
    + 'not sign in until then.',
  certificate_expired: (host) => `The certificate of ${host} has expired. ${checkClock} to renew it.`,
  certificate_not_yet_valid: (host) => `The certificate of ${host} is not valid yet. ${checkClock}.`,
  certificate_date: (host) => `The certificate of ${host} has expired or is not valid yet. ${checkClock}.`,
  certificate_wrong_name: (host) => `The certificate at ${host} is for another name. Check the address.`,
  redirected: (host) => `${host} redirects to another address. Ask your administrator for the exact address of the server.`,
  client_certificate: (host) => `${host}, or a proxy before it, asks for a client certificate, which Invoify cannot show. Ask your `
    + 'administrator to let Invoify through without one.',
  blocked: (host) => `A firewall or security program on this computer does not let Invoify connect to ${host}. Ask your administrator.`,
  proxy_password: (host) => `A proxy on the way to ${host} asks for a password, and Invoify has none for it. Ask your administrator to `
    + 'let Invoify through without one, or to have the proxy accept your Windows sign-in.',
  proxy_failed: (host) => `The proxy of this network does not connect to ${host}. Check the system's proxy settings.`,
  broken_encoding: (host) => `The answer from ${host} was damaged on the way: it cannot be decompressed. A proxy or a virus scanner may `
    + 'have changed it.',
  not_invoify: (host) => `What answers at ${host} is not an Invoify server. Check the address; this network may also want you to sign in `
    + 'in a browser first.',
  replayed: (host) => `Something between this computer and ${host} answered in its place. Ask your administrator to turn off `
    + 'caching for this address.',
};
const checkClock = "Check this computer's date and time; if they are right, ask your administrator";
