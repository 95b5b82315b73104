// The window's files under a scheme of their own, `app://invoify/`, so that no `file:` address is ever opened.
//
// What always holds: what is served is what was found in the window's folder at the start, by its exact name; an address
// is looked up and never made into a path, so no spelling of it leads anywhere else. Every answer says what the page may
// do: load what is served here, and nothing from anywhere else.

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { protocol, type Session } from 'electron';

import { contentTypeOf, windowHeaders } from '../../shared/window/headers.ts';

const scheme = 'app';
const host = 'invoify';
export const pageUrl = `${scheme}://${host}/index.html`;

const safeHeaders = windowHeaders("'none'");

/** Makes the scheme a standard and secure one. To be called before Electron is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme, privileges: { standard: true, secure: true } }]);
}

/** Serves the folder's files to the pages of a session. */
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

/** True for the address of a page of ours; only such a page may call, and be navigated to. */
export function isOurPage(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && isOurs(url);
}

function isOurs({ protocol: ofUrl, host: named, username, password }: URL): boolean {
  return ofUrl === `${scheme}:` && named === host && username === '' && password === '';
}
