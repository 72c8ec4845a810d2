// Tests of the page of workflows, and of those on a machine's page.
import { expect, test } from 'vitest';
import { machine } from '../machines.ts';
import { send, template, workflow, type Opened } from './opened.ts';

export function workflowTests(opened: () => Opened): void {
  test('workflows are shown by state and time, with bytes, rate and time left', async () => {
    const { page, server } = opened();
    const startedAt = new Date(Date.now() - 100_000).toISOString();
    await server.store.workflows.put(
      workflow(1, 1, {
        state: 'STATE_RUNNING',
        progress: 40,
        currentAction: 'image2disk',
        actions: [
          {
            name: 'image2disk',
            status: 'STATE_RUNNING',
            startedAt,
            message: 'writing',
            transferredBytes: 1e9,
            totalBytes: 5e9,
          },
        ],
      }),
    );
    const actions = [
      { name: 'image2disk', status: 'STATE_FAILED' as const },
      { name: 'reboot', status: 'STATE_PENDING' as const },
    ];
    await server.store.workflows.put(
      workflow(2, 2, { state: 'STATE_FAILED', error: 'by an operator', cancelled: true, actions }),
    );
    await server.store.workflows.put(workflow(3, 60, { state: 'STATE_SUCCESS' }));
    await page.goto(`${server.url}/workflows`);
    const running = page.getByRole('article', { name: 'restart on node-1' });
    await running
      .getByText(/^1 GB of 5 GB · \d+(\.\d)? MB\/s · about \d+ (s|min) left$/)
      .first()
      .waitFor();
    expect(await page.getByRole('article').count()).toBe(3);
    await page.getByLabel('Made in').selectOption('24h');
    await page.getByRole('article', { name: 'restart on node-3' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'cancelled 1' }).click();
    await running.waitFor({ state: 'detached' });
    const cancelled = page.getByRole('article', { name: 'restart on node-2' });
    await cancelled.getByText('Actions').click();
    await cancelled.getByText('not run').waitFor();
    await page.reload();
    await cancelled.waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
  });

  test('a failed workflow is tried again, and the earlier one keeps its output', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const hello = { mac: machine(1).identity.primary_mac, boot_id: 'a' };
    await send(opened(), 'POST', '/api/agent/checkin', hello);
    const actions = [
      { name: 'reboot', status: 'STATE_FAILED' as const, output: ['reboot: not permitted'] },
    ];
    await server.store.workflows.put(
      workflow(1, 1, { state: 'STATE_FAILED', error: 'reboot failed', actions }),
    );
    await page.goto(`${server.url}/workflows?state=failed`);
    await page.getByRole('button', { name: 'Retry…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-1' });
    await dialog.getByRole('button', { name: 'Provision', exact: true }).click();
    await page.getByRole('button', { name: 'active 1' }).waitFor();
    const made = await server.store.workflows.listBy('machine', machine(1).id);
    expect(made.items).toHaveLength(2);
    await page.getByRole('link', { name: 'node-1' }).click();
    const card = page.getByRole('region', { name: 'Provisioning' });
    await card.getByRole('button', { name: 'Cancel' }).waitFor();
    await card.getByText('Earlier workflows').waitFor();
    await card.getByText('restart failed').click();
    await card.getByText('reboot: not permitted').waitFor();
  });

  test('a machine without a template is provisioned by choosing one in the dialog', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines/${machine(5).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-5' });
    await dialog.getByText('There is no template yet.').waitFor();
    await page.keyboard.press('Escape');
    await server.store.templates.put(template('restart'));
    await page.getByRole('button', { name: 'Provision…' }).click();
    await dialog.getByLabel('Template').selectOption('restart');
    await dialog.getByText('reboot', { exact: true }).waitFor();
    expect(await dialog.getByRole('button', { name: 'Provision', exact: true }).isEnabled()).toBe(
      true,
    );
  });
}
