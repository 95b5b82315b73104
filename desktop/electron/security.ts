// Restricts the window, whatever runs in it: no navigation, no new windows, no embedded pages, no downloads, no network and
// no permissions.
//
// Invariants: this applies to every page of the program, even one opened by mistake; a link opens in the user's browser only
// if it is HTTPS and leads to the server in use.

import { app, shell, type Session, type WebContents } from 'electron';

import type { Facts } from '../files/redact.ts';
import { isOurPage } from './protocol-handler.ts';

export interface SecurityDeps {
  /** The server's origin, or null before the first sign-in. */
  readonly server: () => string | null;
  readonly log: (event: string, facts?: Facts) => void;
}

/** Denies a session's pages every permission, and lets them load only our own files. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => answer(null));
  session.setSpellCheckerEnabled(false);
  session.on('will-download', (event) => event.preventDefault());
  session.webRequest.onBeforeRequest(({ url }, answer) => answer({ cancel: !isLoadable(url) }));
}

/** Our own files, images inlined in style sheets, and the developer tools. */
function isLoadable(url: string): boolean {
  return isOurPage(url) || url.startsWith('data:image/') || url.startsWith('devtools:');
}

/** Restricts navigation in every page created from now on. */
export function guardPages(deps: SecurityDeps): void {
  app.on('web-contents-created', (_event, contents) => guardPage(contents, deps));
}

function guardPage(contents: WebContents, deps: SecurityDeps): void {
  contents.setWindowOpenHandler(({ url }) => {
    openInBrowser(url, deps);
    return { action: 'deny' };
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    deps.log('webview blocked');
  });
  contents.on('will-navigate', (details) => {
    if (!staysOnPage(contents, details.url)) {
      details.preventDefault();
      openInBrowser(details.url, deps);
    }
  });
  const guardFrame = (details: { readonly url: string; readonly isMainFrame: boolean; preventDefault(): void }): void => {
    if (!details.isMainFrame || !staysOnPage(contents, details.url)) details.preventDefault();
  };
  contents.on('will-frame-navigate', guardFrame);
  contents.on('will-redirect', guardFrame);
}

/** Whether this reloads the page or navigates within it. */
function staysOnPage(contents: WebContents, url: string): boolean {
  const withoutHash = (address: string): string => address.split('#', 1)[0] ?? '';
  return isOurPage(url) && withoutHash(url) === withoutHash(contents.getURL());
}

function openInBrowser(url: string, { server, log }: SecurityDeps): void {
  if (!mayOpenInBrowser(url, server())) {
    log('external link blocked');
    return;
  }
  // The normalized URL, so that the browser cannot parse it differently than this check did.
  shell.openExternal(new URL(url).href).catch((error: unknown) => log('browser cannot be opened', { error }));
}

/** Whether this is an HTTPS URL at the server's origin. */
function mayOpenInBrowser(address: string, server: string | null): boolean {
  const url = URL.parse(address);
  return url !== null && url.protocol === 'https:' && url.origin === server && url.username === '' && url.password === '';
}
