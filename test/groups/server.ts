// The server but for its wire contract.

import { group } from '../group.ts';

group('server/!(abuse-memory).test.ts', 'server/embedded/*.test.ts', 'server/mongo/!(store).test.ts');
