// Conflicts of identity on the command line.
import { expect, it } from 'vitest';
import { desk, refusal } from './desk.ts';

const id = '01930000-0000-7000-8000-000000000001';

/** node-1, which may be one of the others. */
async function conflicting(others: number) {
  const { server, run } = await desk(1 + others);
  const found = (await server.store.machines.list()).items;
  const [one = '', ...candidates] = found
    .toSorted((a, b) =>
      (a.value.config.hostname ?? '').localeCompare(b.value.config.hostname ?? ''),
    )
    .map(({ value }) => value.id);
  await server.store.conflicts.put({
    id,
    machine_id: one,
    reason: 'ambiguous',
    candidates: candidates.map((machine_id) => ({ machine_id, evidence: ['the same serial'] })),
    created_at: '2026-01-02T03:04:05Z',
    resolution: null,
  });
  return { server, run, one, candidates };
}

it('lists conflicts with the names of their machines, and their ids where there is room', async () => {
  const { run, one, candidates } = await conflicting(2);
  const { stdout } = await run('conflicts list');
  expect(stdout).toMatch(/ambiguous +node-1 +node-2, node-3 /);
  expect(stdout).not.toContain(one);
  expect((await run('conflicts list -o csv')).stdout).toContain(
    `${one},"${candidates.join(', ')}"`,
  );
  expect((await run('conflicts list -o name')).stdout).toBe(`${id}\n`);
});

it('asks before it merges two machines, by their names', async () => {
  const { server, run, one, candidates } = await conflicting(1);
  expect(await refusal(run(`conflicts accept ${id}`))).toContain('there is no terminal to ask on');
  let asked = '';
  const no = { answer: 'n', onAsk: (question: string) => void (asked = question) };
  expect(await refusal(run(`conflicts accept ${id}`, no))).toBe('usage.invalid: nothing was done');
  expect(asked).toBe('node-1 will be merged into node-2 for good. Go on? [y/N] ');
  expect(await server.store.machines.get(one)).toBeDefined();
  const { stdout } = await run(`conflicts accept ${id}`, { answer: 'yes' });
  expect(stdout).toBe(`merged into ${candidates[0]}\n`);
  expect(await server.store.machines.get(one)).toBeUndefined();
});

it('asks nothing where there is one machine, and nothing to merge', async () => {
  const { server, run, one } = await conflicting(0);
  const known = await server.store.conflicts.get(id);
  if (known === undefined) throw new Error('there is no conflict');
  const candidates = [{ machine_id: one, evidence: ['two were alive'] }];
  const refused_addresses = ['192.0.2.9'];
  await server.store.conflicts.put({ ...known.value, candidates, refused_addresses });
  expect((await run(`conflicts accept ${id}`)).stdout).toBe('one machine\n');
  await run(`conflicts reopen ${id}`);
  const machine = await server.store.machines.get(one);
  if (machine?.value.report === undefined) throw new Error('there is no machine');
  const report = { ...machine.value.report, from_address: '192.0.2.1' };
  await server.store.machines.put({ ...machine.value, report }, machine);
  expect((await run(`conflicts accept ${id} --address 192.0.2.9`)).stdout).toBe(
    'the machine is at 192.0.2.9\n',
  );
  const { refused_addresses: now, resolution } = JSON.parse(
    (await run(`conflicts get ${id} --json`)).stdout,
  );
  expect([now, resolution.address]).toEqual([['192.0.2.1'], '192.0.2.9']);
  await run(`conflicts reopen ${id}`);
  expect((await run(`conflicts split ${id}`)).stdout).toBe('a machine of its own\n');
  expect(await server.store.machines.get(one)).toBeDefined();
});

it('merges unasked with --yes, and lets one of several be chosen', async () => {
  const { run, candidates } = await conflicting(2);
  expect(await refusal(run(`conflicts accept ${id}`, { answer: 'y' }))).toBe(
    `usage.invalid: say --into: ${candidates[0]} (node-2), ${candidates[1]} (node-3)`,
  );
  const { stdout } = await run(`conflicts accept ${id} --into ${candidates[1]} --yes`);
  expect(stdout).toBe(`merged into ${candidates[1]}\n`);
  expect(await refusal(run('conflicts get 01930000-0000-7000-8000-000000000009'))).toContain(
    'conflict.unknown',
  );
  expect(JSON.parse((await run(`conflicts get ${id} --json`)).stdout)).toMatchObject({ id });
});
