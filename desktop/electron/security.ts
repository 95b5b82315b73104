// What the window may not do, whatever runs in it: leave its page, open another, embed one, download, reach the network,
// or be granted anything by the system.
//
// What always holds: this is asked of every page of the program, also of one that nobody meant to open; a link leads to
// the person's browser only where it is HTTPS and to the server they use.

import { app, shell, type Session, type WebContents } from 'electron';

import type { Facts } from '../files/redact.ts';
import { isOurPage } from './protocol-handler.ts';

export interface SecurityDeps {
  /** The server's origin, or null where none was ever named. */
  readonly server: () => string | null;
  readonly log: (event: string, facts?: Facts) => void;
}

/** Grants a session's pages nothing, and lets them load what is ours only. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => answer(null));
  session.setSpellCheckerEnabled(false);
  session.on('will-download', (event) => event.preventDefault());
  session.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !isLoadable(url) }));
}

/** Our own files, pictures that a style sheet carries in itself, and the developer's tools, which have no page of ours. */
function isLoadable(url: string): boolean {
  return isOurPage(url) || url.startsWith('data:image/') || url.startsWith('devtools:');
}

/** Keeps every page there is, and any that comes, where it is. */
export function guardPages(deps: SecurityDeps): void {
  app.on('web-contents-created', (_event, contents) => guardPage(contents, deps));
}

function guardPage(contents: WebContents, deps: SecurityDeps): void {
  contents.setWindowOpenHandler(({ url }) => {
    openOutside(url, deps);
    return { action: 'deny' };
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    deps.log('a page tried to embed another');
  });
  contents.on('will-navigate', (details) => {
    if (!stays(contents, details.url)) {
      details.preventDefault();
      openOutside(details.url, deps);
    }
  });
  const keepFrame = (details: { readonly url: string; readonly isMainFrame: boolean; preventDefault(): void }): void => {
    if (!details.isMainFrame || !stays(contents, details.url)) details.preventDefault();
  };
  contents.on('will-frame-navigate', keepFrame);
  contents.on('will-redirect', keepFrame);
}

/** A page may load itself again, and move within itself. */
function stays(contents: WebContents, url: string): boolean {
  const withoutHash = (address: string): string => address.split('#', 1)[0] ?? '';
  return isOurPage(url) && withoutHash(url) === withoutHash(contents.getURL());
}

function openOutside(url: string, { server, log }: SecurityDeps): void {
  if (!mayOpenOutside(url, server())) {
    log('a link that leads elsewhere was not opened');
    return;
  }
  // As it was understood here, so that nothing reads the address in another way.
  shell.openExternal(new URL(url).href).catch((error: unknown) => log('the browser did not open', { error }));
}

/** True for an HTTPS address at the server's own origin. */
export function mayOpenOutside(address: string, server: string | null): boolean {
  const url = URL.parse(address);
  return url !== null && url.protocol === 'https:' && url.origin === server && url.username === '' && url.password === '';
}
