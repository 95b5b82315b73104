// All English texts but those of the window's frame, as they are loaded: together.

import { enCompany } from './en-company.ts';
import { enEntry } from './en-entry.ts';
import { enHandOff } from './en-hand-off.ts';
import { enRecords } from './en-records.ts';
import { enReport } from './en-report.ts';
import { enSync } from './en-sync.ts';

export const enLater = { ...enRecords, ...enCompany, ...enEntry, ...enHandOff, ...enReport, ...enSync } as const;
