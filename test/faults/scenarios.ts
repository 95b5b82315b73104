// All scenarios of the fault laboratory.

import type { Scenario } from './lab.ts';
import { mixes } from './mix.ts';

export const scenarios: readonly Scenario[] = [...mixes];
