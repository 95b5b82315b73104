// The wire contract.

import { group } from '../group.ts';

group('server/contract/*.test.ts');
