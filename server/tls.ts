// HTTPS: what the server accepts of clients, and how renewed certificates are taken up while it runs.
//
// Invariants: TLS 1.2 or later with forward secrecy and authenticated encryption (RFC 9325, 4.2); a pair that cannot be used never
// replaces one that can.

import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import type { TlsOptions } from 'node:tls';

import { readTls, type TlsFiles } from './config.ts';
import type { Log } from './log.ts';

const ciphers = [
  'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256',
].join(':');

/** Two years without HTTP for a browser that was here once; ignored for addresses without a name (RFC 6797). */
export const strictTransport = 'max-age=63072000';

export function tlsOptions({ cert, key }: TlsFiles): TlsOptions {
  return { cert, key, ciphers, minVersion: 'TLSv1.2', honorCipherOrder: true };
}

/** Reads the files again, for new connections. Logs what it did; a pair that cannot be used changes nothing. Never throws. */
export function reloadCertificates(server: Server, { certFile, keyFile }: TlsFiles, log: Log): void {
  try {
    const files = readTls(certFile, keyFile);
    if (!files) return;
    server.setSecureContext(tlsOptions(files));
    log('info', 'certificate read again', { file: certFile, validTo: new X509Certificate(files.cert).validToDate.toISOString() });
  } catch (error) {
    log('error', 'certificate cannot be used; the old one stays', { file: certFile, error });
  }
}
