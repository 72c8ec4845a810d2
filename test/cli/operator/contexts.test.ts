// Contexts, and the inventory for Ansible.
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkin, temporaryDirectory } from '../../server/harness.ts';
import { desk, refusal } from './desk.ts';

describe('contexts', () => {
  it('name a server and where its token is, never the token', async () => {
    const { server, run } = await desk(1);
    const token = (await run('tokens create me --scope full')).stdout.trim();
    const folder = temporaryDirectory();
    const env = {
      DRAGONFLY_SERVER: undefined,
      DRAGONFLY_CONTEXTS: join(folder, 'deep', 'config.yaml'),
    };
    writeFileSync(join(folder, 'token'), `${token}\n`);
    await run(`context set file ${server.url} --token-file ${join(folder, 'token')}`, { env });
    expect((await run('machines list -o csv', { env })).stdout).toContain('node-1');
    const program = join(folder, 'keyring');
    writeFileSync(program, `#!/bin/sh\ncat ${join(folder, 'token')}\n`);
    chmodSync(program, 0o700);
    await run(`context set ring ${server.url} --token-command ${program}`, { env });
    expect((await run('machines list -o csv', { env })).stdout).toContain('node-1');
    expect(await refusal(run('context set wrong 127.0.0.1:3000', { env }))).toContain(
      'the address of the server cannot be used',
    );
    await run(`context set broken ${server.url} --token-command /bin/false`, { env });
    expect(await refusal(run('machines list', { env }))).toContain(
      'cannot get the token of context broken',
    );
    await run('context use file', { env });
    expect((await run('machines list -o name', { env })).stdout).not.toBe('');
    expect((await run('context list', { env })).stdout).toMatch(/\n\* +file/);
    expect(readFileSync(env.DRAGONFLY_CONTEXTS, 'utf8')).not.toContain(token);
    expect(statSync(env.DRAGONFLY_CONTEXTS).mode & 0o777).toBe(0o600);
    await run('context delete file', { env });
    expect(await refusal(run('machines list --context file', { env }))).toContain(
      'there is no context',
    );
  });

  it('give a server that is named by hand no token of another', async () => {
    const { server, run } = await desk(1);
    const folder = temporaryDirectory();
    const env = { DRAGONFLY_SERVER: undefined, DRAGONFLY_CONTEXTS: join(folder, 'config.yaml') };
    const proof = join(folder, 'asked');
    writeFileSync(
      join(folder, 'ring'),
      `#!/bin/sh\ntouch ${proof}; echo token-of-another-server\n`,
    );
    chmodSync(join(folder, 'ring'), 0o700);
    await run(`context set other http://127.0.0.1:1 --token-command ${join(folder, 'ring')}`, {
      env,
    });
    expect((await run(`machines list -o name --server ${server.url}`, { env })).code).toBe(0);
    expect(existsSync(proof)).toBe(false);
  });

  it('are refused with the place of the fault', async () => {
    const { run } = await desk();
    const file = join(temporaryDirectory(), 'c.yaml');
    writeFileSync(file, 'contexts: { a: { server: 3 } }');
    const env = { DRAGONFLY_SERVER: undefined, DRAGONFLY_CONTEXTS: file };
    expect(await refusal(run('context list', { env }))).toContain(
      `cannot use the contexts in ${file}`,
    );
  });
});

describe('the inventory for Ansible', () => {
  async function program(): Promise<{ path: string; env: Record<string, string | undefined> }> {
    const { server, run } = await desk(3);
    await run('machines tag Rack-7 node-1 node-2');
    const path = join(temporaryDirectory(), 'dragonfly-inventory');
    const cli = join(import.meta.dirname, '../../../src/cli/dragonfly.ts');
    writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${cli}" inventory ansible "$@"\n`);
    chmodSync(path, 0o700);
    return { path, env: { ...process.env, DRAGONFLY_SERVER: server.url } };
  }

  it('groups machines by tag and state, and gives the variables of one', async () => {
    const { server, run } = await desk(2);
    await run('machines tag Rack-7 node-1');
    const [first] = (await server.store.machines.list()).items;
    if (first === undefined) throw new Error('there is no machine');
    const { value } = first;
    const system = { ...value.hardware.system, serial: 'S\u009B2J' };
    await server.store.machines.put({ ...value, hardware: { ...value.hardware, system } });
    const printed = (await run('inventory ansible --list')).stdout;
    expect(printed).toContain(String.raw`"S\u009b2J"`);
    const all = JSON.parse(printed);
    expect(all).toMatchObject({
      dragonfly: { hosts: ['node-1', 'node-2'] },
      tag_rack_7: { hosts: ['node-1'] },
      state_discovered: { hosts: ['node-1', 'node-2'] },
      _meta: { hostvars: { 'node-1': { dragonfly_mac: '02:00:00:00:00:01' } } },
    });
    const one = JSON.parse((await run('inventory ansible --host node-2')).stdout);
    expect(one).toMatchObject({ dragonfly_mac: '02:00:00:00:00:02' });
  });

  it('keeps machines of one host name apart, and knows each by the name that it gives', async () => {
    const { server, run } = await desk(2);
    const body = { ...checkin(9), hostname: 'node-1' };
    await server.call('POST', '/api/agent/checkin', { body });
    const { dragonfly, _meta } = JSON.parse((await run('inventory ansible --list')).stdout);
    const twins = dragonfly.hosts.filter((host: string) => /^node-1-[0-9a-f]{8}$/.test(host));
    expect([dragonfly.hosts.length, new Set(twins).size]).toEqual([3, 2]);
    for (const host of twins) {
      const { stdout } = await run(`inventory ansible --host ${host}`);
      expect(JSON.parse(stdout)).toEqual(_meta.hostvars[host]);
    }
  });

  it.skipIf(!hasAnsible())(
    'is read by ansible-inventory',
    async () => {
      const { path, env } = await program();
      const { stdout: graph } = await promisify(execFile)(
        'ansible-inventory',
        ['-i', path, '--graph'],
        {
          env,
          encoding: 'utf8',
        },
      );
      expect(graph).toContain('@tag_rack_7:');
      expect(graph).toContain('|--node-2');
    },
    30_000,
  );
});

function hasAnsible(): boolean {
  try {
    execFileSync('ansible-inventory', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
