// The wire contract, as the server's processes and the admin command have part in it.

import { group } from '../group.ts';

group('server/contract/{clock,csv-import,many-servers,migration,process,restored,service,transfer,verify*}.test.ts');
