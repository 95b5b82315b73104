// Serves the window's files under a custom scheme, `app://invoify/`, so that no `file:` URL is ever opened.
//
// Invariants: only files found in the window's folder at startup are served, by their exact names; a URL is looked up and
// never turned into a path, so path traversal is impossible. Every response restricts the page to resources served here.

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { protocol, type Session } from 'electron';

import { contentTypeOf, windowHeaders } from '../../shared/window/headers.ts';

const scheme = 'app';
const host = 'invoify';
export const pageUrl = `${scheme}://${host}/index.html`;

const safeHeaders = windowHeaders("'none'");

/** Registers the scheme as standard and secure. Call it before Electron is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme, privileges: { standard: true, secure: true } }]);
}

/** Serves the folder's files to a session's pages. */
export function serveWindow(session: Session, folder: string): void {
  const files = new Set(readdirSync(folder));
  session.protocol.handle(scheme, (request) => serve(request, folder, files));
}

async function serve(request: Request, folder: string, files: ReadonlySet<string>): Promise<Response> {
  if (request.method !== 'GET') return refuse(405);
  const url = URL.parse(request.url);
  const name = url?.pathname.slice(1) ?? '';
  const type = contentTypeOf(name);
  if (!url || !isOurs(url) || !files.has(name) || type === undefined) return refuse(404);
  const body = await readFile(join(folder, name)).catch(() => null);
  if (!body) return refuse(404);
  return new Response(new Uint8Array(body), { headers: { ...safeHeaders, 'content-type': type } });
}

function refuse(status: number): Response {
  return new Response(null, { status, headers: safeHeaders });
}

/** Whether this is the URL of one of our pages; only they may be navigated to and may make calls. */
export function isOurPage(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && isOurs(url);
}

function isOurs(url: URL): boolean {
  return url.protocol === `${scheme}:` && url.host === host && url.username === '' && url.password === '';
}
