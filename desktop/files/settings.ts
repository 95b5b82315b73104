// The user's settings, in `settings.json` in the data folder.
//
// Invariants: a missing, damaged or partly invalid file never keeps the desktop from starting: valid fields count, and
// the others get their defaults. The file is replaced atomically, and fields of newer versions are preserved; so is a file
// that cannot be read for the moment, which is read again before anything is saved.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import { languages, themes, type Settings } from '../../shared/window/ipc.ts';
import { tighten } from '../cache/private.ts';
import { replaceFile, type ReplaceDeps } from './replace-file.ts';
import { parseServerUrl } from '../session/server-connection.ts';

export interface SettingsDeps extends ReplaceDeps {
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export const defaultSettings: Settings = { server: null, syncEveryMinutes: 5, theme: 'system', language: 'system' };

export interface SettingsFile {
  readonly settings: Settings;
  /**
   * Changes the given fields; durable when it resolves. Concurrent saves run in the order of the calls. Throws
   * `disk_full`, `invalid_request` if the file cannot be read or written; nothing has changed then.
   */
  save(change: Partial<Settings>): Promise<Settings>;
}

/** Reads the settings; never throws for a missing or invalid file. */
export function openSettings(path: string, deps: SettingsDeps): SettingsFile {
  tighten(path, 0o600);
  let fields = readFields(path, deps);
  let settings = parseSettings(fields ?? {});
  let last: Promise<unknown> = Promise.resolve();

  const save = async (change: Partial<Settings>): Promise<Settings> => {
    if (fields === null) {
      fields = readFields(path, deps);
      if (fields === null) throw unreadable(path);
      settings = parseSettings(fields);
    }
    const newFields = { ...fields, ...settings, ...change };
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(path, async (file) => void await file.writeFile(`${JSON.stringify(newFields, null, 2)}\n`), deps);
    fields = newFields;
    settings = parseSettings(fields);
    return settings;
  };
  return {
    get settings() { return settings; },
    save(change) {
      const saved = last.then(() => save(change));
      last = saved.catch(() => undefined);
      return saved;
    },
  };
}

/** Null if the file cannot be read, and may be later. */
function readFields(path: string, deps: SettingsDeps): Readonly<Record<string, unknown>> | null {
  try {
    const fields: unknown = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
    if (isObject(fields)) return fields;
    deps.log('settings are not an object; using defaults');
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return {};
    deps.log('settings cannot be read; using defaults', { error });
    if (!(error instanceof SyntaxError) && !hasSystemCode(error, 'EISDIR')) return null;
  }
  return {};
}

function unreadable(path: string): AppError {
  const message = `Nothing was saved: ${path} cannot be read. Close programs that may be using it and try again.`;
  return new AppError('invalid_request', message, { fields: { settings: { code: 'invalid', message: 'cannot be read' } } });
}

function parseSettings(fields: Readonly<Record<string, unknown>>): Settings {
  const { server, syncEveryMinutes, theme, language } = fields;
  const isMinutes = typeof syncEveryMinutes === 'number' && Number.isInteger(syncEveryMinutes) && syncEveryMinutes >= 1
    && syncEveryMinutes <= 60;
  return {
    server: parseServer(server),
    syncEveryMinutes: isMinutes ? syncEveryMinutes : defaultSettings.syncEveryMinutes,
    theme: themes.find((known) => known === theme) ?? defaultSettings.theme,
    language: languages.find((known) => known === language) ?? defaultSettings.language,
  };
}

/** Null for an unusable address: the desktop then asks for one. */
function parseServer(server: unknown): string | null {
  if (typeof server !== 'string') return null;
  try {
    return parseServerUrl(server);
  } catch {
    return null;
  }
}
