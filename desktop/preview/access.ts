// Access to the preview: only the browser that opened its link, nobody else on this computer or the web.
//
// The key in the link can be exchanged once for a cookie that scripts cannot read and other sites cannot send. Pages from
// other origins are refused by their `Origin` (this covers other ports of this host, which also receive the cookie), and
// DNS rebinding is refused by the `Host` header.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface PreviewAccess {
  /** A link that works once. */
  newLink(): string;
  /** The `Set-Cookie` header for an unused key, or null. */
  exchange(key: string): string | null;
  /** Whether the request has the cookie. */
  isAllowed(headers: IncomingHttpHeaders): boolean;
  /** Why the request is refused as foreign, or null. Requests other than GET and HEAD must have an `Origin`. */
  refusal(method: string | undefined, headers: IncomingHttpHeaders): string | null;
}

export function createPreviewAccess(origin: string): PreviewAccess {
  const { host, port } = new URL(origin);
  // Cookies ignore ports: without the port in the name, two previews would overwrite each other's cookie.
  const cookieName = `invoify-preview-${port}`;
  const session = newSecret();
  const keys = new Set<string>();
  return {
    newLink() {
      const key = newSecret();
      keys.add(key);
      return `${origin}/?key=${key}`;
    },
    exchange(key) {
      const found = [...keys].find((known) => isSame(known, key));
      if (found === undefined) return null;
      keys.delete(found);
      return `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict`;
    },
    isAllowed: ({ cookie }) => (cookie ?? '').split(';').map((pair) => pair.trim().split('='))
      .some(([name, value = '']) => name === cookieName && isSame(value, session)),
    refusal(method, headers) {
      if (headers.host !== host) return `This preview answers at ${origin} only.`;
      const from = headers.origin;
      const isForeign = from === undefined ? method !== 'GET' && method !== 'HEAD' : from !== origin;
      const site = headers['sec-fetch-site'];
      // Sec-Fetch headers cannot be set by pages. Following a link from another site is a navigation, and allowed.
      const isFetchedElsewhere = (site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate';
      return isForeign || isFetchedElsewhere ? 'This preview answers its own page only.' : null;
    },
  };
}

function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function isSame(known: string, given: string): boolean {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
