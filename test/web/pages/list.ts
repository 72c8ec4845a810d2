// Tests of the list of machines: filter, order, selection, and what comes by itself.
import { expect, test } from 'vitest';
import { machine, seed } from '../machines.ts';
import { listOf, post, soon, template, type Opened } from '../opened.ts';

export function listTests(opened: () => Opened): void {
  const { rows, row, filter, count, openList } = listOf(opened);

  test('a machine that has not booted yet is added by its MAC', async () => {
    const { page, server } = opened();
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
    const { page } = opened();
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
    const { page } = opened();
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
    const { page } = opened();
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
    const { page, server } = opened();
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
    const { page, server } = opened();
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
    const { page, server } = opened();
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

  test('shows a heartbeat as it comes', async () => {
    await openList('/machines?q=node-7&sort=name');
    const seven = row('node-7');
    await seven.locator('time', { hasText: 'd' }).waitFor();
    expect(await seven.getByText('online').count()).toBe(0);
    await post(opened(), '/api/agent/heartbeat', { machine_id: machine(7).id });
    await seven.getByText('online').waitFor();
    await seven.locator('time', { hasText: /^(now|\d+ s)$/ }).waitFor();
  });

  test('shows a machine that registers, without a reload', async () => {
    await openList();
    await expect.poll(count, soon).toBe('120 machines');
    await post(opened(), '/api/agent/checkin', {
      mac: '52:54:00:99:00:02',
      cpu_model: 'Fresh CPU',
    });
    await expect.poll(count, soon).toBe('121 machines');
    await filter().fill('fresh cpu');
    await expect.poll(count, soon).toBe('1 of 121 machines');
    await rows().first().getByText('online').waitFor();
  });

  test('says that a list is not complete, and reads the rest when asked', async () => {
    const { page } = opened();
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

  test('holds only the rows in sight in the document, at any place of ten thousand', async () => {
    const { page, server } = opened();
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
}
