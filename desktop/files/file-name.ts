// Proposed names for files that the user saves.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { AppError } from '../../shared/errors.ts';

/** A name as a valid one of every system, without its extension; the user can change it in the dialog. */
export function toFileName(name: string): string {
  const safe = name.replace(/[\u0000-\u001f<>:"/\\|?*]+/g, '-').replace(/[. ]+$/, '').trim().slice(0, 120).toWellFormed();
  const isReserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(safe);
  return safe === '' || isReserved ? `invoify-${safe}`.replace(/-$/, '') : safe;
}

/** The path of a new file in a folder that the user chose: numbered if that name is taken. Throws `conflict` without a folder. */
export function newPath(folder: string | null, name: string, extension: string): string {
  if (folder === null) throw new AppError('conflict', 'No folder has been chosen. Choose one first.');
  for (let count = 1; ; count += 1) {
    const path = join(folder, `${toFileName(name)}${count === 1 ? '' : ` (${count})`}.${extension}`);
    if (!existsSync(path)) return path;
  }
}

/** The header that names a download (RFC 6266). `name` is free of quotes, as from `toFileName`. */
export function contentDisposition(name: string): string {
  const isPlain = /^[\u0020-\u007e]*$/.test(name);
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
  return `attachment; ${isPlain ? `filename="${name}"` : `filename*=UTF-8''${encoded}`}`;
}
