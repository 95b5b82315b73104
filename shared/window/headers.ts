// The response headers for the window's files, shared by Electron and the preview: the content type, and a policy that lets
// the page load only files served with it.

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml', png: 'image/png', ico: 'image/x-icon', woff2: 'font/woff2',
};

/** The content type by file extension; undefined for types that the window does not use. */
export function contentTypeOf(name: string): string | undefined {
  const extension = name.slice(name.lastIndexOf('.') + 1);
  return Object.hasOwn(contentTypes, extension) ? contentTypes[extension] : undefined;
}

/** The headers of every response. `connect` says whether scripts may make requests to the page's origin. */
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
