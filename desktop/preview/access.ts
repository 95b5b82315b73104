// Who may talk to the preview: the browser that opened its link, and nobody else on this computer or the web.
//
// A key in the link is good for one exchange against a cookie that scripts cannot read and other sites cannot send.
// Pages of other origins are refused by their `Origin` (which also covers other ports of this host, where the cookie
// would go along), and names that were bent to lead here (DNS rebinding) by their `Host`.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface PreviewAccess {
  /** A link that works once. */
  newLink(): string;
  /** The `Set-Cookie` for a key that was not used yet, or null. */
  exchange(key: string): string | null;
  /** Whether the request carries the cookie. */
  isLetIn(headers: IncomingHttpHeaders): boolean;
  /** Why this request comes from somewhere else, or null where it does not. A change must name its origin. */
  refusal(method: string | undefined, headers: IncomingHttpHeaders): string | null;
}

export function createPreviewAccess(origin: string): PreviewAccess {
  const { host, port } = new URL(origin);
  // Cookies do not tell ports apart: without its own in the name, two previews would sign each other out.
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
    isLetIn: ({ cookie }) => (cookie ?? '').split(';').map((pair) => pair.trim().split('='))
      .some(([name, value = '']) => name === cookieName && isSame(value, session)),
    refusal(method, headers) {
      if (headers.host !== host) return `This preview answers at ${origin} only.`;
      const from = headers.origin;
      const isForeign = from === undefined ? method !== 'GET' && method !== 'HEAD' : from !== origin;
      const site = headers['sec-fetch-site'];
      // A browser that says where a request comes from is believed; following a link from elsewhere is a navigation.
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
