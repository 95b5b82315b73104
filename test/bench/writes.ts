// Writes per second over HTTP, acknowledged once durable: invoices created through the API by one or more clients, each of
// which waits for the response before sending the next.

import { signIn } from '../../demo/colleague.ts';
import { createCompany } from '../../demo/company.ts';
import type { ServerProcess } from '../../demo/server-process.ts';
import { customerCount, type CompanyServer } from './company-server.ts';

const DURATION_MS = 4000;

export async function measureWrites({ stage }: CompanyServer, server: ServerProcess, writers: number): Promise<number> {
  const { email = '' } = stage.company.users[1] ?? {};
  const colleagues = await Promise.all(Array.from({ length: writers }, () => signIn(server.url, email, stage.password)));
  const company = createCompany({ today: new Date().toISOString().slice(0, 10), customers: customerCount, invoices: 200 });
  const drafts = [...company.invoices()].map(({ fields }) => fields);
  let written = 0;
  const endMs = performance.now() + DURATION_MS;
  const startedMs = performance.now();
  await Promise.all(colleagues.map(async (colleague) => {
    while (performance.now() < endMs) {
      await colleague.create('invoices', drafts[written % drafts.length] ?? {});
      written += 1;
    }
  }));
  return written / (performance.now() - startedMs) * 1000;
}
