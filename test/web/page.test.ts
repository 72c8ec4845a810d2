// The page as operators use it, in a real Chromium with a real server and store.
import { existsSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createToken } from '../../src/server/access/tokens.ts';
import { describeScreen, hasChromium, launchForTests, serve, type Served } from './browser.ts';
import { machine, seed } from './machines.ts';
import { conflict, listOf, soon, strangersPage } from './opened.ts';
import { auditTests } from './pages/audit.ts';
import { administrationTests } from './pages/administration.ts';
import { axeTests } from './pages/axe.ts';
import { bulkTests } from './pages/bulk.ts';
import { jobTests } from './pages/jobs.ts';
import { keyboardTests } from './pages/keyboard.ts';
import { listTests } from './pages/list.ts';
import { machineFormTests } from './pages/machine-form.ts';
import { machineTests } from './pages/machine.ts';
import { overviewTests } from './pages/overview.ts';
import { signInTests } from './pages/sign-in.ts';
import { templateTests } from './pages/templates.ts';
import { webhookTests } from './pages/webhooks.ts';
import { workflowTests } from './pages/workflows.ts';

// Beside other tests one that takes 2 seconds alone has taken 13.
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(!hasChromium)('the page (needs chromium)', () => {
  let browser: Browser;
  /** All tests share it. Their servers have ports of their own, so they share no storage but cookies. */
  let context: BrowserContext;
  /** Keeps the process of the tabs before and after it. */
  let keeper: Page | undefined;
  let server: Served;
  let page: Page;
  /** The complaints of the browser; each test ends with none. */
  let complaints: string[];

  beforeAll(async () => {
    if (!existsSync('dist/web/index.html')) throw new Error('build the page first: npm run build');
    browser = await launchForTests();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    server = await serve();
    await seed(server.store, 120);
    if (keeper === undefined) {
      keeper = await context.newPage();
      await keeper.goto(`${server.url}/api/health`);
    }
    page = await open();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') complaints.push(await describeScreen(page));
    if (page.context() !== context) await page.context().close();
    for (const tab of context.pages()) if (tab !== keeper) await tab.close();
    await context.clearCookies();
    await server.close();
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
  });

  const opened = () => ({ page, server });
  const { rows, row, filter, count, openList } = listOf(opened);

  async function open(): Promise<Page> {
    const tab = await context.newPage();
    tab.setDefaultTimeout(soon.timeout);
    complaints = [];
    tab.on('pageerror', (err) => complaints.push(err.message));
    tab.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    tab.on('request', (request) => {
      if (!request.url().startsWith(server.url)) complaints.push(`loads ${request.url()}`);
    });
    return tab;
  }

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
    // A clock is that of all tabs of its context.
    page = await strangersPage(page);
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
    await page.emulateMedia({ colorScheme: 'dark' });
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

  test('fits screens of any width: nothing is wider', async () => {
    const widths = [360, 780, 781, 1000, 1920];
    const document = () => page.evaluate<number>('document.documentElement.scrollWidth');
    const list = page.locator('.list');
    await openList();
    for (const width of widths) {
      await page.setViewportSize({ width, height: 740 });
      expect(await document()).toBe(width);
      expect(await list.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
    }
    await row('node-1').click();
    await page.getByRole('heading', { level: 1, name: 'node-1' }).waitFor();
    for (const width of widths) {
      await page.setViewportSize({ width, height: 740 });
      expect(await document()).toBe(width);
    }
  });

  test('shows its keys on ?, and closes them on Escape', async () => {
    await openList();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys and filters' });
    // It is longer than the screen, and its only button is at its end.
    await expect.poll(() => help.evaluate((e) => e.scrollTop), soon).toBe(0);
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    expect(await filter().inputValue()).toBe('');
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

  overviewTests(opened);
  listTests(opened);
  machineTests(opened);
  machineFormTests(opened);
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
