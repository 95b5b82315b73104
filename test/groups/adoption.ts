// The server on MongoDB: adoption, watching and migration. First of the groups (by its name), because these tests mostly wait,
// and leave the processor to the others meanwhile.

import { group } from '../group.ts';

group('server/mongo/!(store).test.ts');
