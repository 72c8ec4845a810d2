// A day without a mouse: the focus is somewhere to be seen, and near where it was, whatever goes away.
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { machine } from '../machines.ts';
import { conflict, soon, template, type Opened } from '../opened.ts';

/** The element that has the focus, by its role or its tag and its name. */
const focused = `(() => {
  const { activeElement: e } = document;
  const name = e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent;
  const isSeen = e.matches(':focus-visible') && getComputedStyle(e).outlineStyle !== 'none';
  return e.localName + ' ' + name.trim() + (isSeen ? '' : ', which nobody sees');
})()`;

export function keyboardTests(opened: () => Opened): void {
  const focus = (): Promise<string> => opened().page.evaluate<string>(focused);
  const expectFocus = (wanted: string): Promise<void> => expect.poll(focus, soon).toBe(wanted);

  /** Presses Tab until something has the focus. */
  async function tabTo(wanted: string): Promise<void> {
    for (let i = 0; i < 60 && (await focus()) !== wanted; i += 1) {
      await opened().page.keyboard.press('Tab');
    }
    expect(await focus()).toBe(wanted);
  }

  async function press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await opened().page.keyboard.press(key);
  }

  async function signIn(path: string): Promise<void> {
    const { page, server } = opened();
    const options = { scope: 'full', expiresAt: null } as const;
    const token = await createToken(server.store, systemClock, { name: 'kim', ...options });
    await createToken(server.store, systemClock, { name: 'ops', ...options });
    await page.goto(server.url + path);
    await page.getByLabel('Operator token').waitFor();
    await page.keyboard.type(token);
    await press('Enter');
  }

  test('the focus goes on to what is there, where a page, a row, a dialog or a button goes away', async () => {
    const { page, server } = opened();
    await server.store.conflicts.put(conflict);
    await signIn('/administration');
    await expectFocus('h1 Administration');
    await page.getByRole('button', { name: 'Revoke kim' }).waitFor();
    await tabTo('button Revoke ops');
    await press('Enter');
    await expectFocus('button Cancel');
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expectFocus('button Revoke ops');
    await press('Enter');
    await expectFocus('button Cancel');
    await press('Tab', 'Enter');
    await page.getByRole('button', { name: 'Revoke ops' }).waitFor({ state: 'detached' });
    await expect.poll(focus, soon).not.toMatch(/^body|nobody sees/);
    await page.evaluate('document.querySelector("a[href=\\"/conflicts\\"]").focus()');
    await press('Enter');
    await page.getByRole('heading', { name: 'Open conflicts' }).waitFor();
    await tabTo('button Separate machine node-2');
    await press('Enter');
    await page.getByText('node-2 is a machine of its own.').waitFor();
    await expect.poll(focus, soon).not.toMatch(/^body|nobody sees/);
    await tabTo('button Undo');
    await press('Enter');
    await expectFocus('h1 Open conflicts');
  });

  test('keys go to the list that is looked at, and Escape to the changes that are not saved', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    await page.goto(`${server.url}/machines`);
    await page.locator('.list .row').first().waitFor();
    await tabTo('summary Columns');
    await press('Enter');
    const state = page.getByRole('checkbox', { name: 'State' });
    await state.waitFor();
    await press('Tab');
    await expectFocus('input State');
    await press('Escape');
    await state.waitFor({ state: 'hidden' });
    await expectFocus('summary Columns');
    await tabTo('a Machines');
    await press('Enter', 'j', 'x', 'a');
    await page.getByRole('option', { name: 'restart' }).waitFor({ state: 'attached' });
    await press('r', 'Enter');
    await page.getByText('1 machine changed.').waitFor();
    await expectFocus('div Machines');
    await press('Enter');
    await expectFocus('h1 node-1');
    await tabTo('input Hostname');
    await press('End', 'x', 'Escape', 'Escape');
    await expectFocus('button Save');
    await press('Enter');
    await page.getByText('Saved.').waitFor();
    await expect.poll(focus, soon).toMatch(/^form /);
    await press('Escape');
    await expectFocus('div Machines');
    // Past the last of all is the browser itself, and no change on the page takes anybody back.
    const tag = (): Promise<string> => page.evaluate<string>('document.activeElement.localName');
    for (let i = 0; i < 60 && (await tag()) !== 'body'; i += 1) await press('Tab');
    await server.store.machines.delete(machine(2).id);
    await page.getByText('119 machines').waitFor();
    expect(await tag()).toBe('body');
  });
}
