// The jobs of an operator among 3,000 machines, counted in keys and clicks: somebody's whole day is made of them.
import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { machine, seed } from '../machines.ts';
import { disksOf, send, template, workflow, type Opened } from '../opened.ts';

export function jobTests(opened: () => Opened): void {
  /** Presses keys, and types texts, one after the other. Returns how many keys that were. */
  async function press(...keys: readonly (string | { readonly text: string })[]): Promise<number> {
    const { keyboard } = opened().page;
    let count = 0;
    for (const key of keys) {
      if (typeof key === 'string') await keyboard.press(key);
      else await keyboard.type(key.text);
      count += typeof key === 'string' ? 1 : key.text.length;
    }
    return count;
  }

  /** Clicks one after the other. Returns how often. */
  async function click(...places: readonly Locator[]): Promise<number> {
    for (const place of places) await place.click();
    return places.length;
  }

  async function openOverview(): Promise<void> {
    const { page, server } = opened();
    await page.goto(server.url);
    await page.getByRole('heading', { name: '3,000 machines' }).waitFor();
  }

  test('a machine of 3,000 is found by its service tag with at most 12 keys', async () => {
    const { page, server } = opened();
    const { hardware, ...rest } = machine(2717);
    await seed(server.store, 3000);
    const system = { vendor: 'Dell Inc.', product: 'PowerEdge R650', serial: '7XK2P53' };
    await server.store.machines.put({ ...rest, hardware: { ...hardware, system } });
    await openOverview();
    const keys = await press('/', { text: '7xk2p53' }, 'Enter', 'Enter');
    await page.getByRole('heading', { level: 1, name: 'node-2717' }).waitFor();
    expect(keys).toBeLessThanOrEqual(12);
  });

  test('the 40 machines of a rack, one of them refused, are installed with at most 25 keys', async () => {
    const { page, server } = opened();
    const numbers = Array.from({ length: 40 }, (_, i) => 2000 + i);
    await seed(server.store, 3000);
    for (const name of ['rescue', 'debian']) {
      const action = {
        action: 'image2disk',
        url: 'https://images/a.raw',
        checksum: 'ab'.repeat(32),
      } as const;
      await server.store.templates.put({ ...template(name), spec: { actions: [action] } });
    }
    for (const number of numbers) {
      await send(opened(), 'POST', '/api/agent/checkin', {
        mac: machine(number).identity.primary_mac,
        boot_id: 'a',
        disks: disksOf(number, `S${String(number)}`),
      });
    }
    const ids = numbers.map((number) => machine(number).id);
    await send(opened(), 'POST', '/api/machines/bulk', { ids, add_tags: ['rack-42'] });
    const order = { machine_id: ids[7], template: 'rescue', reimage: true };
    await send(opened(), 'POST', '/api/workflows', order);
    await openOverview();
    const chosen = await press('/', { text: 'tag:rack-42' }, 'Enter', 'Control+a', 'p');
    const dialog = page.getByRole('dialog', { name: 'Provision 40 machines' });
    await dialog.getByRole('option', { name: 'debian' }).waitFor({ state: 'attached' });
    const asked = await press('d', 'Tab', 'Space', 'Enter');
    await dialog.getByText('39 machines would be changed, 1 refused.').waitFor();
    await dialog.getByText(/^node-2007 refused: the machine already has workflow/).waitFor();
    const applied = await press('Tab', 'Tab', 'Enter');
    await page.getByText('39 machines changed.').waitFor();
    expect(chosen + asked + applied).toBeLessThanOrEqual(25);
    const made = await Promise.all(
      ids.map(async (id) => (await server.store.workflows.listBy('machine', id)).items[0]),
    );
    const templates = made.map((found) => found?.value.spec.templateRef);
    expect(templates).toEqual(numbers.map((_, i) => (i === 7 ? 'rescue' : 'debian')));
  });

  test('a key that asks for the dry run applies nothing, however often it is pressed', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const hello = { mac: machine(4).identity.primary_mac, boot_id: 'a' };
    await send(opened(), 'POST', '/api/agent/checkin', hello);
    await page.goto(`${server.url}/machines?q=name:=node-4`);
    await page.locator('.list .row').first().waitFor();
    await press('Control+a', 'p');
    const dialog = page.getByRole('dialog', { name: 'Provision 1 machine' });
    await dialog.getByRole('option', { name: 'restart' }).waitFor({ state: 'attached' });
    await press('r', 'Enter', 'Enter');
    await dialog.getByText('1 machine would be changed').waitFor();
    await press('Enter', 'Enter');
    expect((await server.store.workflows.listBy('machine', machine(4).id)).items).toEqual([]);
    const isInList = 'document.activeElement.closest("[aria-label=\\"Dry run\\"]") !== null';
    expect(await page.evaluate(isInList)).toBe(true);
  });

  test('why a machine failed, and who cancelled a workflow, is told within 3 clicks', async () => {
    const { page, server } = opened();
    const { store } = server;
    const output = ['GET http://images/a.raw', 'HTTP 404'];
    const actions = [{ name: 'image2disk', status: 'STATE_FAILED' as const, output }];
    const error = 'image2disk: cannot download http://images/a.raw';
    await store.workflows.put(workflow(7, 2, { state: 'STATE_FAILED', error, actions }));
    const running = workflow(8, 1, { state: 'STATE_RUNNING' });
    await store.workflows.put(running);
    const [kim, ops] = await Promise.all(
      ['kim', 'ops'].map((name) =>
        createToken(store, systemClock, { name, scope: 'operate', expiresAt: null }),
      ),
    );
    const path = `/api/workflows/${running.metadata.name}/cancel`;
    const headers = { authorization: `Bearer ${kim ?? ''}` };
    expect((await fetch(server.url + path, { method: 'POST', headers })).status).toBe(200);
    await page.goto(server.url);
    await page.getByLabel('Operator token').fill(ops ?? '');
    await page.keyboard.press('Enter');
    const link = (name: string | RegExp) => page.getByRole('link', { name });
    const why = await click(link('1 workflow failed'));
    await page.getByText(error).first().waitFor();
    const how = await click(link('node-7'));
    await page.getByText('HTTP 404').waitFor();
    expect(why + how).toBeLessThanOrEqual(3);
    const who = await click(link('Overview'), link('1 workflow cancelled'));
    await page.getByText('cancelled by kim').first().waitFor();
    expect(who).toBeLessThanOrEqual(3);
  });
}
