// What a person set, in a file of their own: `settings.json` in the data folder.
//
// What always holds: a file that is missing, damaged or half right never keeps the desktop from starting: what can be
// read counts, for the rest there are defaults. It is replaced whole, and what a newer version keeps in it is kept.

import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { hasSystemCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import { languages, themes, type Settings } from '../../shared/window/ipc.ts';
import { replaceFile, type ReplaceDeps } from './replace-file.ts';
import { parseServerUrl } from '../session/server-connection.ts';

export interface SettingsDeps extends ReplaceDeps {
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export const defaultSettings: Settings = { server: null, syncEveryMinutes: 5, theme: 'system', language: 'system' };

export interface SettingsFile {
  /** As they are now. */
  readonly settings: Settings;
  /**
   * Sets what is given and leaves the rest; durable when it resolves. One after the other, in the order of the calls.
   * Throws `disk_full`, `invalid_request` where the folder cannot be written to: then nothing has changed.
   */
  save(change: Partial<Settings>): Promise<Settings>;
}

/** Reads the settings; never throws for what is in the file, or for one that is not there. */
export function openSettings(path: string, deps: SettingsDeps): SettingsFile {
  let held = readFields(path, deps);
  let settings = parseSettings(held);
  let last: Promise<unknown> = Promise.resolve();

  const save = async (change: Partial<Settings>): Promise<Settings> => {
    const fields = { ...held, ...settings, ...change };
    mkdirSync(dirname(path), { recursive: true });
    await replaceFile(path, async (file) => void await file.writeFile(`${JSON.stringify(fields, null, 2)}\n`), deps);
    held = fields;
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

function readFields(path: string, deps: SettingsDeps): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
    if (isObject(fields)) return fields;
    deps.log('the settings are not an object, so defaults are used');
  } catch (error) {
    if (!hasSystemCode(error, 'ENOENT')) deps.log('the settings cannot be read, so defaults are used', { error });
  }
  return {};
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

/** An address that could not be signed in at is none: the desktop starts and asks for one. */
function parseServer(server: unknown): string | null {
  if (typeof server !== 'string') return null;
  try {
    return parseServerUrl(server);
  } catch {
    return null;
  }
}
