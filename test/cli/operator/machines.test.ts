// The commands for machines against the real server.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkin, imageTemplate } from '../../server/harness.ts';
import { desk, refusal } from './desk.ts';

describe('machines', () => {
  it('are listed, searched, and printed in each format', async () => {
    const { run } = await desk(3);
    const { stdout } = await run('machines list');
    expect(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.split(/ +/).slice(0, 3)),
    ).toEqual([
      ['NAME', 'STATE', 'LIVENESS'],
      ['node-1', 'Discovered', 'online'],
    ]);
    expect((await run('machines list -q name:*-2 -o csv')).stdout).toContain('node-2');
    expect(await refusal(run('machines list -q nam:node-2'))).toContain('did you mean name:');
    expect((await run('machines list node-2 -o name')).stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(JSON.parse((await run('machines list --json')).stdout)).toHaveLength(3);
    expect((await run('machines list node-3 --yaml')).stdout).toContain('hostname: node-3');
    expect((await run('machines list -o csv')).stdout.split('\r\n')).toHaveLength(5);
    expect(await refusal(run('machines list --json --yaml'))).toContain('cannot be given together');
    expect(await refusal(run('machines list -o wide --json'))).toContain(
      'cannot be given together',
    );
  });

  it('have a log, of which the newest lines are enough', async () => {
    const { server, run } = await desk();
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: { ...checkin(1), boot_id: 'b1', sequence: 1 },
    });
    const lines = [
      { age_ms: 0, source: 'boot', text: 'eth0 has a link' },
      { age_ms: 0, source: 'agent', level: 'warn', text: 'failed, will try again' },
    ];
    expect((await run('machines logs host-1')).stderr).toBe('nothing found\n');
    const sent = { machine_id: body.machine_id, boot_id: 'b1', stream: 'boot', first: 0, lines };
    await server.call('POST', '/api/agent/logs', { body: sent });
    expect((await run('machines logs host-1')).stdout).toMatch(
      /^\S+Z boot   eth0 has a link\n\S+Z agent  WARN failed, will try again\n$/,
    );
    const { stdout } = await run('machines logs host-1 --last 1 --json');
    expect(JSON.parse(stdout)).toMatchObject({ source: 'agent', level: 'warn' });
  });

  it('keep their tags apart in CSV, and say where nothing is found', async () => {
    const { run } = await desk(1);
    for (const tag of ['gpu', 'rack-4,left']) await run(`machines tag ${tag} node-1`);
    expect((await run('machines list -o csv')).stdout).toContain(
      String.raw`"gpu, ""rack-4,left"""`,
    );
    expect((await run('machines list none')).stderr).toBe('nothing found\n');
  });

  it('write no formula into a spreadsheet, whatever a machine calls itself', async () => {
    const { server, run } = await desk();
    const body = { ...checkin(1), ip_address: '=cmd|"/c calc"!A1' };
    await server.call('POST', '/api/agent/checkin', { body });
    expect((await run('machines list -o csv')).stdout).toContain('"\'=cmd|""/c calc""!A1"');
  });

  it.each(['node-2', 'NODE-2', '02-00-00-00-00-02'])('are known as %s', async (name) => {
    const { run } = await desk(2);
    const { stdout } = await run(`machines get ${name} --json`);
    expect(JSON.parse(stdout).identity.primary_mac).toBe('02:00:00:00:00:02');
  });

  it('are not guessed: a name that none or several have is refused', async () => {
    const { server, run } = await desk(2);
    expect(await refusal(run('machines get node'))).toMatch(
      /^machine.unknown: no machine is called node; similar: node-\d, node-\d$/,
    );
    const body = { ...checkin(9), hostname: 'node-1' };
    await server.call('POST', '/api/agent/checkin', { body });
    expect(await refusal(run('machines forget node-1 -y'))).toMatch(
      /^request.invalid: 2 machines are called node-1: /,
    );
    expect(await refusal(run('machines forget'))).toContain('usage.invalid: name a machine');
    expect(await refusal(run('machines forget -l none -y'))).toContain('machine.unknown');
    expect(await refusal(run('machines forget -y -q tag:'))).toContain('"tag:" is not complete');
    expect((await run('machines list')).stdout).toContain('node-1');
  });

  it('are tagged, labelled, assigned and forgotten, many at once', async () => {
    const { run } = await desk(3);
    expect(await run('machines tag rack-7 node-1 node-2')).toMatchObject({
      code: 0,
      stdout: 'node-1 tagged rack-7\nnode-2 tagged rack-7\n',
    });
    await run('machines assign restart -l rack-7');
    await run('machines label node-1 site=b owner=ops');
    await run('machines label node-1 owner-');
    const machine = JSON.parse((await run('machines get node-1 --json')).stdout);
    expect(machine).toMatchObject({
      config: { tags: ['rack-7'], os_choice: 'restart' },
      metadata: { labels: { site: 'b' } },
    });
    const history = await run('machines history node-1 --json');
    expect(history.stdout).toContain('os_choice');
    expect(await refusal(run('machines forget -l rack-7'))).toContain(
      'there is no terminal to ask on',
    );
    expect(await refusal(run('machines forget -l rack-7', { answer: 'no' }))).toContain(
      'nothing was done',
    );
    expect((await run('machines forget -l rack-7 --dry-run')).stdout).toContain(
      'node-1 would be forgotten',
    );
    expect(await run('machines forget -l rack-7', { answer: 'y' })).toMatchObject({ code: 0 });
    expect((await run('machines list -o name')).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('say which of them failed, and end with 1', async () => {
    const { run } = await desk(2);
    const { code, stdout, stderr } = await run('machines assign nothing node-1 node-2');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^node-1: .*\[template.unknown\]\nnode-2: .*\[template.unknown\]\n$/);
  });
});

describe('provision', () => {
  it('shows the plan of each, asks, and queues only what was not refused', async () => {
    const { server, run } = await desk(2);
    const os = { name: 'Debian 12', device: '/dev/sda1' };
    for (const [n, found] of [null, os].entries()) {
      const disk = { name: 'sda', size_bytes: 5e11, serial: `S-${n}`, model: 'PM883' };
      const told = {
        disks: [disk],
        existing_os: found,
        boot_id: randomUUID(),
        agent_version: '0.2.0',
      };
      const body = { ...checkin(n + 1), hostname: `node-${n + 1}`, ...told };
      await server.call('POST', '/api/agent/checkin', { body });
    }
    const line = `machines provision node-1 node-2 --template ${imageTemplate.metadata.name}`;
    const dry = await run(`${line} --dry-run`);
    expect(dry.code).toBe(1);
    expect(dry.stdout).toContain('node-1: OVERWRITES /dev/sda, PM883, serial S-0, 500.0 GB\n');
    expect(dry.stderr).toMatch(/^node-2: .*Debian 12/);
    expect(await refusal(run(line))).toContain('there is no terminal to ask on');
    expect((await run('workflows list -o name')).stdout).toBe('');
    const { code, stdout } = await run(line, { answer: 'yes' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/node-1: workflow [0-9a-f-]{36} queued\n$/);
    const csv = (await run('workflows list --machine node-1 -o csv')).stdout;
    expect(csv).toContain(',pending,node-1,');
    expect(csv.trim()).toMatch(/,[0-9a-f-]{36}$/);
    const [queued] = (await server.store.workflows.list()).items;
    if (queued === undefined) throw new Error('no workflow was queued');
    const { value } = queued;
    await server.store.workflows.put({ ...value, held: 'restored from a backup' });
    expect((await run('workflows list --active')).stdout).toContain('held');
    await run(`workflows release ${value.metadata.name}`);
    expect((await run('workflows list --active')).stdout).toContain('pending');
    expect(await run('machines cancel node-1 node-2')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('node-2 has no active workflow\n'),
    });
    expect((await run('workflows list')).stdout).toContain('cancelled');
    expect((await run('workflows list --active -o name')).stdout).toBe('');
  });

  it('queues nothing for a machine whose plan changed after it was shown, and says what did', async () => {
    const { server, run } = await desk(2);
    const tell = async (n: number, serial: string) => {
      const disk = { name: 'sda', size_bytes: 5e11, serial, model: 'PM883' };
      // Stays in the machine, which is known by it.
      const large = { name: 'sdb', size_bytes: 9e11, serial: `L-${n}` };
      const disks = [disk, large];
      const told = { disks, existing_os: null, boot_id: 'a', agent_version: '0.2.0' };
      const body = { ...checkin(n), hostname: `node-${n}`, ...told };
      await server.call('POST', '/api/agent/checkin', { body });
    };
    for (const n of [1, 2]) await tell(n, `S-${n}`);
    const line = `machines provision node-1 node-2 --template ${imageTemplate.metadata.name}`;
    const meanwhile = () => tell(2, 'S-9');
    const { code, stdout, stderr } = await run(line, { answer: 'yes', meanwhile });
    expect(code).toBe(1);
    expect(stdout).toMatch(/node-1: workflow [0-9a-f-]{36} queued\n$/);
    expect(stderr).toMatch(
      /^node-2: the plan changed .*\/dev\/sda PM883 S-9.* \[plan.changed\]\n$/,
    );
    expect((await run('workflows list -o name')).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('waits for the end, and its exit code is that of the work', async () => {
    const { server, run } = await desk(2);
    const ends = async (name: string, success: boolean): Promise<unknown> => {
      const waiting = run(`machines provision ${name} --template restart --yes --wait`);
      let id: string | undefined;
      while (id === undefined) {
        const active = (await run('workflows list --active -o name')).stdout.trim();
        if (active !== '') id = active;
      }
      const events = [{ type: 'started' }, { type: 'completed', success }];
      for (const event of events) {
        await server.call('POST', `/api/workflows/${id}/events`, {
          body: { ...event, workflow: id },
        });
      }
      const { code, stdout } = await waiting;
      return { code, last: stdout.trim().split('\n').at(-1) };
    };
    expect(await ends('node-1', true)).toEqual({ code: 0, last: 'node-1 succeeded' });
    expect(await ends('node-2', false)).toMatchObject({
      code: 1,
      last: expect.stringMatching(/^node-2 failed/),
    });
    expect(await refusal(run('workflows wait 01930000-0000-7000-8000-000000000001'))).toContain(
      'workflow.unknown',
    );
  });
});
