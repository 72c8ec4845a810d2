// Every captured machine of fixtures/machines against the goldens that a person reviewed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainInventory } from '../../src/inventory/inventory.ts';
import type { Inventory } from '../../src/model/inventory.ts';

const machines = join(import.meta.dirname, '../../fixtures/machines');

function golden(name: string, file: string): Inventory {
  return JSON.parse(readFileSync(join(machines, name, file), 'utf8'));
}

/** A read that an older capture never saw, asked by a newer probe, says nothing about the machine. */
function settled({ problems, ...rest }: Inventory): unknown {
  return { ...rest, problems: problems.filter((p) => p.code !== 'read.not-captured') };
}

describe.each(readdirSync(machines))('the captured machine %s', (name) => {
  it('says where it comes from', () => {
    expect(golden(name, 'about.json')).toMatchObject({
      machine: expect.any(String),
      captured_on: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      tool: expect.stringContaining('--redact'),
    });
  });

  it('has the inventory and the identity that were reviewed', async () => {
    const { inventory, explanation } = await explainInventory(join(machines, name, 'root'));
    expect(settled(inventory)).toEqual(golden(name, 'inventory.json'));
    expect({ ...inventory.identity, explanation }).toEqual(golden(name, 'identity.json'));
  });

  it('is text throughout', () => {
    for (const file of readdirSync(join(machines, name), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!file.isFile()) continue;
      expect(readFileSync(join(file.parentPath, file.name))).not.toContain(0);
    }
  });
});
