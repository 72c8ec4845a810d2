// The parts of the page's tests that the tests of single pages share: they run in page.test.ts, with its browser
// and its server.
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { IdentityConflict } from '../../src/model/history.ts';
import type { Workflow } from '../../src/model/documents/workflow.ts';
import type { Served } from './browser.ts';
import { machine } from './machines.ts';

export { template } from '../store/documents.ts';

export interface Opened {
  readonly page: Page;
  /** With 120 machines in its store. */
  readonly server: Served;
}

/** As long as a busy computer may need. */
export const soon = { timeout: 20_000 };

/** A tab of a browser that knows nobody. */
export async function strangersPage(page: Page): Promise<Page> {
  const context = await page.context().browser()?.newContext();
  if (context === undefined) throw new Error('the page has no browser');
  const opened = await context.newPage();
  opened.setDefaultTimeout(soon.timeout);
  return opened;
}

/** The disk of a seeded machine, by which it is known, and a smaller one. */
export function disksOf(number: number, serial: string): object[] {
  return [
    { name: 'sda', size_bytes: 5e11, model: 'SSD', serial, contents: [] },
    {
      name: 'nvme0n1',
      size_bytes: 1_920_383_410_176,
      model: 'NVMe disk',
      serial: `SERIAL${String(number)}`,
      contents: [],
    },
  ];
}

type Status = NonNullable<Workflow['status']>;

/** A workflow of a machine that was made some hours ago. */
export function workflow(number: number, hoursAgo: number, status: Status): Workflow {
  const madeMs = Date.now() - hoursAgo * 3_600_000;
  const hex = Math.floor(madeMs).toString(16).padStart(12, '0');
  return {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Workflow',
    metadata: {
      name: `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(number).padStart(12, '0')}`,
    },
    spec: { hardwareRef: machine(number).id, templateRef: 'restart' },
    status: { startedAt: new Date(madeMs).toISOString(), ...status },
  };
}

export async function expectCount(page: Page, text: string): Promise<void> {
  await expect.poll(() => page.locator('.count').textContent(), soon).toBe(text);
}

/** Sends JSON and gives the status of the answer; again, as agents do, where the server of a busy computer is overloaded. */
async function sent(url: string, method: string, body: unknown): Promise<number> {
  for (;;) {
    const { status } = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (status !== 503) return status;
    await pause(100);
  }
}

/** Sends JSON as an agent or a script does. */
export async function send(
  { server }: Opened,
  method: string,
  path: string,
  body: unknown,
): Promise<void> {
  const status = await sent(server.url + path, method, body);
  expect([path, status]).toEqual([path, expect.toBeOneOf([200, 201, 202, 204])]);
}

/** Machine 2, which may be machine 1. */
export const conflict: IdentityConflict = {
  id: '01930000-0000-7000-9000-000000000001',
  machine_id: machine(2).id,
  reason: 'ambiguous',
  candidates: [{ machine_id: machine(1).id, evidence: ['the SMBIOS UUID is the same'] }],
  created_at: '2026-11-24T00:00:00.000Z',
  resolution: null,
};

/** The list of machines. */
export function listOf(opened: () => Opened) {
  const rows = () => opened().page.locator('.list .row');
  return {
    rows,
    row: (name: string) =>
      rows().filter({ has: opened().page.getByRole('link', { name, exact: true }) }),
    filter: () => opened().page.getByRole('combobox', { name: 'Filter machines' }),
    count: () => opened().page.locator('.count').textContent(),
    openList: async (path = '/machines'): Promise<void> => {
      const { page, server } = opened();
      await page.goto(server.url + path);
      await rows().first().waitFor();
    },
  };
}

/** Posts as an agent or a script does, and expects the status. */
export async function post(
  { server }: Opened,
  path: string,
  body: object,
  status = 200,
): Promise<void> {
  expect(await sent(server.url + path, 'POST', body)).toBe(status);
}
