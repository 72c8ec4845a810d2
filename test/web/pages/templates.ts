// Tests of the pages of templates.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { Template } from '../../../src/model/documents/template.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { machine } from '../machines.ts';
import { send, soon, template, type Opened } from '../opened.ts';

const image: Template = {
  ...template('debian'),
  spec: {
    actions: [
      { action: 'image2disk', url: 'https://images/debian.raw', checksum: 'ab'.repeat(32) },
    ],
  },
};

export function templateTests(opened: () => Opened): void {
  const field = () => opened().page.getByRole('textbox', { name: 'Template, as YAML' });
  const stored = async (name: string) => (await opened().server.store.templates.get(name))?.value;

  test('a template is written, checked by the server line by line, and saved', async () => {
    const { page, server } = opened();
    await page.goto(`${server.url}/templates`);
    await page.getByText('No template yet.').waitFor();
    await page.getByRole('button', { name: 'New template…' }).click();
    await page.keyboard.type('debian-13');
    await page.keyboard.press('Enter');
    await page.getByText('not saved yet').waitFor();
    const whole = await field().inputValue();
    await field().fill(whole.replace('disk: auto', 'disk: 7'));
    await page.getByRole('button', { name: 'Line 11' }).waitFor();
    await page.getByText('spec.actions[0].disk').waitFor();
    const save = page.getByRole('button', { name: 'Save' });
    expect(await save.isDisabled()).toBe(true);
    expect(await stored('debian-13')).toBeUndefined();
    await field().fill(whole.replace('  actions:', '  actions: ['));
    await page.getByRole('button', { name: /^Line \d+$/ }).waitFor();
    await field().fill(whole);
    await expect.poll(() => save.isEnabled(), soon).toBe(true);
    await save.click();
    await page.getByText('not saved yet').waitFor({ state: 'detached' });
    expect((await stored('debian-13'))?.spec.actions).toHaveLength(3);
    await page.getByRole('link', { name: '← All templates' }).click();
    await page.getByText('image2disk, writefile, reboot').waitFor();
  });

  test('what is saved replaces nothing that somebody else saved meanwhile', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    await page.goto(`${server.url}/templates/restart`);
    const text = await field().inputValue();
    await server.store.templates.put({
      ...template('restart'),
      spec: { timeout: 5, actions: [{ action: 'reboot' }] },
    });
    await field().fill(text.replace('reboot', 'reboot\n      delay: 3'));
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const alert = page.getByRole('alert').filter({ hasText: 'Somebody else changed' });
    await alert.waitFor();
    expect((await stored('restart'))?.spec.timeout).toBe(5);
    expect(await alert.getByRole('deletion').allTextContents()).toEqual(['−   timeout: 5\n']);
    expect(await alert.getByRole('insertion').allTextContents()).toEqual(['+       delay: 3\n']);
    await alert.getByRole('button', { name: 'Save mine over it' }).click();
    await page.getByText('Saved.').waitFor();
    expect((await stored('restart'))?.spec).toEqual({ actions: [{ action: 'reboot', delay: 3 }] });
    await page.getByRole('button', { name: 'Undo the save' }).click();
    await expect.poll(async () => (await stored('restart'))?.spec.timeout, soon).toBe(5);
    await expect.poll(() => field().inputValue(), soon).toContain('timeout: 5');
  });

  test('what is edited when a session ends is there again after the next sign-in', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const tokenFor = (name: string) =>
      createToken(server.store, systemClock, { name, scope: 'full', expiresAt: null });
    const signIn = async (token: string): Promise<void> => {
      await page.getByLabel('Operator token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    const [first, second] = [await tokenFor('first'), await tokenFor('second')];
    await page.goto(`${server.url}/templates/restart`);
    await signIn(first);
    const text = await field().inputValue();
    const edited = `${text}  timeout: 900\n`;
    await field().fill(edited);
    await page.locator('.card.unsaved').waitFor();
    const answer = await fetch(`${server.url}/api/tokens/first`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${second}` },
    });
    expect(answer.status).toBe(204);
    await signIn(second);
    await expect.poll(() => field().inputValue(), soon).toBe(edited);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    expect((await stored('restart'))?.spec.timeout).toBe(900);
    // It is given back once.
    await page.getByRole('link', { name: '← All templates' }).click();
    await page.getByRole('link', { name: 'restart' }).click();
    await expect.poll(() => field().inputValue(), soon).toContain('timeout: 900');
  });

  test('a page with changes that are not saved is left after a question alone', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    await page.goto(`${server.url}/templates`);
    await page.getByRole('link', { name: 'restart' }).click();
    await field().fill('none: [');
    const machines = page.getByRole('link', { name: 'Machines', exact: true });
    await machines.click();
    const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await field().inputValue()).toBe('none: [');
    await page.evaluate('history.back()');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await field().inputValue()).toBe('none: [');
    expect(new URL(page.url()).pathname).toBe('/templates/restart');
    const save = page.getByRole('button', { name: 'Save', exact: true });
    await expect.poll(() => save.isDisabled(), soon).toBe(true);
    // The first leaves the field, and Save cannot have the focus.
    await field().press('Escape');
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'Templates', exact: true }).waitFor();
    await machines.click();
    await page.getByRole('grid').waitFor();
  });

  test('what may follow is completed by the schema, and what changed is shown', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const described = page.waitForResponse('**/api/openapi.json');
    await page.goto(`${server.url}/templates/restart`);
    await described;
    await field().focus();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('    - act');
    const option = (name: string | RegExp) => page.getByRole('option', { name });
    await option(/^action:/).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('wr');
    await option('writefile needs path').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.keyboard.type('\n      pa');
    await option(/^path:/).waitFor();
    await page.keyboard.press('Escape');
    await option(/^path:/).waitFor({ state: 'detached' });
    await page.keyboard.press('Control+Space');
    await option(/^path:/).click();
    await page.keyboard.type('/a\n      content: "{{ host');
    await option('hostname }}').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('"\n');
    await page.getByText('Changes to the stored template').click();
    const lines = page.getByRole('group', { name: 'Changes' }).getByRole('insertion');
    await expect.poll(() => lines.count(), soon).toBe(3);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Saved.').waitFor();
    expect((await stored('restart'))?.spec.actions[1]).toEqual({
      action: 'writefile',
      path: '/a',
      content: '{{ hostname }}',
    });
  });

  test('a new template starts from any that comes with the package', async () => {
    const { page, server } = opened();
    const names = readdirSync('templates').map((file) => file.replace('.yaml', ''));
    await page.goto(`${server.url}/templates`);
    await page.getByRole('button', { name: 'New template…' }).click();
    expect((await page.getByRole('dialog').boundingBox())?.width).toBeLessThan(500);
    await page.keyboard.type('mine');
    const choice = page.getByLabel('Start from');
    const offered = await choice.getByRole('option').allTextContents();
    expect(offered.slice(1).map((text) => text.split(':', 1)[0])).toEqual(names.toSorted());
    await choice.selectOption('hello');
    await page.getByRole('button', { name: 'Write it' }).click();
    const save = page.getByRole('button', { name: 'Save', exact: true });
    await expect.poll(() => save.isEnabled(), soon).toBe(true);
    await save.click();
    await page.getByText('not saved yet').waitFor({ state: 'detached' });
    expect((await stored('mine'))?.spec.actions[0]).toMatchObject({ path: '/hello.txt' });
  });

  test('a dry run shows the plan of what is typed for a machine, and stores nothing', async () => {
    const { page, server } = opened();
    await server.store.templates.put(image);
    await server.store.settings.put({ key: 'template.default_password', value: 'hunter2' });
    const hello = { mac: machine(4).identity.primary_mac, boot_id: 'a' };
    await send(opened(), 'POST', '/api/agent/checkin', hello);
    await page.goto(`${server.url}/templates/debian`);
    const text = await field().inputValue();
    const more =
      '    - action: writefile\n      path: /a\n      content: "{{ default_password }}"\n';
    await field().fill(text + more);
    await page.getByLabel('Machine', { exact: true }).fill('node-4');
    await page.keyboard.press('Enter');
    const outcome = page.getByRole('region', { name: 'Outcome' });
    await outcome
      .getByText(/\/dev\/nvme0n1 .*SERIAL4/)
      .first()
      .waitFor();
    await outcome.locator('summary').click();
    await outcome.getByText('path: /a').waitFor();
    expect(await outcome.textContent()).not.toContain('hunter2');
    expect((await stored('debian'))?.spec.actions).toHaveLength(1);
    await field().fill(text);
    await outcome.getByText('The text was changed since.').waitFor();
    await page.getByLabel('Machine', { exact: true }).fill('node-999');
    await page.keyboard.press('Enter');
    await page.getByText('There is no machine node-999.').waitFor();
  });

  test('a template that is used is deleted only where that is accepted', async () => {
    const { page, server } = opened();
    await server.store.templates.put(template('restart'));
    const two = machine(2);
    await server.store.machines.put({ ...two, config: { ...two.config, os_choice: 'restart' } });
    await page.goto(`${server.url}/templates`);
    await page.getByRole('link', { name: '1 machine', exact: true }).waitFor();
    await page.getByRole('link', { name: 'restart' }).click();
    await page.getByRole('button', { name: 'Delete…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete the template restart?' });
    await dialog.getByText('1 machine has it: node-2').waitFor();
    const remove = dialog.getByRole('button', { name: 'Delete' });
    expect(await remove.isDisabled()).toBe(true);
    await dialog.getByLabel('Delete it although it is used').check();
    await remove.click();
    await page.getByText('No template yet.').waitFor();
    expect(await stored('restart')).toBeUndefined();
  });
}
