// Tests of the webhooks on the page of administration, whose posts a real receiver gets.
import { expect, test } from 'vitest';
import { answerWith, TestReceiver, verify } from '../../webhooks/receiver.ts';
import { serve } from '../browser.ts';
import { soon, strangersPage, type Opened } from '../opened.ts';

/** An event is given up after its first try. */
const hasty = {
  networks: '127.0.0.1',
  policy: { tries: 1, retry: { baseMs: 0, capMs: 0 }, pause: { baseMs: 0, capMs: 0 } },
};

export function webhookTests(opened: () => Opened): void {
  test('a webhook is made, its secret shown once, and what was given up is sent again', async () => {
    const receiver = await TestReceiver.start();
    const server = await serve({ webhooks: hasty });
    const page = await strangersPage(opened().page);
    const stored = async () => (await server.store.webhooks.get('inventory'))?.value;
    try {
      await page.goto(`${server.url}/administration`);
      const card = page.getByRole('region', { name: 'Webhooks' });
      await card.getByText('None.').waitFor();
      await card.getByRole('button', { name: 'Create webhook…' }).click();
      const dialog = page.getByRole('dialog', { name: 'Create a webhook' });
      await page.keyboard.type('inventory');
      await dialog.getByLabel('Address').fill('http://10.0.0.1/');
      await dialog.getByLabel('template.changed').check();
      await page.keyboard.press('Enter');
      await dialog.getByRole('alert').getByText('10.0.0.1').waitFor();
      await dialog.getByLabel('Address').fill(receiver.url());
      await page.keyboard.press('Enter');
      const shown = page.getByRole('dialog', { name: 'Secret of inventory' });
      const secret = (await shown.getByLabel('The secret').textContent()) ?? '';
      await shown.getByRole('button', { name: 'Done' }).click();
      expect((await stored())?.events).toEqual(['template.changed']);
      expect(await page.getByText(secret).count()).toBe(0);

      receiver.answer = answerWith(500);
      await card.getByRole('button', { name: 'Test inventory' }).click();
      const item = card.getByRole('listitem', { name: 'inventory' });
      await expect.poll(() => receiver.posts.length, soon).toBe(1);
      await expect.poll(async () => (await stored())?.failing, soon).not.toBeNull();
      await page.reload();
      await item.getByText('failing', { exact: true }).waitFor();
      await item.getByText(/^No post has arrived since .*500/).waitFor();
      await item.getByText('Given up').click();
      await item.getByRole('cell', { name: 'webhook.test', exact: true }).waitFor();
      receiver.answer = answerWith(204);
      await item.getByRole('cell').getByRole('button', { name: 'Send again' }).click();
      await item.getByText('Nothing was given up.').waitFor();
      await expect.poll(() => receiver.posts.length, soon).toBe(2);
      for (const post of receiver.posts) verify(secret, post);

      const kept = await stored();
      if (kept === undefined) throw new Error('the webhook is gone');
      const lost = { count: 2, at: '2026-11-24T00:00:00.000Z' };
      await server.store.webhooks.put({ ...kept, lost });
      await page.reload();
      await item.getByText('2 events could not be kept').waitFor();
      await item.getByRole('button', { name: 'Disable inventory' }).click();
      await item.getByText('disabled', { exact: true }).waitFor();
      expect((await stored())?.enabled).toBe(false);
      await item.getByRole('button', { name: 'Change… inventory' }).click();
      await page.getByRole('dialog').getByLabel('template.changed').uncheck();
      await page.getByRole('button', { name: 'Save' }).click();
      await item.getByText('gets all events').waitFor();
      await item.getByRole('button', { name: 'New secret… inventory' }).click();
      await page.getByRole('button', { name: 'Make a new secret', exact: true }).click();
      const renewed = await shown.getByLabel('The secret').textContent();
      expect(renewed).not.toBe(secret);
      await page.keyboard.press('Enter');
      await item.getByRole('button', { name: 'Delete… inventory' }).click();
      await page.keyboard.press('Enter');
      expect(await stored()).toBeDefined();
      await item.getByRole('button', { name: 'Delete… inventory' }).click();
      await page.getByRole('button', { name: 'Delete', exact: true }).click();
      await card.getByText('None.').waitFor();
      expect(await stored()).toBeUndefined();
    } finally {
      await page.context().close();
      await server.close();
    }
  });
}
