// Tests of the overview.
import { expect, test } from 'vitest';
import { machine } from '../machines.ts';
import { conflict, expectCount, soon, workflow, type Opened } from '../opened.ts';

export function overviewTests(opened: () => Opened): void {
  test('the overview counts what needs a person, and each number leads to its list', async () => {
    const { page, server } = opened();
    await server.store.conflicts.put(conflict);
    await server.store.workflows.put(workflow(1, 1, { state: 'STATE_RUNNING', progress: 40 }));
    await server.store.workflows.put(workflow(2, 2, { state: 'STATE_FAILED', error: 'no disk' }));
    await server.store.workflows.put(
      workflow(3, 3, { state: 'STATE_FAILED', error: 'no', cancelled: true }),
    );
    await server.store.workflows.put(workflow(4, 50, { state: 'STATE_FAILED', error: 'old' }));
    await page.goto(server.url);
    await page.getByRole('heading', { name: '120 machines' }).waitFor();
    await page.getByRole('link', { name: '1 identity conflict' }).waitFor();
    await page.getByRole('progressbar', { name: 'Progress of node-1' }).waitFor();
    await page.getByRole('link', { name: '1 workflow cancelled' }).waitFor();
    await page.getByRole('link', { name: '1 workflow failed' }).click();
    await page.getByText('no disk').first().waitFor();
    expect(new URL(page.url()).search).toBe('?state=failed&since=24h');
    expect(await page.getByRole('article').count()).toBe(1);
    await page.goBack();
    await page.getByRole('link', { name: '24 machines in Error' }).click();
    await expectCount(page, '24 of 120 machines');
    expect(new URL(page.url()).search).toBe('?q=state%3Aerror');
  });

  test('each part of the overview finds as many machines as it says', async () => {
    const { page, server } = opened();
    for (const number of [3, 4, 5]) {
      const known = machine(number);
      const product = number === 3 ? 'PowerEdge R650xs' : 'PowerEdge R650';
      await server.store.machines.put({
        ...known,
        hardware: { ...known.hardware, system: { vendor: 'Dell Inc.', product } },
      });
    }
    await page.goto(server.url);
    await page.getByRole('link', { name: 'PowerEdge R650 2' }).click();
    await expectCount(page, '2 of 120 machines');
    await page.goBack();
    await page.getByRole('link', { name: 'provisioned 48' }).click();
    await expectCount(page, '48 of 120 machines');
  });

  test('an address of the list as it was before leads to it', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/?q=tag:rack-4&sort=-name`);
    await expectCount(page, '12 of 120 machines');
    expect(new URL(page.url()).pathname).toBe('/machines');
    await expect
      .poll(() => page.locator('.list .row').first().textContent(), soon)
      .toContain('node-114');
  });
}
