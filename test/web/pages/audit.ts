// Tests of the audit log's page.
import { readFileSync } from 'node:fs';
import { v7 } from 'uuid';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { appendAudit } from '../../../src/server/running/audit-log.ts';
import { machine } from '../machines.ts';
import { send, soon, type Opened } from '../opened.ts';

export function auditTests(opened: () => Opened): void {
  test('the audit log shows who changed what, newest first, by name, kind and record', async () => {
    const { page, server } = opened();
    const { id } = machine(7);
    for (let n = 0; n < 101; n += 1) {
      const entry = { by: 'cli:root', from: null, records: ['tokens/rack'], request_id: null };
      const s = { store: server.store, clock: systemClock, newId: v7 };
      await appendAudit(s, { ...entry, action: 'tokens.create', change: { n } });
    }
    await send(opened(), 'PATCH', `/api/machines/${id}`, { tags: ['rack-9'] });
    await page.goto(server.url);
    await page.getByRole('link', { name: 'Audit' }).click();
    const entries = page.getByRole('list', { name: 'Changes, newest first' }).getByRole('listitem');
    const count = (): Promise<number> => entries.count();
    await expect.poll(count, soon).toBe(100);
    expect(await entries.first().textContent()).toContain('machines.patch');
    await entries.first().getByText('Details').click();
    await entries.first().getByText('"rack-9"').waitFor();
    await page.getByRole('button', { name: 'Show older' }).click();
    await expect.poll(count, soon).toBe(102);
    expect(await entries.last().textContent()).toContain('the command line');
    await page.getByLabel('What').selectOption('machines');
    await expect.poll(count, soon).toBe(1);
    await entries.first().getByRole('link', { name: 'node-7' }).waitFor();
    await page.getByLabel('What').selectOption('');
    // Another filter makes the fields anew: what is typed before that is lost.
    await expect.poll(count, soon).toBe(100);
    const typed = Promise.withResolvers<void>();
    await page.route(/by=ROOT$/, async (route) => {
      await typed.promise;
      await route.continue();
    });
    await page.getByLabel('Who').fill('ROOT');
    await page.getByLabel('Who').press('Enter');
    await page.getByText('Reading the audit log…').waitFor();
    await page.getByLabel('Record').fill(`machines/${id}`);
    typed.resolve();
    await expect.poll(count, soon).toBe(100);
    await page.getByLabel('Record').press('Enter');
    await page.getByText('Nobody has changed anything of this kind.').waitFor();
    await page.goBack();
    await expect.poll(count, soon).toBe(100);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export all' }).click(),
    ]);
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(102);
  });
}
