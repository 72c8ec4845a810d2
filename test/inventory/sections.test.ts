// All sections together show all that the plain inventory shows, and the identity with it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { collectInventory } from '../../src/inventory/inventory.ts';
import { collectSections, parseSections } from '../../src/inventory/sections.ts';

const machines = join(import.meta.dirname, '../../fixtures/machines');

it.each(readdirSync(machines))('the sections of %s leave nothing out', async (name) => {
  const root = join(machines, name, 'root');
  const whole = await collectInventory(root, { probeOs: true });
  const excerpt = await collectSections(root, parseSections('all'), { probeOs: true });
  expect(excerpt.identity).toEqual(whole.identity);
  expect(excerpt.hardware).toMatchObject(whole.hardware);
});
