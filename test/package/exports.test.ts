// The package as an embedder imports it. Needs dist/, which `npm ci` builds.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const repository = resolve(import.meta.dirname, '../..');

/** Evaluates a module in a Node of its own and gives what it wrote with console.log, as JSON. */
function evaluate(source: string): unknown {
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', source], {
    cwd: repository,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

describe('the package', () => {
  it('is importable by its own name inside the repository', () => {
    const hash = evaluate(
      `import { computeIdentityHash, normalizeMac } from 'dragonfly-agent';
       console.log(JSON.stringify(computeIdentityHash([normalizeMac('AA-BB-CC-DD-EE-FF')], null, null)));`,
    );
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives an embedder a store, a server and an inventory of a machine', () => {
    const answer = evaluate(
      `import { collectInventory, createApp, openStore, systemClock } from 'dragonfly-agent';
       const store = await openStore('memory:');
       const app = await createApp({ store, clock: systemClock });
       const { identity } = await collectInventory();
       const payload = { mac: identity.primary_mac ?? '02:00:00:00:00:01' };
       const first = await app.inject({ method: 'POST', url: '/api/agent/checkin', payload });
       const machine = await store.machines.byMac(payload.mac.toUpperCase());
       console.log(JSON.stringify({ status: first.statusCode, same: machine.value.id === first.json().machine_id }));
       await app.close();
       await store.close();`,
    );
    expect(answer).toEqual({ status: 200, same: true });
  });

  it.each(['agent', 'client'])('loads nothing of the server for dragonfly-agent/%s', (entry) => {
    const loaded = evaluate(
      `import { registerHooks } from 'node:module';
       const urls = [];
       registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
       await import('dragonfly-agent/${entry}');
       console.log(JSON.stringify(urls));`,
    );
    const server = /node_modules\/(lmdb|fastify|typebox|prom-client)\/|dist\/(server|store)\//;
    expect(loaded).not.toHaveLength(0);
    expect((loaded as string[]).filter((url) => server.test(url))).toEqual([]);
  });
});
