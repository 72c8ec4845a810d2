// Tests of the page of workflows, and of those on a machine's page.
import { expect, test } from 'vitest';
import type { Template } from '../../../src/model/documents/template.ts';
import { machine } from '../machines.ts';
import { disksOf, post, send, soon, template, workflow, type Opened } from '../opened.ts';

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
    await page.getByRole('button', { name: /^Retry… \S+ on node-1$/ }).click();
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

  test('the reason of a failure is shown once, where it is seen first', async () => {
    const { page, server } = opened();
    const reason = 'the checksum differs';
    const actions = [{ name: 'image2disk', status: 'STATE_FAILED' as const, message: reason }];
    const error = `image2disk: ${reason}`;
    await server.store.workflows.put(workflow(4, 1, { state: 'STATE_FAILED', error, actions }));
    await page.goto(`${server.url}/machines/${machine(4).id}`);
    await page.getByRole('region', { name: 'Provisioning' }).getByText('failed').first().waitFor();
    expect(await page.getByText(reason).allTextContents()).toEqual([error]);
    expect(await page.getByRole('alert').textContent()).toBe(error);
    await page.goto(`${server.url}/workflows?state=failed`);
    const failed = page.getByRole('article', { name: 'restart on node-4' });
    await failed.getByText('Actions').click();
    expect(await failed.getByText(reason).allTextContents()).toEqual([error]);
  });

  test('a plan that changed after it was shown is not carried out, and is shown anew when asked for', async () => {
    const { page, server } = opened();
    await server.store.templates.put({
      ...template('debian'),
      spec: {
        actions: [
          { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
        ],
      },
    });
    const checkIn = (serial: string): Promise<void> =>
      send(opened(), 'POST', '/api/agent/checkin', {
        mac: machine(6).identity.primary_mac,
        boot_id: 'a',
        disks: disksOf(6, serial),
      });
    await checkIn('S1');
    await server.store.workflows.put(
      workflow(6, 1, { state: 'STATE_FAILED', error: 'no image', actions: [] }),
    );
    await page.goto(`${server.url}/workflows?state=failed`);
    await page.getByRole('button', { name: 'Retry…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-6' });
    await dialog.getByLabel('Template').selectOption('debian');
    await dialog.getByText('serial S1').waitFor();
    await checkIn('S9');
    const confirm = dialog.getByRole('button', { name: 'Provision', exact: true });
    await confirm.click();
    await dialog.getByRole('alert').getByText('the disk (now /dev/sda SSD S9)').waitFor();
    expect(await confirm.isDisabled()).toBe(true);
    const made = async () =>
      (await server.store.workflows.listBy('machine', machine(6).id)).items.length;
    expect(await made()).toBe(1);
    await dialog.getByRole('button', { name: 'Show the plan as it is now' }).click();
    await dialog.getByText('serial S9').waitFor();
    expect(await dialog.getByRole('alert').count()).toBe(0);
    await confirm.click();
    await page.getByRole('button', { name: 'active 1' }).waitFor();
    expect(await made()).toBe(2);
  });

  test('a workflow that a backup brought back is released', async () => {
    const { page, server } = opened();
    const restored = workflow(7, 1, {
      state: 'STATE_PENDING',
      actions: [{ name: 'reboot', status: 'STATE_PENDING' }],
    });
    await server.store.workflows.put({ ...restored, held: 'restored from a backup' });
    const { status } = machine(7);
    const current_workflow = restored.metadata.name;
    await server.store.machines.put({
      ...machine(7),
      status: { ...status, state: 'Ready', current_workflow },
    });
    await page.goto(`${server.url}/machines/${machine(7).id}`);
    const card = page.getByRole('region', { name: 'Provisioning' });
    const held = card.getByText('Held: restored from a backup.');
    await held.waitFor();
    await card.getByRole('button', { name: 'Release' }).click();
    await held.waitFor({ state: 'detached' });
    const stored = await server.store.workflows.get(current_workflow);
    expect([stored?.value.held, stored?.value.status?.state]).toEqual([undefined, 'STATE_PENDING']);
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

  test('shows the progress of a workflow that an operator starts', async () => {
    const { page, server } = opened();
    await post(opened(), '/api/agent/checkin', {
      mac: machine(1).identity.primary_mac,
      boot_id: 'a',
    });
    await server.store.templates.put(template('restart'));
    await post(opened(), '/api/machines/bulk', { ids: [machine(1).id], os_choice: 'restart' });
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    await page.getByRole('button', { name: 'Provision', exact: true }).click();
    const card = page.getByRole('region', { name: 'Provisioning' });
    await card.getByRole('button', { name: 'Cancel' }).waitFor();
    const [made] = (await server.store.workflows.listBy('machine', machine(1).id)).items;
    const events = `/api/workflows/${made?.value.metadata.name ?? ''}/events`;
    await post(opened(), events, { type: 'started' }, 204);
    await post(opened(), events, { type: 'action_started', action: 'reboot' }, 204);
    const progress = { percent: 40, message: 'going down' };
    await post(opened(), events, { type: 'action_progress', action: 'reboot', progress }, 204);
    await card.getByText('going down').waitFor();
    await page.locator('.title').getByText('Provisioning').waitFor();
    await post(
      opened(),
      events,
      { type: 'action_completed', action: 'reboot', success: true },
      204,
    );
    await post(opened(), events, { type: 'completed', success: true }, 204);
    // It has rebooted once another boot is heard.
    await post(opened(), '/api/agent/checkin', {
      mac: machine(1).identity.primary_mac,
      boot_id: 'b',
    });
    await page.locator('.title').getByText('Provisioned').waitFor();
    const head = card.locator('.workflow-head');
    await expect.poll(() => head.textContent(), soon).toBe('restartdone');
  });

  test('shows the plan of a workflow before it is queued, and what has to be accepted', async () => {
    const { page, server } = opened();
    const overwrite = template('debian');
    const actions: Template['spec']['actions'] = [
      { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
    ];
    await server.store.templates.put({ ...overwrite, spec: { actions } });
    await post(opened(), '/api/machines/bulk', { ids: [machine(1).id], os_choice: 'debian' });
    await post(opened(), '/api/agent/checkin', {
      mac: machine(1).identity.primary_mac,
      boot_id: 'a',
      existing_os: { name: 'Rocky Linux 9', device: '/dev/nvme0n1p3' },
    });
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-1' });
    await dialog
      .getByRole('alert')
      .getByText('holds Rocky Linux 9; tick “Overwrite what is on the planned disk” to')
      .waitFor();
    expect(await dialog.getByRole('button', { name: 'Provision' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Overwrite what is on the planned disk').check();
    await dialog.getByText('Lost: Rocky Linux 9').waitFor();
    await dialog.getByText('serial SERIAL1').waitFor();
    await dialog.getByRole('button', { name: 'Overwrite and provision' }).click();
    await page.getByRole('region', { name: 'Provisioning' }).getByText('waiting').first().waitFor();
    const [made] = (await server.store.workflows.listBy('machine', machine(1).id)).items;
    expect(made?.value.spec.plan?.lost).toEqual(['Rocky Linux 9']);
  });
}
