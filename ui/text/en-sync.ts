// The English texts of a sync: why it fails, and its health. Loaded with those of the records.

import type { Catalogue } from './catalogue.ts';

export const enSync = {
  // Why no answer from the server arrived, by its kind (`FailureKind`).
  'failure.name_not_found': 'There is no server with this name. Check the address and your network.',
  'failure.refused': 'The server refuses connections. It may be down, or the address may have another port.',
  'failure.timed_out': 'The server does not answer. It may be down, or a firewall may be in between.',
  'failure.interrupted': 'The connection to the server was cut. Try again; if this keeps happening, ask your administrator.',
  'failure.not_https': 'The server offers no secure connection (HTTPS) that Invoify can use. Check the address and its port. Only a '
    + 'server on this computer may go without: type http:// before its address.',
  'failure.certificate_untrusted': 'This computer does not trust the server’s certificate: it is self-signed, its issuer is unknown, or '
    + 'it is too weak. Ask your administrator.',
  'failure.certificate_revoked': 'The server’s certificate was revoked by its issuer. Ask your administrator; until then, do not sign in.',
  'failure.certificate_expired': 'The server’s certificate has expired. Check this computer’s date and time; if they are right, ask your '
    + 'administrator to renew it.',
  'failure.certificate_not_yet_valid': 'The server’s certificate is not valid yet. Check this computer’s date and time; if they are '
    + 'right, ask your administrator.',
  'failure.certificate_date': 'The server’s certificate has expired or is not valid yet. Check this computer’s date and time; if they '
    + 'are right, ask your administrator.',
  'failure.certificate_wrong_name': 'The server’s certificate is for another name. Check the address.',
  'failure.redirected': 'The server redirects to another address. Ask your administrator for the exact address.',
  'failure.client_certificate': 'The server, or a proxy before it, asks for a client certificate, which Invoify cannot show. Ask your '
    + 'administrator to let Invoify through without one.',
  'failure.blocked': 'A firewall or security program on this computer does not let Invoify connect. Ask your administrator.',
  'failure.proxy_password': 'A proxy on the way to the server asks for a password, and Invoify has none for it. Ask your administrator '
    + 'to let Invoify through without one, or to have the proxy accept your Windows sign-in.',
  'failure.proxy_failed': 'The proxy of this network does not connect to the server. Check the system’s proxy settings.',
  'failure.broken_encoding': 'The server’s answer was damaged on the way: it cannot be decompressed. A proxy or a virus scanner may have '
    + 'changed it.',
  'failure.not_invoify': 'What answers at this address is not an Invoify server. Check the address; this network may also want you to '
    + 'sign in in a browser first.',
  'failure.replayed': 'Something between this computer and the server answered in its place. Ask your administrator to turn off caching '
    + 'for this address.',

  // Sync health.
  'health.title': 'Sync health',
  'health.copy': 'Copy report',
  'health.copyHint': 'The report contains no personal data and no passwords.',
  'health.state': 'Status',
  'health.attempts': 'Last attempts',
  'health.noAttempts': 'No attempts yet.',
  'health.started': 'Started',
  'health.duration': 'Duration',
  'health.changes': 'Changes',
  'health.bytes': 'Received',
  'health.result': 'Result',
  'health.completed': 'Completed',
  'health.failed': 'Failed',
  'health.cancelled': 'Cancelled',
  'health.holdings': 'On this computer',
  'health.collection': 'Type',
  'health.records': 'Records',
  'health.proved': 'Verified',
  'health.size': 'Size on disk',
  'health.digest': 'Matches the server',
  'health.digestEqual': 'Yes, as of the last sync',
  'health.digestOpen': 'Not compared yet',
  'health.verified': 'Records last verified',
  'health.never': 'Not yet',
  'health.lastSync': 'Last sync',
  'health.clockChanged': 'Unknown: this computer’s clock was changed',
  'health.notice': 'Notice',
  'health.showing': 'Showing the last {count} attempts',
} as const satisfies Catalogue;
