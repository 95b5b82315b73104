// HTTPS: what the server accepts of clients, and how renewed certificates are taken up while it runs.
//
// Invariants: TLS 1.2 or later with forward secrecy and authenticated encryption (RFC 9325, 4.2); a pair that cannot be used never
// replaces one that can, nor does a certificate that is not valid now replace one that is.

import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import type { TlsOptions } from 'node:tls';

import { ConfigError, readTls, type TlsFiles } from './config.ts';
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

interface CertificateDeps {
  readonly nowMs: () => number;
  readonly log: Log;
}

/**
 * Warns of a certificate that is not valid now, and returns a function that reads the files again, for new connections. It logs what it
 * did and never throws; a pair that cannot be used changes nothing, nor does a certificate that is not valid now in place of one that
 * is.
 */
export function keepCertificates(server: Server, first: TlsFiles, { nowMs, log }: CertificateDeps): () => void {
  const file = first.certFile;
  let current = validityOf(first);
  const warn = (): void => {
    const state = stateOf(current, nowMs());
    if (state !== 'valid') log('warn', `certificate ${state}`, { file, ...current });
  };
  warn();
  return () => {
    try {
      const files = readTls(file, first.keyFile);
      if (!files) return;
      const validity = validityOf(files);
      const state = stateOf(validity, nowMs());
      if (state !== 'valid' && stateOf(current, nowMs()) === 'valid') {
        throw new ConfigError(`The certificate in TLS_CERT ${state}: renew it, or correct the clock of this machine.`);
      }
      server.setSecureContext(tlsOptions(files));
      current = validity;
      log('info', 'certificate read again', { file, validTo: validity.validTo });
      warn();
    } catch (error) {
      log('error', 'certificate cannot be used; the old one stays', { file, error });
    }
  };
}

/** Instants in the form of ISO 8601, which `toISOString` writes. */
interface Validity {
  readonly validFrom: string;
  readonly validTo: string;
}

/** That of the server's own certificate, which comes first in the file. */
function validityOf({ cert }: TlsFiles): Validity {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { validFrom: validFromDate.toISOString(), validTo: validToDate.toISOString() };
}

function stateOf({ validFrom, validTo }: Validity, nowMs: number): 'valid' | 'is not valid yet' | 'has expired' {
  if (nowMs < Date.parse(validFrom)) return 'is not valid yet';
  return nowMs > Date.parse(validTo) ? 'has expired' : 'valid';
}
