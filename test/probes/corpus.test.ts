// Every captured machine of the corpus against what is known about it.
import { beforeAll, describe, expect, it } from 'vitest';
import { identify } from '../../src/identity/identify.ts';
import type { Facts } from '../../src/model/inventory.ts';
import { collect } from '../../src/probes/collect.ts';
import { expectation, hasCorpus, loadMachines } from './corpus.ts';
import type { MemoryRoot } from './memory-root.ts';

const why = hasCorpus ? '' : ' (skipped: ../shared/corpus is not there)';

describe.skipIf(!hasCorpus)(`corpus of captured machines${why}`, () => {
  let machines: Map<string, MemoryRoot>;
  const inventories = new Map<string, { facts: Partial<Facts>; codes: string[] }>();

  beforeAll(async () => {
    machines = loadMachines();
    for (const [name, root] of machines) {
      const { facts, problems } = await collect(root);
      inventories.set(name, { facts, codes: problems.map(({ code }) => code) });
    }
  }, 120_000);

  it('gives every field that is certain', () => {
    const wrong = [...inventories].flatMap(([name, { facts }]) => differences(name, facts));
    expect(wrong).toEqual([]);
  });

  it('finds every section of every machine', () => {
    const sections = ['cpu', 'disks', 'dmi', 'machineId', 'memory', 'network', 'virtualization'];
    const lacking = [...inventories].filter(([, { facts }]) => sections.some((s) => !(s in facts)));
    expect(lacking.map(([name]) => name)).toEqual([]);
    expect(inventories.size).toBeGreaterThan(270);
  });

  it('never runs a command where the kernel gives the raw DMI tables', () => {
    const raw = [...machines].filter(([name]) => name.startsWith('dmiraw-'));
    expect(raw.length).toBeGreaterThan(0);
    expect(raw.filter(([, { asked }]) => asked.includes('dmidecode'))).toEqual([]);
  });

  it('reports no problem but for the one firmware that breaks its own table', () => {
    const noisy = [...inventories].filter(([, { codes }]) => codes.length > 0);
    expect(noisy.map(([name]) => name)).toEqual(['dmiraw-sidero-HyperV']);
  });
});

/** The differences between facts and expectation: "name field: expected …, got …". */
function differences(name: string, facts: Partial<Facts>): string[] {
  const expected = expectation(name);
  if (expected === undefined) return [];
  const document: Record<string, Record<string, unknown>> = {
    identity: { ...identify(facts).identity },
    hardware: {
      ...facts.cpu,
      memory_bytes: facts.memory?.memory_bytes ?? null,
      disks: facts.disks,
      network_interfaces: facts.network?.interfaces,
      ...facts.virtualization,
    },
  };
  const wrong: string[] = [];
  for (const [section, fields] of Object.entries(expected)) {
    if (section.startsWith('_')) continue;
    for (const [key, want] of Object.entries(fields)) {
      const got = document[section]?.[key];
      if (key.startsWith('_') || isSame(key, want, got)) continue;
      wrong.push(`${name} ${key}: expected ${JSON.stringify(want)}, got ${JSON.stringify(got)}`);
    }
  }
  return wrong;
}

/** The rules of the corpus's own checker, without its aliases: we use its names. */
function isSame(key: string, want: unknown, got: unknown): boolean {
  if (Array.isArray(want)) return Array.isArray(got) && isSameSet(want, got);
  if (isRecord(want)) {
    return (
      isRecord(got) &&
      Object.entries(want).every(([k, value]) => k.startsWith('_') || isSame(k, value, got[k]))
    );
  }
  return normal(key, want) === normal(key, got);
}

/** Each wanted entry is there and nothing else but what is optional. */
function isSameSet(want: readonly unknown[], got: readonly unknown[]): boolean {
  const left = [...got];
  for (const item of want) {
    const at = left.findIndex((candidate) => isSame('', item, candidate));
    if (at !== -1) left.splice(at, 1);
    else if (!(isRecord(item) && item['_optional'] === true)) return false;
  }
  return left.length === 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function normal(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (key === 'mac' || key === 'primary_mac') return value.toLowerCase();
  return key === 'model' || key === 'cpu_model' ? value.replaceAll(/[\s_]+/g, ' ').trim() : value;
}
