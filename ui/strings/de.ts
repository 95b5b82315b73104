// The German texts as one catalogue, loaded where German is in use.

import { deRecords } from './de-records.ts';
import { deShell } from './de-shell.ts';

export const de = { ...deShell, ...deRecords } as const;
