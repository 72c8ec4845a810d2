// Tests of what is done to many machines at once, and of the views of their list.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { machine } from '../machines.ts';
import { disksOf, expectCount, send, soon, template, type Opened } from '../opened.ts';

export function bulkTests(opened: () => Opened): void {
  test('many machines are forgotten after a dry run alone, which names the hidden ones', async () => {
    const { page, server } = opened();
    await server.store.machines.put({
      ...machine(3),
      status: { ...machine(3).status, current_workflow: '01930000-0000-7000-b000-000000000003' },
    });
    await server.store.workflows.put({
      kind: 'Workflow',
      metadata: { name: '01930000-0000-7000-b000-000000000003' },
      spec: { hardwareRef: machine(3).id, templateRef: 'restart' },
      status: { state: 'STATE_RUNNING' },
    });
    await page.goto(`${server.url}/machines?q=tag:rack-3`);
    await expectCount(page, '12 of 120 machines');
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.getByRole('combobox', { name: 'Filter machines' }).fill('name:=node-3');
    await page.getByText('12 machines selected, 11 hidden by the filter').waitFor();
    await page.getByRole('button', { name: 'Forget…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Forget 12 machines' });
    await dialog.getByText('11 of these machines are hidden by the filter: node-13,').waitFor();
    expect(await dialog.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText('11 machines would be changed, 1 refused.').waitFor();
    await dialog.getByText(/^node-3 refused: the machine already has workflow/).waitFor();
    await dialog
      .getByText(/^node-13 forgotten loses its record, its history, tags rack-3/)
      .waitFor();
    expect((await server.store.machines.listBy('tag', 'rack-3')).items).toHaveLength(12);
    await dialog.getByRole('button', { name: 'Apply to 11' }).click();
    await page.getByText('11 machines changed.').waitFor();
    const left = (await server.store.machines.listBy('tag', 'rack-3')).items;
    expect(left.map(({ value }) => value.config.hostname)).toEqual(['node-3']);
  });

  test('many machines are provisioned with the plan of each', async () => {
    const { page, server } = opened();
    await server.store.templates.put({
      ...template('debian'),
      spec: {
        actions: [
          { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
        ],
      },
    });
    for (const number of [4, 14]) {
      await send(opened(), 'POST', '/api/agent/checkin', {
        mac: machine(number).identity.primary_mac,
        boot_id: 'a',
        ...(number === 4
          ? { existing_os: { name: 'Rocky Linux 9', device: '/dev/nvme0n1p3' } }
          : {}),
      });
    }
    await page.goto(`${server.url}/machines?q=name:=node-4`);
    await expectCount(page, '1 of 120 machines');
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision 1 machine' });
    await dialog.getByRole('combobox').selectOption('debian');
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText(/^node-4 refused: .*Rocky Linux 9; tick “Overwrite what/).waitFor();
    await dialog.getByLabel('Overwrite what is on the planned disk').check();
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText(/overwrites \/dev\/nvme0n1 .*SERIAL4.*loses Rocky Linux 9/).waitFor();
    await dialog.getByRole('button', { name: 'Apply to 1' }).click();
    await page.getByText('1 machine changed.').waitFor();
    expect((await server.store.workflows.listBy('machine', machine(4).id)).items).toHaveLength(1);
  });

  test('of many machines the one whose plan changed after it was shown is refused by name', async () => {
    const { page, server } = opened();
    await server.store.templates.put({
      ...template('debian'),
      spec: {
        actions: [
          { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
        ],
      },
    });
    const checkIn = (number: number, serial: string): Promise<void> =>
      send(opened(), 'POST', '/api/agent/checkin', {
        mac: machine(number).identity.primary_mac,
        boot_id: 'a',
        disks: disksOf(number, serial),
      });
    const numbers = [21, 22, 23];
    for (const number of numbers) await checkIn(number, `S${String(number)}`);
    const ids = numbers.map((number) => machine(number).id);
    await send(opened(), 'POST', '/api/machines/bulk', { ids, add_tags: ['trio'] });
    await page.goto(`${server.url}/machines?q=tag:trio`);
    await expectCount(page, '3 of 120 machines');
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision 3 machines' });
    await dialog.getByRole('combobox').selectOption('debian');
    await dialog.getByLabel('Overwrite what is on the planned disk').check();
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText(/^node-22 .*overwrites \/dev\/sda SSD S22/).waitFor();
    await checkIn(22, 'S9');
    await dialog.getByRole('button', { name: 'Apply to 3' }).click();
    await dialog
      .getByText(/^2 machines changed, 1 refused\. node-22: the plan changed .*sda SSD S9/)
      .waitFor();
    const made = await Promise.all(
      numbers.map(async (number) => {
        const { items } = await server.store.workflows.listBy('machine', machine(number).id);
        return items.length;
      }),
    );
    expect(made).toEqual([1, 0, 1]);
    // It is ordered after another look alone.
    expect(await dialog.getByRole('button', { name: 'Apply' }).isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Dry run' }).click();
    await dialog.getByText(/^node-22 .*overwrites \/dev\/sda SSD S9/).waitFor();
    await dialog.getByRole('button', { name: 'Apply to 1' }).click();
    await page.getByText('1 machine changed.').waitFor();
  });

  test('columns are chosen, kept in the address, and what is shown is exported', async () => {
    const { page, server } = opened();
    const tags = ['rack-5', 'gpu', 'burn-in', 'storage'];
    const hostname = 'ams1-compute-rack12-node-5.example.net';
    await server.store.machines.put({
      ...machine(5),
      config: { ...machine(5).config, hostname, tags, os_choice: '=cmd' },
    });
    await page.goto(`${server.url}/machines?q=burn-in`);
    await expectCount(page, '1 of 120 machines');
    await page.getByText('+2', { exact: true }).waitFor();
    await page.locator('summary', { hasText: 'Columns' }).click();
    const row = page.locator('.list .row').first();
    await page.getByRole('checkbox', { name: 'Compact rows' }).check();
    await expect.poll(async () => (await row.boundingBox())?.height, soon).toBe(26);
    await page.getByRole('checkbox', { name: 'Template' }).check();
    await page.getByRole('columnheader', { name: 'Template' }).waitFor();
    await expect
      .poll(() => new URL(page.url()).searchParams.get('columns'), soon)
      .toBe('state.liveness.hardware.address.template.tags');
    await page.reload();
    await page.locator('.c-template', { hasText: '=cmd' }).waitFor();
    const exported = async (format: string): Promise<string> => {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByLabel('Export what is shown').selectOption(format),
      ]);
      return readFileSync(await download.path(), 'utf8');
    };
    const csv = (await exported('csv')).trimEnd().split('\r\n');
    expect(csv).toHaveLength(2);
    expect(csv[1]).toContain(`,'=cmd,`);
    expect(JSON.parse(await exported('json'))).toMatchObject([{ name: hostname, tags }]);
  });
}
