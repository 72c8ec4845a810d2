// The rules of axe, on every page and dialog, in light and dark.
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Webhook } from '../../../src/model/documents/webhook.ts';
import { machine } from '../machines.ts';
import { conflict, template, workflow, type Opened } from '../opened.ts';

const pages = [
  '/',
  '/machines',
  '/machines?q=seral:x',
  `/machines/${machine(1).id}`,
  '/workflows',
  '/conflicts',
  '/audit',
  '/administration',
  '/templates',
  '/templates/new-one',
  '/no/such/page',
];

const webhook: Webhook = {
  name: 'inventory',
  url: 'https://hooks.example/',
  events: null,
  enabled: false,
  secret: '',
  old_secret: null,
  created_at: '2026-11-24T00:00:00.000Z',
  failing: { since: '2026-11-24T00:00:00.000Z', error: 'the receiver answered 503' },
  overflowed_at: '2026-11-24T00:00:00.000Z',
  lost: { count: 2, at: '2026-11-24T00:00:00.000Z' },
};

/** The whole of a page in one theme, in the other what depends on it. */
const themes = [
  ['light', { resultTypes: ['violations'] }],
  ['dark', { resultTypes: ['violations'], runOnly: ['color-contrast'] }],
] as const;

async function expectNoFault(page: Page, place: string): Promise<void> {
  await page.evaluate(axe.source);
  for (const [colorScheme, options] of themes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const faults = await page.evaluate<string[]>(
      `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)))`,
    );
    expect([place, colorScheme, ...faults]).toEqual([place, colorScheme]);
  }
}

export function axeTests(opened: () => Opened): void {
  test(
    'axe finds no fault, be it light or dark',
    // Many times all that is on a page.
    { timeout: 120_000 },
    async () => {
      const { page, server } = opened();
      await server.store.workflows.put(workflow(1, 1, { state: 'STATE_RUNNING', progress: 40 }));
      await server.store.workflows.put(workflow(1, 2, { state: 'STATE_FAILED', error: 'no disk' }));
      await server.store.conflicts.put(conflict);
      await server.store.webhooks.put(webhook);
      await server.store.templates.put(template('restart'));
      const keys = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ somebody\n'.repeat(5);
      await server.store.settings.put({ key: 'template.ssh_authorized_keys', value: keys });
      for (const path of pages) {
        await page.goto(server.url + path);
        await page.getByText('Live', { exact: true }).waitFor();
        await page
          .getByText(/Asking the server|Reading/)
          .first()
          .waitFor({ state: 'detached' });
        await expectNoFault(page, path);
      }
      await page.goto(`${server.url}/machines`);
      await page.locator('.list .row').first().waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
      await expectNoFault(page, 'help');
      await page.keyboard.press('Escape');
      await page.keyboard.press('/');
      await page.keyboard.type('ta');
      await page.getByRole('option').first().waitFor();
      await expectNoFault(page, 'suggestions');
      await page.goto(`${server.url}/templates/restart`);
      const text = page.getByRole('textbox', { name: 'Template, as YAML' });
      await text.fill((await text.inputValue()).replace('reboot', 'kexec'));
      await page.getByText('Changes to the stored template').click();
      await page.getByRole('deletion').first().waitFor();
      await text.press('Control+End');
      await page.keyboard.type('    - act');
      await page.getByRole('option').first().waitFor();
      await expectNoFault(page, 'a difference and completion');
    },
  );
}
