// Tests of the page of administration.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { soon, type Opened } from '../opened.ts';

export function administrationTests(opened: () => Opened): void {
  const names = async (): Promise<string[]> =>
    (await opened().server.store.tokens.list()).items.map(({ value }) => value.name);

  async function signIn(scope: 'read' | 'full'): Promise<void> {
    const { page, server } = opened();
    const options = { name: `${scope}er`, scope, expiresAt: null };
    const token = await createToken(server.store, systemClock, options);
    await page.goto(`${server.url}/administration`);
    await page.getByLabel('Operator token').fill(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Administration' }).waitFor();
  }

  test('a token is created with tags and an end, shown once, and revoked when asked twice', async () => {
    const { page, server } = opened();
    await signIn('full');
    await page.getByText('do everything').waitFor();
    await page.getByRole('button', { name: 'Create token…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Create a token' });
    await page.keyboard.type('rack 4');
    await dialog.getByLabel('Scope').selectOption('operate');
    await dialog.getByLabel('Only for machines tagged').fill('rack-4, "left side"');
    await dialog.getByLabel('Expires').selectOption('90 days');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('alert').getByText('name').waitFor();
    await dialog.getByLabel('Name').fill('rack-4');
    await page.keyboard.press('Enter');
    const made = page.getByRole('dialog', { name: 'Token rack-4' });
    const text = (await made.getByLabel('The token').textContent()) ?? '';
    await made.getByRole('button', { name: 'Done' }).click();
    const asked = await fetch(`${server.url}/api/whoami`, {
      headers: { authorization: `Bearer ${text}` },
    });
    expect(await asked.json()).toMatchObject({ scope: 'operate', tags: ['rack-4', 'left side'] });
    const stored = (await server.store.tokens.get('rack-4'))?.value;
    const lasts = Date.parse(stored?.expires_at ?? '') - Date.parse(stored?.created_at ?? '');
    expect(Math.abs(lasts - 90 * 86_400_000)).toBeLessThan(60_000);
    expect(await page.getByText(text).count()).toBe(0);

    await page.getByRole('button', { name: 'Revoke rack-4' }).click();
    await page.keyboard.press('Enter');
    expect(await names()).toContain('rack-4');
    await page.getByRole('button', { name: 'Revoke rack-4' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('button', { name: 'Revoke rack-4' }).waitFor({ state: 'detached' });
    expect(await names()).toEqual(['fuller']);
    await page.getByRole('button', { name: 'Revoke fuller' }).click();
    await page.getByText('you are signed out').waitFor();
    await page.getByText('No other token may create tokens').waitFor();
  });

  test('a setting is set with its meaning, a secret stays hidden, and a wrong value is refused', async () => {
    const { page, server } = opened();
    const value = async (key: string) => (await server.store.settings.get(key))?.value.value;
    await server.store.settings.put({ key: 'template.default_password', value: 'hunter2' });
    await page.goto(`${server.url}/administration`);
    const card = page.getByRole('region', { name: 'Settings' });
    await card.getByText('a secret', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Set…', exact: true }).click();
    await page.keyboard.type('boot.loader');
    const dialog = page.getByRole('dialog', { name: 'Set a setting' });
    await dialog.getByRole('paragraph').filter({ hasText: 'ipxe, shim or unified' }).waitFor();
    await dialog.getByLabel('Value').fill('grub');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await dialog.getByRole('alert').getByText('boot.loader').waitFor();
    await dialog.getByLabel('Value').fill('shim');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await card.getByRole('cell', { name: 'shim', exact: true }).waitFor();
    expect(await value('boot.loader')).toBe('shim');
    await card.getByRole('button', { name: 'Set boot.loader' }).click();
    await page.getByRole('dialog', { name: 'Set boot.loader' }).waitFor();
    await server.store.settings.put({ key: 'boot.loader', value: 'ipxe' });
    await page.getByLabel('Value').fill('unified');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').getByText('changed').waitFor();
    expect(await value('boot.loader')).toBe('ipxe');
    await page.keyboard.press('Escape');
    await server.store.settings.put({ key: 'boot.loader', value: 'shim' });
    await card.getByRole('button', { name: 'Set template.default_password' }).click();
    await page.getByRole('dialog', { name: 'Set template.default_password' }).waitFor();
    expect(await page.getByLabel('Value').inputValue()).toBe('');
    const set = page.getByRole('button', { name: 'Set', exact: true });
    expect(await set.isDisabled()).toBe(true);
    await page.getByLabel('Value').fill('correct horse');
    await set.click();
    await expect.poll(() => value('template.default_password'), soon).toBe('correct horse');
    await card.getByRole('button', { name: 'Remove boot.loader' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await card.getByRole('cell', { name: 'shim', exact: true }).waitFor({ state: 'detached' });
    expect(await value('boot.loader')).toBeUndefined();
  });

  test('the first token is of scope full, is shown, and is the one that the page goes on with', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/administration`);
    await page.getByText('anybody on this host may do everything').waitFor();
    await page.getByRole('button', { name: 'Create token…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Create a token' });
    expect(await dialog.getByLabel('Scope').inputValue()).toBe('full');
    expect(await dialog.getByLabel('Scope').isDisabled()).toBe(true);
    await dialog.getByLabel('Name').fill('ops');
    await page.keyboard.press('Enter');
    const made = page.getByRole('dialog', { name: 'Token ops' });
    await made.getByText(/^dfo_/).waitFor();
    await made.getByRole('button', { name: 'Done' }).click();
    await page.getByText('ops (this one)').waitFor();
    expect((await fetch(`${server.url}/api/machines`)).status).toBe(401);
  });

  test('a backup is saved, a check names the records that cannot be read, and the server says how it is', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/administration`);
    await page.getByText('ready', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Check all records' }).click();
    await page.getByText('Every record can be read.').waitFor();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download a backup' }).click();
    const download = await saved;
    expect(download.suggestedFilename()).toMatch(/^dragonfly-[-\d]+\.backup$/);
    const lines = readFileSync(await download.path(), 'utf8')
      .trim()
      .split('\n');
    expect(lines.filter((line) => line.includes('"machines"')).length).toBeGreaterThanOrEqual(120);
    await page.route('**/api/whoami', (route) => route.abort());
    await page.getByRole('button', { name: 'Download a backup' }).click();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.unroute('**/api/whoami');
    await page.route('**/api/ready', (route) => route.abort());
    await page.reload();
    await page.getByText('The server cannot be reached.').waitFor();
    expect(await page.getByText('ready', { exact: true }).count()).toBe(0);
    expect(server.port).toBeGreaterThan(0);
  });

  test('with a token for the tab a backup goes into a chosen file as it comes, or nothing does', async () => {
    const { page } = opened();
    // The dialog of the system is none of the page's; the file is a real one.
    await page.addInitScript(`
      window.showSaveFilePicker = async ({ suggestedName }) => {
        if (window.isRefused) throw new DOMException('', 'AbortError');
        const folder = await navigator.storage.getDirectory();
        return folder.getFileHandle(suggestedName, { create: true });
      };
      window.savedText = async () => {
        const folder = await navigator.storage.getDirectory();
        for await (const file of folder.values()) return (await file.getFile()).text();
      };
    `);
    await signIn('full');
    const save = page.getByRole('button', { name: 'Download a backup' });
    await page.evaluate('window.isRefused = true');
    await save.click();
    await page.evaluate('window.isRefused = false');
    expect(await page.evaluate('window.savedText()')).toBeUndefined();
    await save.click();
    await page.getByText('The backup is saved.').waitFor();
    const text = await page.evaluate<string>('window.savedText()');
    expect(text.split('\n').filter((line) => line.includes('"machines"')).length).toBe(120);
    await page.route('**/api/backup', (route) => route.abort());
    await save.click();
    await page.getByText('The server cannot be reached.').waitFor();
    expect(await page.evaluate<string>('window.savedText()')).toBe(text);
  });

  test('a token that may look alone sees who it is and the server, and nothing to change', async () => {
    const { page } = opened();
    await signIn('read');
    await page.getByRole('region', { name: 'You' }).getByText('look').waitFor();
    await expect.poll(() => page.getByRole('region').count(), soon).toBe(4);
    expect(await page.getByRole('button', { name: /token|Check|Set/ }).count()).toBe(0);
  });
}
