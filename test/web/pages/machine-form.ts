// Tests of a machine's settings, which others may change at the same time, and of its end.
import { expect, test } from 'vitest';
import { lateFrames } from '../browser.ts';
import { machine } from '../machines.ts';
import { listOf, soon, type Opened } from '../opened.ts';

export function machineFormTests(opened: () => Opened): void {
  const { rows, row, filter, count, openList } = listOf(opened);

  async function patch(id: string, body: object): Promise<void> {
    const answer = await fetch(`${opened().server.url}/api/machines/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
  }

  test.each([
    ['at leisure', ''],
    ['faster than frames are drawn', lateFrames],
  ])('opens a machine, renames it, and goes back to the list as it was, %s', async (_, script) => {
    const { page, server } = opened();
    await page.addInitScript(script);
    await openList('/machines?q=rack-3');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'node-13' }).waitFor();
    expect(new URL(page.url()).pathname).toBe(`/machines/${machine(13).id}`);
    const hostname = page.getByRole('textbox', { name: 'Hostname' });
    await hostname.fill('db-13');
    await page.keyboard.press('Enter');
    await page.getByText('Saved.').waitFor();
    await page.getByRole('heading', { level: 1, name: 'db-13' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await rows().first().waitFor();
    expect(await filter().inputValue()).toBe('rack-3');
    await row('db-13').waitFor();
    const stored = await server.store.machines.get(machine(13).id);
    expect(stored?.value.config.hostname).toBe('db-13');
  });

  test('shows both sides when somebody else changed the machine meanwhile', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines/${machine(3).id}`);
    await page.getByRole('textbox', { name: 'Hostname' }).fill('mine');
    await patch(machine(3).id, { hostname: 'theirs' });
    await page.getByRole('button', { name: 'Save' }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'Somebody else changed' });
    await alert.waitFor();
    expect(await alert.textContent()).toContain('theirs theirs, yours mine');
    await page.getByRole('button', { name: 'Save mine over it' }).click();
    await page.getByText('Saved.').waitFor();
    const stored = await server.store.machines.get(machine(3).id);
    expect(stored?.value.config.hostname).toBe('mine');
  });

  test('saves beside what somebody else changed in other fields', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines/${machine(3).id}`);
    await page.getByRole('textbox', { name: 'Hostname' }).fill('mine');
    await patch(machine(3).id, { tags: ['theirs'] });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    expect(await page.getByRole('textbox', { name: 'Tags' }).inputValue()).toBe('theirs');
    const stored = await server.store.machines.get(machine(3).id);
    expect(stored?.value.config).toMatchObject({ hostname: 'mine', tags: ['theirs'] });
  });

  test('keeps what is typed while an earlier change is on its way', async () => {
    const { page, server } = opened();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await page.route(`**/api/machines/${machine(3).id}`, async (route) => {
      if (route.request().method() === 'PATCH') await held;
      await route.continue();
    });
    await page.goto(`${server.url}/machines/${machine(3).id}`);
    const hostname = page.getByRole('textbox', { name: 'Hostname' });
    const tags = page.getByRole('textbox', { name: 'Tags' });
    await hostname.fill('db-3');
    await page.keyboard.press('Enter');
    await tags.fill('gpu');
    release();
    await page.getByText('Saved.').waitFor();
    expect(await hostname.inputValue()).toBe('db-3');
    expect(await tags.inputValue()).toBe('gpu');
    await page.getByRole('button', { name: 'Save' }).click();
    const config = async () => (await server.store.machines.get(machine(3).id))?.value.config;
    await expect.poll(config, soon).toMatchObject({ hostname: 'db-3', tags: ['gpu'] });
  });

  test('says why a machine cannot be shown, and what a machine was refused', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines/01930000-0000-7000-8000-0000000fffff`);
    const alert = page.getByRole('alert');
    await alert.getByText('there is no machine').waitFor();
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('textbox', { name: 'Hostname' }).fill('not a hostname');
    await page.keyboard.press('Enter');
    await page.getByText('body: hostname').waitFor();
    const stored = await server.store.machines.get(machine(1).id);
    expect(stored?.value.config.hostname).toBe('node-1');
  });

  test('forgets a machine only when asked twice', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Forget…' }).click();
    await page.keyboard.press('Enter');
    expect(await server.store.machines.get(machine(1).id)).toBeDefined();
    await page.getByRole('button', { name: 'Forget…' }).click();
    await page.getByRole('button', { name: 'Forget', exact: true }).click();
    await expect.poll(count, soon).toBe('119 machines');
    expect(await server.store.machines.get(machine(1).id)).toBeUndefined();
  });
}
