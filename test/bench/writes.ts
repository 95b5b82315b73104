// Writes per second over HTTP, acknowledged once durable: invoices created through the API by one or more clients, each of
// which waits for the response before sending the next. A client takes its sessions in turn, because a server bounds how fast
// one session may create.

import { signIn, type Colleague } from '../../demo/colleague.ts';
import { createCompany } from '../../demo/company.ts';
import { customerCount, type CompanyServer } from './company-server.ts';

const DURATION_MS = 4000;
const SESSIONS = 8;

export async function measureWrites({ stage }: CompanyServer, url: string, writers: number): Promise<number> {
  const { email = '' } = stage.company.users[1] ?? {};
  const signInOften = (): Promise<Colleague[]> =>
    Promise.all(Array.from({ length: Math.max(3, Math.ceil(SESSIONS / writers)) }, () => signIn(url, email, stage.password)));
  const clients = await Promise.all(Array.from({ length: writers }, signInOften));
  const company = createCompany({ today: new Date().toISOString().slice(0, 10), customers: customerCount, invoices: 200 });
  const drafts = [...company.invoices()].map(({ fields }) => fields);
  let written = 0;
  const endMs = performance.now() + DURATION_MS;
  const startedMs = performance.now();
  await Promise.all(clients.map(async (sessions) => {
    for (let index = 0; performance.now() < endMs; index += 1) {
      await sessions[index % sessions.length]?.create('invoices', drafts[written % drafts.length] ?? {});
      written += 1;
    }
  }));
  return written / (performance.now() - startedMs) * 1000;
}
