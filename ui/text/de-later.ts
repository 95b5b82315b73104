// All German texts but those of the window's frame, as they are loaded: together.

import type { Translation } from './catalogue.ts';
import { deCompany } from './de-company.ts';
import { deEntry } from './de-entry.ts';
import { deHandOff } from './de-hand-off.ts';
import { deRecords } from './de-records.ts';
import { deReport } from './de-report.ts';
import { deSync } from './de-sync.ts';
import type { enLater } from './en-later.ts';

export const deLater: Translation<typeof enLater> = {
  ...deRecords, ...deCompany, ...deEntry, ...deHandOff, ...deReport, ...deSync,
};
