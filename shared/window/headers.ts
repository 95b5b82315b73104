// What goes with each of the window's files, whoever serves them: its type, and what the page may do, which is to load
// what is served beside it and nothing from anywhere else.

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml', png: 'image/png', ico: 'image/x-icon', woff2: 'font/woff2',
};

/** The type of a file by its name's ending; undefined for what a window does not consist of. */
export function contentTypeOf(name: string): string | undefined {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  return Object.hasOwn(contentTypes, ending) ? contentTypes[ending] : undefined;
}

/** The headers of every answer. Scripts may connect to nothing at all, or to where the page came from. */
export function windowHeaders(connect: "'none'" | "'self'"): Readonly<Record<string, string>> {
  return {
    'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
      + `connect-src ${connect}; object-src 'none'; frame-src 'none'; worker-src 'none'; base-uri 'none'; form-action 'none'; `
      + "frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}
