// All scenarios of the fault laboratory.

import { cacheDamage } from './cache-damage.ts';
import { disks } from './disks.ts';
import { desktopKills } from './kills.ts';
import type { Scenario } from './lab.ts';
import { mixes } from './mix.ts';
import { resetScenarios } from './resets.ts';
import { elections, serverKills, stops } from './servers.ts';

export const scenarios: readonly Scenario[] = [
  ...mixes, desktopKills, cacheDamage, ...resetScenarios, serverKills, stops, elections, ...disks,
];
