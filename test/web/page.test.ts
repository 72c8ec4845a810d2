// The page as operators use it, in a real Chromium with a real server and store.
import { existsSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Template } from '../../src/model/documents/template.ts';
import { createToken } from '../../src/server/access/tokens.ts';
import {
  describeScreen,
  hasChromium,
  lateFrames,
  launchForTests,
  serve,
  type Served,
} from './browser.ts';
import { machine, seed } from './machines.ts';
import { auditTests } from './pages/audit.ts';
import { administrationTests } from './pages/administration.ts';
import { axeTests } from './pages/axe.ts';
import { bulkTests } from './pages/bulk.ts';
import { jobTests } from './pages/jobs.ts';
import { keyboardTests } from './pages/keyboard.ts';
import { machineTests } from './pages/machine.ts';
import { conflict, sent, soon, template } from './pages/opened.ts';
import { overviewTests } from './pages/overview.ts';
import { signInTests } from './pages/sign-in.ts';
import { templateTests } from './pages/templates.ts';
import { webhookTests } from './pages/webhooks.ts';
import { workflowTests } from './pages/workflows.ts';

// Beside other tests one that takes 2 seconds alone has taken 13.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(!hasChromium)('the page (needs chromium)', () => {
  let browser: Browser;
  let server: Served;
  let page: Page;
  /** The complaints of the browser; each test ends with none. */
  let complaints: string[];

  beforeAll(async () => {
    if (!existsSync('dist/web/index.html')) throw new Error('build the page first: npm run build');
    browser = await launchForTests();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = await serve();
    await seed(server.store, 120);
    page = await open();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') complaints.push(await describeScreen(page));
    await page.context().close();
    await server.close();
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  });

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    const opened = await context.newPage();
    opened.setDefaultTimeout(soon.timeout);
    complaints = [];
    opened.on('pageerror', (err) => complaints.push(err.message));
    opened.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    opened.on('request', (request) => {
      if (!request.url().startsWith(server.url)) complaints.push(`loads ${request.url()}`);
    });
    return opened;
  }

  const rows = () => page.locator('.list .row');
  const row = (name: string) =>
    rows().filter({ has: page.getByRole('link', { name, exact: true }) });
  const filter = () => page.getByRole('combobox', { name: 'Filter machines' });

  async function openList(path = '/machines'): Promise<void> {
    await page.goto(server.url + path);
    await rows().first().waitFor();
  }

  const count = () => page.locator('.count').textContent();

  async function post(path: string, body: object, status = 200): Promise<void> {
    expect(await sent(server.url + path, 'POST', body)).toBe(status);
  }

  test('a machine that has not booted yet is added by its MAC', async () => {
    await openList();
    await page.keyboard.press('n');
    const dialog = page.getByRole('dialog', { name: 'Add a machine' });
    await dialog.getByLabel('MAC address').fill('no mac');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await expect.poll(() => dialog.getByRole('alert').textContent(), soon).toContain('MAC');
    await dialog.getByLabel('MAC address').fill('3C-EC-EF-07-14-50');
    await dialog.getByLabel('Host name').fill('db-1');
    await dialog.getByLabel('Tags').fill('rack-4');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await expect.poll(() => row('db-1').count(), soon).toBe(1);
    const found = await server.store.machines.byMac('3c:ec:ef:07:14:50');
    expect(found?.value).toMatchObject({
      config: { tags: ['rack-4'] },
      metadata: { source: 'Manual' },
    });
  });

  test('filters while a filter is typed, by name, MAC, serial, state and tag', async () => {
    await openList();
    await expect.poll(count, soon).toBe('120 machines');
    for (const [typed, found] of [
      ['node-12', '2 of 120 machines'],
      [machine(7).identity.primary_mac, '1 of 120 machines'],
      ['serial77', '1 of 120 machines'],
      ['state:error', '24 of 120 machines'],
      ['state:error tag:rack-4', '12 of 120 machines'],
      ['state:error -tag:rack-4', '12 of 120 machines'],
    ] as const) {
      await filter().fill(typed);
      await expect.poll(count, soon).toBe(found);
    }
    await filter().fill('no such machine');
    await page.getByText('No machine matches this filter.').waitFor();
    await page.getByRole('button', { name: 'Show all 120' }).click();
    await expect.poll(count, soon).toBe('120 machines');
  });

  test('completes the fields and values of a search, and says of a field that there is none', async () => {
    await openList();
    await expect.poll(count, soon).toBe('120 machines');
    await page.keyboard.press('/');
    await page.keyboard.type('ta');
    await page.getByRole('option', { name: /^tag:/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    await page.keyboard.type('rack-4');
    await page.getByRole('listbox').waitFor({ state: 'detached' });
    await expect.poll(count, soon).toBe('12 of 120 machines');
    await page.keyboard.type(' seral:77');
    const alert = page.getByRole('alert').filter({ hasText: 'did you mean serial:' });
    await alert.waitFor();
    await alert.getByRole('button', { name: 'Show all 120' }).click();
    await filter().fill('52-54-00-00-00-07');
    await expect.poll(count, soon).toBe('1 of 120 machines');
  });

  test('keeps filter and sort in the address, for a reload or a colleague', async () => {
    await openList();
    await expect.poll(count, soon).toBe('120 machines');
    await page.getByRole('button', { name: /^Ready/ }).click();
    await page.getByRole('button', { name: /^Name/ }).click();
    await page.locator('[role=columnheader][aria-sort=descending]').waitFor();
    expect(await rows().first().textContent()).toContain('node-116');
    await page.reload();
    await rows().first().waitFor();
    await expect.poll(count, soon).toBe('24 of 120 machines');
    expect(await rows().first().textContent()).toContain('node-116');
    expect(await filter().inputValue()).toBe('state:ready');
  });

  test('tags a selection by the keyboard alone', async () => {
    await openList();
    await page.keyboard.press('/');
    await page.keyboard.type('tag:rack-4 state:error');
    await expect.poll(count, soon).toBe('12 of 120 machines');
    await page.keyboard.press('Enter');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('k');
    await page.keyboard.press('k');
    await page.getByText('2 machines selected').waitFor();
    await page.keyboard.press('t');
    await page.keyboard.type('gpu, burn-in');
    await page.keyboard.press('Enter');
    await page.getByText('2 machines changed.').waitFor();
    await row('node-4').locator('.tags[title*=burn-in]').waitFor();
    const stored = await server.store.machines.listBy('tag', 'burn-in');
    expect(stored.items.map((item) => item.value.config.hostname)).toEqual(['node-4', 'node-14']);
    expect(stored.items[0]?.value.config.tags.toSorted()).toEqual(['burn-in', 'gpu', 'rack-4']);
  });

  test('assigns a template to all machines of a filter', async () => {
    await server.store.templates.put(template('debian-13'));
    await openList('/machines?q=state:discovered');
    await expect.poll(count, soon).toBe('24 of 120 machines');
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.getByRole('button', { name: /^Assign template/ }).click();
    await page.getByRole('combobox', { name: 'Template' }).selectOption('debian-13');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('24 machines changed.').waitFor();
    await expect.poll(count, soon).toBe('0 of 120 machines');
    const stored = await server.store.machines.get(machine(5).id);
    expect(stored?.value.config.os_choice).toBe('debian-13');
    expect(stored?.value.status.state).toBe('Ready');
  });

  test('says of a template that it cannot be run, and why', async () => {
    // Version 0.1.0 took and stored it so.
    const action = { action: 'reboot', timeout: -1 } as const;
    await server.store.templates.put({ ...template('old'), spec: { actions: [action] } });
    await openList('/machines?q=state:discovered');
    await page.getByRole('checkbox', { name: 'Select all machines shown' }).click();
    await page.getByRole('button', { name: /^Assign template/ }).click();
    const choice = page.getByRole('combobox', { name: 'Template' });
    await choice
      .getByRole('option', { name: 'old (cannot be run)' })
      .waitFor({ state: 'attached' });
    await choice.selectOption('old');
    await page.getByText(/spec\.actions\[0\]\.timeout .*correct it/).waitFor();
    expect(await choice.inputValue()).toBe('old');
    await page.keyboard.press('Escape');
    await server.store.templates.delete('old');
  });

  test.each([
    ['at leisure', ''],
    ['faster than frames are drawn', lateFrames],
  ])('opens a machine, renames it, and goes back to the list as it was, %s', async (_, script) => {
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

  test('shows the whole of a machine: board, modules, disks, switch port, problems', async () => {
    const problem = { code: 'read.denied', section: 'tpm', source: '/sys', message: 'no TPM read' };
    const later = { ...problem, message: 'reboot was refused' };
    await post('/api/agent/checkin', {
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
    await post('/api/agent/heartbeat', { machine_id: id, boot_id: 'boot-7', problems: [later] });
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

  test('shows both sides when somebody else changed the machine meanwhile', async () => {
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

  async function patch(id: string, body: object): Promise<void> {
    const answer = await fetch(`${server.url}/api/machines/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
  }

  test('shows a heartbeat as it comes', async () => {
    await openList('/machines?q=node-7&sort=name');
    const seven = row('node-7');
    await seven.locator('time', { hasText: 'd' }).waitFor();
    expect(await seven.getByText('online').count()).toBe(0);
    await post('/api/agent/heartbeat', { machine_id: machine(7).id });
    await seven.getByText('online').waitFor();
    await seven.locator('time', { hasText: /^(now|\d+ s)$/ }).waitFor();
  });

  test('shows a machine that registers, without a reload', async () => {
    await openList();
    await expect.poll(count, soon).toBe('120 machines');
    await post('/api/agent/checkin', { mac: '52:54:00:99:00:02', cpu_model: 'Fresh CPU' });
    await expect.poll(count, soon).toBe('121 machines');
    await filter().fill('fresh cpu');
    await expect.poll(count, soon).toBe('1 of 121 machines');
    await rows().first().getByText('online').waitFor();
  });

  test('merges a machine into the one that an operator recognises it as', async () => {
    await server.store.conflicts.put({
      ...conflict,
      candidates: [
        ...conflict.candidates,
        { machine_id: machine(3).id, evidence: ['one disk serial is the same'] },
      ],
    });
    await openList();
    await page.getByRole('link', { name: 'Conflicts 1' }).click();
    const candidate = page.locator('.candidate').filter({ hasText: 'the SMBIOS UUID is the same' });
    await candidate.getByRole('button', { name: 'Same machine' }).click();
    const table = page.getByRole('group', { name: 'Side by side: node-2' });
    await table.getByText(machine(3).identity.primary_mac).waitFor();
    await table.getByText('/dev/nvme0n1 NVMe disk SERIAL3').waitFor();
    const dialog = page.getByRole('dialog', { name: 'Merge node-2 into node-1?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await server.store.machines.get(machine(2).id)).toBeDefined();
    await candidate.getByRole('button', { name: 'Same machine' }).click();
    await dialog.getByRole('button', { name: 'Merge' }).click();
    await page.getByText('No open conflicts.').waitFor();
    await page.goto(`${server.url}/machines/${machine(2).id}`);
    await page.getByRole('heading', { level: 1, name: 'node-1' }).waitFor();
    await page.getByText(`The machine ${machine(2).id} was merged into this one.`).waitFor();
    const settled = await server.store.conflicts.get(conflict.id);
    expect(settled?.value.resolution).toMatchObject({ decision: 'accepted', into: machine(1).id });
    expect(await server.store.machines.get(machine(2).id)).toBeUndefined();
  });

  test('comes back by itself when the server was away', async () => {
    await openList();
    await page.getByText('Live', { exact: true }).waitFor();
    const { port, store } = server;
    await server.close();
    await page.getByText('Reconnecting…').waitFor();
    await store.machines.put(machine(500));
    server = await serve({ port, store });
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(count, soon).toBe('121 machines');
  });

  test('opens a stream again that says nothing any more', async () => {
    await page.clock.install();
    let streams = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/api/events')) streams += 1;
    });
    await openList();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(streams).toBe(1);
    await page.clock.fastForward(50_000);
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => streams, soon).toBe(2);
  });

  test('says that a list is not complete, and reads the rest when asked', async () => {
    await page.route('**/api/machines?*cursor=*', (route) => route.abort());
    await openList();
    const alert = page.getByRole('alert').filter({ hasText: 'Some machines could not be read.' });
    await alert.waitFor();
    expect(await count()).toBe('100 machines');
    await page.unroute('**/api/machines?*cursor=*');
    await alert.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(count, soon).toBe('120 machines');
    await alert.waitFor({ state: 'detached' });
  });

  test('moves between its pages without loading the document again', async () => {
    await openList();
    await page.evaluate('window.sameDocument = true');
    await row('node-1').getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: 'node-1' }).waitFor();
    await page.getByRole('link', { name: 'Conflicts' }).click();
    await page.getByText('No open conflicts.').waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'node-1' }).waitFor();
    expect(await page.evaluate('window.sameDocument')).toBe(true);
  });

  test('is dark where the system is, and light where the operator says so', async () => {
    await page.context().close();
    page = await open({ colorScheme: 'dark' });
    await openList();
    const background = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    await page.getByRole('button', { name: 'Theme: system. Change' }).click();
    const light = await background();
    expect(light).not.toBe(dark);
    await page.reload();
    await rows().first().waitFor();
    expect(await background()).toBe(light);
  });

  test.each([360, 780, 781, 1000, 1920])(
    'fits a screen of %i pixels: nothing is wider',
    async (width) => {
      await page.setViewportSize({ width, height: 740 });
      const document = () => page.evaluate<number>('document.documentElement.scrollWidth');
      const list = page.locator('.list');
      await openList();
      expect(await document()).toBe(width);
      expect(await list.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
      await row('node-1').click();
      await page.getByRole('heading', { level: 1, name: 'node-1' }).waitFor();
      expect(await document()).toBe(width);
    },
  );

  test('gives every control and field a name', async () => {
    for (const path of [
      '/',
      '/machines',
      `/machines/${machine(1).id}`,
      '/workflows',
      '/conflicts',
      '/administration',
      '/templates',
      '/templates/new-one',
    ]) {
      await page.goto(server.url + path);
      await page.getByText('Live', { exact: true }).waitFor();
      const nameless = await page
        .locator('button, input, select, a')
        .evaluateAll(
          (all) =>
            all.filter((e) => !e.matches(':where(label *, [aria-label])') && !e.textContent).length,
        );
      expect(nameless).toBe(0);
    }
  });

  test('shows the progress of a workflow that an operator starts', async () => {
    await post('/api/agent/checkin', { mac: machine(1).identity.primary_mac, boot_id: 'a' });
    await server.store.templates.put(template('restart'));
    await post('/api/machines/bulk', { ids: [machine(1).id], os_choice: 'restart' });
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    await page.getByRole('button', { name: 'Provision', exact: true }).click();
    const card = page.getByRole('region', { name: 'Provisioning' });
    await card.getByRole('button', { name: 'Cancel' }).waitFor();
    const [workflow] = (await server.store.workflows.listBy('machine', machine(1).id)).items;
    const events = `/api/workflows/${workflow?.value.metadata.name ?? ''}/events`;
    await post(events, { type: 'started' }, 204);
    await post(events, { type: 'action_started', action: 'reboot' }, 204);
    const progress = { percent: 40, message: 'going down' };
    await post(events, { type: 'action_progress', action: 'reboot', progress }, 204);
    await card.getByText('going down').waitFor();
    await page.locator('.title').getByText('Provisioning').waitFor();
    await post(events, { type: 'action_completed', action: 'reboot', success: true }, 204);
    await post(events, { type: 'completed', success: true }, 204);
    // It has rebooted once another boot is heard.
    await post('/api/agent/checkin', { mac: machine(1).identity.primary_mac, boot_id: 'b' });
    await page.locator('.title').getByText('Provisioned').waitFor();
    const head = card.locator('.workflow-head');
    await expect.poll(() => head.textContent(), soon).toBe('restartdone');
  });

  test('shows the plan of a workflow before it is queued, and what has to be accepted', async () => {
    const overwrite = template('debian');
    const actions: Template['spec']['actions'] = [
      { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
    ];
    await server.store.templates.put({ ...overwrite, spec: { actions } });
    await post('/api/machines/bulk', { ids: [machine(1).id], os_choice: 'debian' });
    await post('/api/agent/checkin', {
      mac: machine(1).identity.primary_mac,
      boot_id: 'a',
      existing_os: { name: 'Rocky Linux 9', device: '/dev/nvme0n1p3' },
    });
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Provision…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Provision node-1' });
    await dialog.getByRole('alert').getByText('holds Rocky Linux 9').waitFor();
    expect(await dialog.getByRole('button', { name: 'Provision' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Overwrite what is on the planned disk').check();
    await dialog.getByText('Lost: Rocky Linux 9').waitFor();
    await dialog.getByText('serial SERIAL1').waitFor();
    await dialog.getByRole('button', { name: 'Overwrite and provision' }).click();
    await page.getByRole('region', { name: 'Provisioning' }).getByText('waiting').first().waitFor();
    const [made] = (await server.store.workflows.listBy('machine', machine(1).id)).items;
    expect(made?.value.spec.plan?.lost).toEqual(['Rocky Linux 9']);
  });

  test('says why a machine cannot be shown, and what a machine was refused', async () => {
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
    await page.goto(`${server.url}/machines/${machine(1).id}`);
    await page.getByRole('button', { name: 'Forget…' }).click();
    await page.keyboard.press('Enter');
    expect(await server.store.machines.get(machine(1).id)).toBeDefined();
    await page.getByRole('button', { name: 'Forget…' }).click();
    await page.getByRole('button', { name: 'Forget', exact: true }).click();
    await expect.poll(count, soon).toBe('119 machines');
    expect(await server.store.machines.get(machine(1).id)).toBeUndefined();
  });

  test('shows its keys on ?, and closes them on Escape', async () => {
    await openList();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys and filters' });
    await help.waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    expect(await filter().inputValue()).toBe('');
  });

  test('holds only the rows in sight in the document, at any place of ten thousand', async () => {
    await seed(server.store, 10_000);
    await openList();
    await expect.poll(count, soon).toBe('10,000 machines');
    await page.locator('.list').focus();
    await page.keyboard.press('End');
    await row('node-10000').waitFor();
    expect(await page.locator('.list').getAttribute('aria-activedescendant')).toBe(
      `row-${machine(10_000).id}`,
    );
    await page.keyboard.press('PageUp');
    await page.locator('.list').evaluate((list) => list.scrollTo(0, list.scrollHeight / 2));
    await row('node-5001').waitFor();
    expect(await rows().count()).toBeLessThan(80);
    await filter().fill('state:error tag:rack-4');
    await expect.poll(count, soon).toBe('1,000 of 10,000 machines');
    await row('node-4').waitFor();
  });

  test('asks for a token, refuses a wrong one, and keeps the right one in the tab', async () => {
    const token = await createToken(server.store, systemClock, {
      name: 'looking',
      scope: 'read',
      expiresAt: null,
    });
    await page.goto(server.url);
    const field = page.getByLabel('Operator token');
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('the token is unknown').waitFor();
    await field.fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('120 machines').waitFor();
    expect(await page.evaluate('localStorage.length + document.cookie.length')).toBe(1);

    await page.goto(`${server.url}/machines/${machine(1).id}`);
    const hostname = page.getByRole('textbox', { name: 'Hostname' });
    await hostname.waitFor();
    expect(await hostname.isEditable()).toBe(false);
    for (const name of ['Save', 'Forget…', 'Mark offline', 'Provision…']) {
      expect([name, await page.getByRole('button', { name }).count()]).toEqual([name, 0]);
    }

    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.waitFor();
    const stranger = await page.context().newPage();
    await stranger.goto(server.url);
    await stranger.getByLabel('Operator token').waitFor();
  });

  const opened = () => ({ page, server });
  overviewTests(opened);
  machineTests(opened);
  workflowTests(opened);
  bulkTests(opened);
  jobTests(opened);
  keyboardTests(opened);
  signInTests(opened);
  auditTests(opened);
  administrationTests(opened);
  webhookTests(opened);
  templateTests(opened);
  axeTests(opened);
});
