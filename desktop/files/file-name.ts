// Proposed names for files that the user saves.

/** A name as a valid one of every system, without its extension; the user can change it in the dialog. */
export function toFileName(name: string): string {
  const safe = name.replace(/[\u0000-\u001f<>:"/\\|?*]+/g, '-').replace(/[. ]+$/, '').trim().slice(0, 120).toWellFormed();
  const isReserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(safe);
  return safe === '' || isReserved ? `invoify-${safe}`.replace(/-$/, '') : safe;
}

/** The header that names a download (RFC 6266). `name` is free of quotes, as from `toFileName`. */
export function contentDisposition(name: string): string {
  const isPlain = /^[\u0020-\u007e]*$/.test(name);
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  return `attachment; ${isPlain ? `filename="${name}"` : `filename*=UTF-8''${encoded}`}`;
}
