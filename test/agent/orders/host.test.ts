import { describe, expect, it } from 'vitest';
import type { TemplateToRun } from '../../../src/transport/answers.ts';
import { HostSubject, type HostSubjectOptions } from '../../../src/agent/orders/host.ts';
import type { OrderContext } from '../../../src/agent/subject.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';
import { explainInventory } from '../../../src/inventory/inventory.ts';
import type { Root } from '../../../src/sources/root.ts';
import { MemoryRoot, type Entry } from '../../probes/memory-root.ts';

const workflowId = '01930000-0000-7000-8000-0000000000aa';

const imageMark = { '/etc/dragonfly-image': '{"version":"1"}' };
const onDisk = { '/proc/mounts': '/dev/sda2 / ext4 rw 0 0\n' };

/** A host that notes the commands it is given: these must not be carried out on the one that tests. */
function host(
  overrides: Partial<HostSubjectOptions> = {},
  tools = ['reboot'],
  files: Readonly<Record<string, string>> = imageMark,
) {
  const commands: string[] = [];
  const root: Root = {
    description: 'a host that notes',
    text: async (path) => files[path],
    bytes: async () => undefined,
    list: async () => undefined,
    link: async () => undefined,
    exec: async (tool) => {
      if (!tools.includes(tool)) return undefined;
      commands.push(tool);
      return '';
    },
  };
  const subject = new HostSubject({
    root,
    agentVersion: '1',
    examine: () => Promise.reject(new Error('not asked for here')),
    serverIsLocal: true,
    mayAct: true,
    ...overrides,
  });
  return { subject, commands };
}

function server(...actions: string[]) {
  const events: WorkflowEvent[] = [];
  const template: TemplateToRun = {
    timeoutSeconds: undefined,
    actions: actions.map((action) => ({ action, timeoutSeconds: undefined, fields: {} })),
  };
  const context: OrderContext = {
    signal: new AbortController().signal,
    clock: new ManualClock(new Date(0)),
    workflow: async () => ({ templateRef: 'template' }),
    template: async () => template,
    begin: async (workflow) => void events.push({ type: 'started', workflow }),
    event: (_id, event) => events.push(event),
    problem: () => {},
    flush: async () => {},
    delivered: async () => {},
  };
  return { context, events };
}

const execute = { action: 'execute', workflowId } as const;

describe('HostSubject', () => {
  it.each(['reboot', 'localboot'] as const)(
    'syncs, then reboots, on the order %s',
    async (action) => {
      const { subject, commands } = host();
      const ended = await subject.act({ action, workflowId: null }, server().context);
      expect([ended.final, commands]).toEqual([true, ['reboot']]);
    },
  );

  it.each([true, false])(
    'has booted its disk already where it runs on the installed system (may act: %s)',
    async (mayAct) => {
      const { subject, commands } = host({ mayAct }, undefined, onDisk);
      const ended = await subject.act({ action: 'localboot', workflowId: null }, server().context);
      expect([ended.final, commands]).toEqual([true, []]);
    },
  );

  it('carries out nothing without permission, and ends the workflow that waits for it', async () => {
    const { subject, commands } = host({ mayAct: false });
    const { context, events } = server('reboot');
    await expect(subject.act(execute, context)).rejects.toThrow('start it with --act');
    await expect(
      subject.act({ action: 'reboot', workflowId: null }, context),
    ).rejects.toMatchObject({ code: 'action.refused' });
    expect(commands).toEqual([]);
    const error = expect.stringContaining('start it with --act');
    expect(events).toEqual([{ type: 'completed', workflow: workflowId, success: false, error }]);
  });

  it('ends a workflow that it cannot begin, unless that may pass', async () => {
    const actions = () => Promise.reject(new AppError('exec.missing', 'there is no wipefs'));
    const { context, events } = server('reboot');
    await expect(host({ actions }).subject.act(execute, context)).rejects.toThrow('wipefs');
    expect(events).toMatchObject([
      { type: 'completed', success: false, error: 'there is no wipefs' },
    ]);
    const away = server('reboot');
    const template = () => Promise.reject(new AppError('server.unreachable', 'down'));
    await expect(host().subject.act(execute, { ...away.context, template })).rejects.toThrow(
      'down',
    );
    expect(away.events).toEqual([]);
  });

  it('reboots at the end of a workflow, when everything was reported', async () => {
    const { subject, commands } = host({ runners: { note: async () => {} } });
    const { context, events } = server('note', 'reboot');
    let reportedBefore = 0;
    await subject.act(execute, {
      ...context,
      flush: async () => {
        reportedBefore = events.length;
        expect(commands).toEqual([]);
      },
    });
    expect(commands).toEqual(['reboot']);
    expect(reportedBefore).toBe(events.length);
    expect(events.at(-1)).toEqual({ type: 'completed', workflow: workflowId, success: true });
  });

  it('restricted to given runners it carries out these, and no order to leave this boot', async () => {
    const ran: unknown[] = [];
    const note = async (fields: unknown) => void ran.push(fields);
    const actions = () => Promise.reject(new Error('its own actions are not asked for'));
    const { subject, commands } = host({ runners: { note }, onlyRunners: true, actions });
    await subject.act(execute, server('note').context);
    expect(ran).toHaveLength(1);
    const { context, events } = server('note', 'reboot');
    await expect(subject.act(execute, context)).rejects.toMatchObject({
      code: 'action.unsupported',
    });
    expect(events.at(-1)).toMatchObject({ type: 'completed', success: false });
    for (const action of ['reboot', 'localboot'] as const) {
      await expect(
        subject.act({ action, workflowId: null }, server().context),
      ).rejects.toMatchObject({ code: 'action.refused' });
    }
    expect([ran.length, commands]).toEqual([1, []]);
  });

  it('runs no part of a workflow with an action that it does not know', async () => {
    const { subject, commands } = host();
    const { context, events } = server('reboot', 'image2disk');
    await expect(subject.act(execute, context)).rejects.toMatchObject({
      code: 'action.unsupported',
    });
    expect(commands).toEqual([]);
    expect(events.map((e) => e.type)).toEqual(['started', 'completed']);
  });

  it('says so where there is no command to reboot with', async () => {
    const { subject } = host({}, []);
    const order = { action: 'reboot', workflowId: null } as const;
    await expect(subject.act(order, server().context)).rejects.toThrow('no reboot command');
  });
});

const port = '/sys/devices/pci0000:00/0000:00:03.0/net/eth0';

/** The files of a captured machine with one port. */
const captured: Record<string, Entry> = {
  '/sys/class/net/eth0': { link: port },
  [`${port}/device`]: { link: '/sys/devices/pci0000:00/0000:00:03.0' },
  [`${port}/address`]: '52:54:00:00:00:01\n',
  [`${port}/type`]: '1\n',
  [`${port}/operstate`]: 'up\n',
  '/proc/net/fib_trie':
    '|-- 127.0.0.1\n  /32 host LOCAL\n|-- 10.1.0.1\n  /32 host LOCAL\n|-- 10.9.8.7\n  /32 host LOCAL\n',
  '/proc/net/if_inet6':
    'fe80000000000000505400fffe000001 02 40 20 80 eth0\nfd000000000000000000000000000007 02 40 00 80 eth0\n',
  '/proc/net/route':
    'Iface\ndocker0\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF\neth0\t0008090A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n',
  '/etc/resolv.conf': 'nameserver 10.9.8.1\n',
};

/** The machine that these files are of, as an agent elsewhere speaks for it. */
function replay(changed: Record<string, Entry>, serverIsLocal = false): HostSubject {
  const kept = Object.entries({ ...captured, ...changed }).filter(([, text]) => text !== '');
  const root = new MemoryRoot(kept);
  return host({ root, serverIsLocal, examine: () => explainInventory(root) }).subject;
}

describe('a captured machine', () => {
  it('registers with its own address and name servers', async () => {
    expect(await replay({}).describe()).toMatchObject({
      mac: '52:54:00:00:00:01',
      ip_address: '10.9.8.7',
      nameservers: ['10.9.8.1'],
    });
    expect(await replay({}, true).describe()).toMatchObject({ ip_address: '10.9.8.7' });
    expect(await replay({}).addresses()).toEqual(['10.1.0.1', '10.9.8.7', 'fd00::7']);
  });

  it('registers without what its capture lacks, over whatever network there is', async () => {
    const old = { '/proc/net/fib_trie': '', '/proc/net/if_inet6': '', '/etc/resolv.conf': '' };
    const description = await replay(old).describe();
    expect(description).not.toHaveProperty('ip_address');
    expect(description).not.toHaveProperty('nameservers');
    expect(await replay(old).addresses()).toBeUndefined();
    const offline = { '/proc/net/fib_trie': 'Main:\n', '/proc/net/if_inet6': '' };
    expect(await replay(offline).addresses()).toBeUndefined();
  });

  it('is reached at the bond of its primary port, else over its default route', async () => {
    const route = (name: string, destination: string, gateway: string) =>
      `${name}\t${destination}\t${gateway}\t0003\t0\t0\t0\t${gateway === '00000000' ? '00FFFFFF' : '00000000'}\n`;
    const over = (name: string) => ({
      '/proc/net/if_inet6': '',
      '/proc/net/route': `Iface\n${route('docker0', '0000010A', '00000000')}${route(name, '0008090A', '00000000')}`,
    });
    const bonded = {
      ...over('bond0'),
      '/proc/net/bonding/bond0': 'Slave Interface: eth0\nPermanent HW addr: 52:54:00:00:00:01\n',
    };
    expect((await replay(bonded).describe()).ip_address).toBe('10.9.8.7');
    const bridged = over('br0');
    bridged['/proc/net/route'] += route('br0', '00000000', '0108090A');
    expect((await replay(bridged).describe()).ip_address).toBe('10.9.8.7');
  });

  it('has no address on a port without a link', async () => {
    const unplugged = { [`${port}/operstate`]: 'down\n', '/proc/net/if_inet6': '' };
    expect(await replay(unplugged).addresses()).toEqual(['10.1.0.1']);
    const nowhere = { ...unplugged, '/proc/net/fib_trie': '|-- 10.9.8.7\n  /32 host LOCAL\n' };
    expect(await replay(nowhere).describe()).not.toHaveProperty('ip_address');
  });
});
