// Tests of addresses that lead elsewhere, of records with faults, and of what can be taken back.
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { machine } from '../machines.ts';
import {
  conflict,
  expectCount,
  post,
  send,
  soon,
  template,
  workflow,
  type Opened,
} from '../opened.ts';

export function machineTests(opened: () => Opened): void {
  test('an address that leads nowhere says so, and leads back', async () => {
    const { page, server } = opened();
    for (const path of ['/no/such/page', '/machines/a/b']) {
      const answer = await page.goto(server.url + path);
      expect([path, answer?.status()]).toEqual([path, 404]);
      await page.getByText('There is no such page.').waitFor();
    }
    await page.getByRole('main').getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('heading', { name: '120 machines' }).waitFor();
  });

  test('times that are none are shown as they are stored, and stop nothing', async () => {
    const { page, server } = opened();
    await server.store.machines.put({
      ...machine(2),
      status: { ...machine(2).status, last_seen: 'yesterday' },
    });
    await server.store.workflows.put(
      workflow(2, 1, { state: 'STATE_FAILED', startedAt: 'noon', completedAt: 'later' }),
    );
    await server.store.conflicts.put(conflict);
    await page.goto(`${server.url}/workflows`);
    await page.getByText('noon to later').waitFor();
    await page.goto(`${server.url}/conflicts`);
    await page.getByRole('group', { name: 'Side by side' }).waitFor();
    await page.goto(`${server.url}/machines?q=name:=node-2&columns=state`);
    await expectCount(page, '1 of 120 machines');
    await page.getByText('unreadable').waitFor();
  });

  test('an agent that was started late is no slow boot', async () => {
    const { page, server } = opened();
    const checkIn = (boot_id: string, times: Readonly<Record<string, number>>): Promise<void> =>
      send(opened(), 'POST', '/api/agent/checkin', {
        mac: machine(7).identity.primary_mac,
        smbios_uuid: machine(7).identity.smbios_uuid,
        boot_id,
        boot_timeline: Object.entries(times).map(([step, at_ms]) => ({ step, at_ms })),
      });
    await checkIn('a', { kernel: 0, agent: 2_273_000, checkin: 2_273_400 });
    await page.goto(`${server.url}/machines/${machine(7).id}`);
    await page.getByText('38 min after the kernel, then check-in 0.4 s').waitFor();
    expect(await page.getByText('Last boot').count()).toBe(0);
    await checkIn('b', { kernel: 0, address: 3400, agent: 4000 });
    await page.getByText('kernel 0.0 s, address 3.4 s, agent 4.0 s').waitFor();
  });

  test('a workflow that was refused is not shown as one that waits', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const hello = { mac: machine(1).identity.primary_mac, boot_id: 'a' };
    await send(opened(), 'POST', '/api/agent/checkin', hello);
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-1' });
    await dialog.getByLabel('Template').selectOption('restart');
    const provision = dialog.getByRole('button', { name: 'Provision', exact: true });
    await expect.poll(() => provision.isEnabled(), soon).toBe(true);
    const order = { machine_id: machine(1).id, template: 'restart' };
    await send(opened(), 'POST', '/api/workflows', order);
    await provision.click();
    await dialog.getByRole('alert').getByText('already has workflow').waitFor();
    await page.keyboard.press('Escape');
    const [made] = (await server.store.workflows.listBy('machine', machine(1).id)).items;
    const message = `workflow ${made?.value.metadata.name ?? ''} is not run: it is of another machine`;
    const problem = { code: 'action.refused', section: 'execute', source: 'execute', message };
    const beat = { machine_id: machine(1).id, boot_id: 'a', problems: [problem] };
    await send(opened(), 'POST', '/api/agent/heartbeat', beat);
    const refused = page.getByText('refused by its agent: it is of another machine');
    await refused.waitFor();
    await page.goto(`${server.url}/workflows`);
    await refused.first().waitFor();
  });

  test('what was done to a selection is taken back', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/machines?q=name:node-4*`);
    await expectCount(page, '11 of 120 machines');
    const [four] = [machine(4)];
    await server.store.machines.put({
      ...four,
      config: { ...four.config, tags: ['rack-4', 'gpu'] },
    });
    await page.locator('.tags[title], .tag', { hasText: 'gpu' }).first().waitFor();
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.keyboard.press('t');
    await page.keyboard.type('gpu');
    await page.keyboard.press('Enter');
    await page.getByText('11 machines changed.').waitFor();
    const tagged = async () => (await server.store.machines.listBy('tag', 'gpu')).items.length;
    expect(await tagged()).toBe(11);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText('10 machines set back.').waitFor();
    expect(await tagged()).toBe(1);
  });

  test('a decision that a machine is one of its own is taken back', async () => {
    const { page, server } = opened();
    await server.store.conflicts.put(conflict);
    await page.goto(`${server.url}/conflicts`);
    await page.getByRole('button', { name: 'Separate machine' }).click();
    await page.getByText('node-2 is a machine of its own.').waitFor();
    expect((await server.store.conflicts.get(conflict.id))?.value.resolution?.decision).toBe(
      'split',
    );
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Separate machine' }).waitFor();
    expect((await server.store.conflicts.get(conflict.id))?.value.resolution).toBeNull();
  });

  test('a conflict over one machine says which address is let in or kept out, and merges nothing', async () => {
    const { page, server } = opened();
    const { machine_id } = conflict;
    const candidates = [{ machine_id, evidence: ['two were alive'] }];
    await server.store.conflicts.put({ ...conflict, candidates, refused_addresses: ['192.0.2.9'] });
    await page.goto(`${server.url}/conflicts`);
    await page.getByText('The one at 192.0.2.9 is another machine, and is kept out.').waitFor();
    await page.getByText('Once it is silent, the one at 192.0.2.9 is taken for it.').waitFor();
    await page.getByRole('button', { name: 'The machine is at 192.0.2.9' }).waitFor();
    await page.getByRole('button', { name: 'Same machine' }).click();
    await page.getByText('No open conflicts.').waitFor();
    expect(await server.store.machines.get(machine_id)).toBeDefined();
  });

  test('a token that is limited to tags shows its machines and their workflows, and nothing fails', async () => {
    const { page, server } = opened();
    await server.store.workflows.put(workflow(4, 1, { state: 'STATE_RUNNING', progress: 40 }));
    await server.store.workflows.put(workflow(5, 1, { state: 'STATE_RUNNING', progress: 40 }));
    const token = await createToken(server.store, systemClock, {
      name: 'rack',
      scope: 'operate',
      tags: ['rack-4'],
      expiresAt: null,
    });
    await page.goto(server.url);
    await page.getByLabel('Operator token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '12 machines' }).waitFor();
    await page.getByText('limited to machines tagged rack-4').waitFor();
    await page.getByRole('progressbar', { name: 'Progress of node-4' }).waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(1);
    await page.getByText('Every 15 s').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Conflicts' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Workflows' }).click();
    await page.getByRole('article', { name: 'restart on node-4' }).waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
    await page.goto(`${server.url}/conflicts`);
    await page.getByText('This token may not see conflicts.').waitFor();
  });

  test('the log of a machine is shown and followed', async () => {
    const { page, server } = opened();
    const { primary_mac: mac, smbios_uuid } = machine(7).identity;
    const hello = { mac, smbios_uuid, boot_id: 'a' };
    await send(opened(), 'POST', '/api/agent/checkin', hello);
    const tell = (first: number, text: string, more = {}): Promise<void> =>
      send(opened(), 'POST', '/api/agent/logs', {
        machine_id: machine(7).id,
        boot_id: 'a',
        stream: 's',
        first,
        lines: [{ age_ms: 0, source: 'agent', text, ...more }],
      });
    await page.goto(`${server.url}/machines/${machine(7).id}`);
    const card = page.getByRole('region', { name: 'Log' });
    await card.getByText('Its agent has sent no log.').waitFor();
    await card.getByRole('button', { name: 'Follow' }).click();
    await card.getByText('lines appear here').waitFor();
    await tell(0, 'eno1 is up', { source: 'boot' });
    await card.getByText('eno1 is up').waitFor();
    await tell(1, 'no address', { level: 'error' });
    await card.getByText('ERROR no address').waitFor();
    await card.getByLabel('Lines of').selectOption('its boot');
    await card.getByText('no address').waitFor({ state: 'detached' });
    expect(await card.getByRole('log').textContent()).toContain('boot   eno1 is up');
  });

  test('it is told which operator did what to a machine', async () => {
    const { page, server } = opened();
    const path = `/api/machines/${machine(7).id}`;
    await send(opened(), 'PATCH', path, { tags: ['burn-in'] });
    await page.goto(`${server.url}/machines/${machine(7).id}`);
    const card = page.getByRole('region', { name: 'Operators' });
    await card.getByText('changed by anyone {"tags":["burn-in"]}').waitFor();
    await card.getByRole('link', { name: 'Audit log' }).click();
    await page.getByText('machines.patch').waitFor();
    expect(new URL(page.url()).searchParams.get('record')).toBe(`machines/${machine(7).id}`);
  });

  test('shows the whole of a machine: board, modules, disks, switch port, problems', async () => {
    const { page, server } = opened();
    const problem = { code: 'read.denied', section: 'tpm', source: '/sys', message: 'no TPM read' };
    const later = { ...problem, message: 'reboot was refused' };
    await post(opened(), '/api/agent/checkin', {
      mac: machine(7).identity.primary_mac,
      smbios_uuid: machine(7).identity.smbios_uuid,
      boot_id: 'boot-7',
      system: { vendor: 'Dell Inc.', product: 'PowerEdge R650', serial: 'SVCTAG7' },
      dimms: [{ locator: 'A1', size_bytes: 2 ** 35, serial: 'DIMM7' }],
      disks: [
        {
          name: 'sda',
          size_bytes: 2 ** 40,
          type: 'ssd',
          transport: 'sas',
          wwn: 'naa.7',
          contents: [
            { device: '/dev/sda', type: 'gpt' },
            { device: '/dev/sda3', type: 'LVM2_member', label: 'vg0', members: 2 },
          ],
        },
        { name: 'sdb', size_bytes: 2 ** 40, contents: [] },
      ],
      interfaces: [
        {
          name: 'eno1',
          mac: machine(7).identity.primary_mac,
          driver: 'ice',
          neighbour: { system: 'tor-17', port: 'Eth1/7' },
        },
      ],
      problems: [problem],
    });
    const { id } = machine(7);
    await post(opened(), '/api/agent/heartbeat', {
      machine_id: id,
      boot_id: 'boot-7',
      problems: [later],
    });
    await page.goto(`${server.url}/machines/${id}`);
    for (const text of [
      'Dell Inc. PowerEdge R650',
      'SVCTAG7',
      'DIMM7',
      'ssd, sas',
      'naa.7',
      'gpt; LVM2_member "vg0" (1 of 2) on /dev/sda3',
      'nothing',
      'tor-17 Eth1/7',
      '2 problems',
      'reboot was refused',
      'no TPM read',
    ]) {
      await expect.poll(() => page.getByText(text).count(), soon).toBeGreaterThan(0);
    }
  });
}
