// Tests of signing in, with a token and with an OpenID provider.
import { expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { startProvider } from '../../server/access/oidc/provider.ts';
import { serve } from '../browser.ts';
import { machine } from '../machines.ts';
import { soon, strangersPage, type Opened } from '../opened.ts';

export function signInTests(opened: () => Opened): void {
  test('somebody signs in with the provider, comes back to where they were, and signs out', async () => {
    // Another name than the server's: for the browser it is elsewhere.
    const provider = await startProvider({ host: 'localhost' });
    const server = await serve({ store: opened().server.store, oidc: provider.options() });
    const page = await strangersPage(opened().page);
    try {
      provider.who = undefined;
      await page.goto(`${server.url}/machines?q=node-7`);
      await page.getByRole('link', { name: 'Sign in with Example' }).click();
      await page.getByRole('alert').getByText('You were not let in').waitFor();
      provider.who = 'alice';
      await page.goto(`${server.url}/machines?q=node-7`);
      await page.getByRole('link', { name: 'Sign in with Example' }).click();
      await page.getByRole('link', { name: 'node-7', exact: true }).waitFor();
      expect(page.url()).toBe(`${server.url}/machines?q=node-7`);
      const out = page.getByRole('button', { name: 'Sign out' });
      expect(await out.getAttribute('title')).toBe('alice@example.com (oidc alice)');
      expect(await page.evaluate('document.cookie')).toBe('');
      await page.reload();
      await out.click();
      await page.getByRole('link', { name: 'Sign in with Example' }).waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'Sign in with Example' }).waitFor();
    } finally {
      await page.context().close();
      await server.close();
    }
  });

  test('a token signs in for some days if that is chosen, and out again everywhere', async () => {
    const server = await serve({ store: opened().server.store });
    const options = { name: 'ops', scope: 'read', expiresAt: null } as const;
    const token = await createToken(server.store, systemClock, options);
    const page = await strangersPage(opened().page);
    try {
      await page.goto(`${server.url}/administration`);
      await page.getByLabel('Operator token').fill(token);
      await page.getByLabel('Keep me signed in on this computer').check();
      await page.getByLabel('For').selectOption('7 days');
      await page.getByRole('button', { name: 'Sign in' }).click();
      const card = page.getByRole('region', { name: 'Sessions' });
      await card.getByText('(this browser)').waitFor();
      expect(
        await page.evaluate(
          'document.cookie + JSON.stringify({ ...sessionStorage, ...localStorage })',
        ),
      ).not.toContain('df');
      await page.reload();
      await card.getByRole('cell', { name: 'Chrome on Linux' }).waitFor();
      const tab = await page.context().newPage();
      await tab.goto(`${server.url}/machines?q=node-7`);
      await tab.getByRole('link', { name: 'node-7', exact: true }).waitFor({ timeout: 20_000 });
      await card.getByRole('button', { name: 'Sign out everywhere…' }).click();
      await page.getByText('This browser is signed out as well.').waitFor();
      await page.getByRole('button', { name: 'Sign out everywhere', exact: true }).click();
      await page.getByLabel('Operator token').waitFor();
      await tab.reload();
      await tab.getByLabel('Operator token').waitFor();
    } finally {
      await page.context().close();
      await server.close();
    }
  });

  test('settings that are edited when a session ends are there again after the next sign-in', async () => {
    const provider = await startProvider({ host: 'localhost' });
    // It looks soon at whether the sessions of its streams go on.
    const sleep: Clock['sleep'] = (ms, signal) => systemClock.sleep(Math.min(ms, 250), signal);
    const clock = { ...systemClock, sleep };
    const server = await serve({ clock, store: opened().server.store, oidc: provider.options() });
    const options = { name: 'ops', scope: 'full', expiresAt: null } as const;
    const token = await createToken(server.store, systemClock, options);
    const headers = { authorization: `Bearer ${token}` };
    const endSessions = async (): Promise<void> => {
      const { sessions } = Object(
        await (await fetch(`${server.url}/api/sessions`, { headers })).json(),
      );
      for (const { id } of sessions) {
        await fetch(`${server.url}/api/sessions/${id}`, { method: 'DELETE', headers });
      }
    };
    const page = await strangersPage(opened().page);
    const signIn = page.getByRole('link', { name: 'Sign in with Example' });
    try {
      await page.goto(`${server.url}/machines/${machine(1).id}`);
      await signIn.click();
      const tags = page.getByRole('textbox', { name: 'Tags' });
      await tags.fill('typed');
      await endSessions();
      await signIn.click();
      await expect.poll(() => tags.inputValue(), soon).toBe('typed');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByText('Saved.').waitFor();

      await page.getByRole('link', { name: 'Administration' }).click();
      const open = page.getByRole('button', { name: 'Set…', exact: true });
      const dialog = page.getByRole('dialog', { name: 'Set a setting' });
      for (const [key, kept] of [
        ['rack.note', 'typed'],
        ['rack.password', ''],
      ] as const) {
        await open.click();
        await dialog.getByLabel('Key').fill(key);
        await dialog.getByLabel('Value').fill('typed');
        await endSessions();
        await signIn.click();
        await expect.poll(() => dialog.getByLabel('Key').inputValue(), soon).toBe(key);
        expect(await dialog.getByLabel('Value').inputValue()).toBe(kept);
        await dialog.getByRole('button', { name: 'Cancel' }).click();
      }
      // Nor is a secret kept that is stored already.
      await fetch(`${server.url}/api/settings/rack.token`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ value: 'stored secret' }),
      });
      await page.reload();
      await page.getByRole('button', { name: 'Set rack.token' }).click();
      await page.getByRole('dialog', { name: 'Set rack.token' }).waitFor();
      await endSessions();
      await signIn.waitFor();
      const drafts = await page.evaluate(() => JSON.stringify(sessionStorage));
      expect(drafts).toContain('rack.token');
      expect(drafts).not.toContain('stored secret');
      await signIn.click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      // It is given back once.
      await open.click();
      expect(await dialog.getByLabel('Key').inputValue()).toBe('');
    } finally {
      await page.context().close();
      await server.close();
    }
  });

  test('without a provider only a token is asked for', async () => {
    const server = await serve({ auth: { required: true } });
    const page = await strangersPage(opened().page);
    try {
      const asked = page.waitForResponse(`${server.url}/api/sign-in`);
      await page.goto(server.url);
      await asked;
      await page.getByLabel('Operator token').waitFor();
      expect(await page.getByRole('link').count()).toBe(0);
    } finally {
      await page.context().close();
      await server.close();
    }
  });
}
