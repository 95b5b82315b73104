// Access to the preview: only the tab that opened its link, nobody else on this computer or the web.
//
// The link's key is in its fragment, which browsers send nowhere. The page exchanges it, once, for the secret that it sends with
// every call, as a header, and keeps in its tab's session storage. Both belong to the origin, and so to this port; a cookie would be
// sent to every port of this host, where another program could pick it up. Requests of pages from other origins are refused by
// their `Origin`, and DNS rebinding by the `Host` header.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface PreviewAccess {
  /** A link that works once. */
  newLink(): string;
  /** The secret for an unused key, or null. */
  exchange(key: string): string | null;
  /** Whether the request has the secret. */
  isAllowed(headers: IncomingHttpHeaders): boolean;
  /** Why the request is refused as foreign, or null. Requests other than GET and HEAD must have an `Origin`. */
  refusal(method: string | undefined, headers: IncomingHttpHeaders): string | null;
}

export function createPreviewAccess(origin: string): PreviewAccess {
  const { host } = new URL(origin);
  const secret = newSecret();
  const keys = new Set<string>();
  return {
    newLink() {
      const key = newSecret();
      keys.add(key);
      return `${origin}/#key=${key}`;
    },
    exchange(key) {
      const found = [...keys].find((known) => isSame(known, key));
      if (found === undefined) return null;
      keys.delete(found);
      return secret;
    },
    isAllowed: ({ authorization = '' }) => isSame(`Bearer ${secret}`, authorization),
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
