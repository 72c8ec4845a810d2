import { describe, expect, it } from 'vitest';
import type { TemplateToRun } from '../../../src/transport/answers.ts';
import { HostSubject, type HostSubjectOptions } from '../../../src/agent/orders/host.ts';
import type { OrderContext } from '../../../src/agent/loop.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../src/model/api.ts';
import type { Root } from '../../../src/sources/root.ts';

const workflowId = '01930000-0000-7000-8000-0000000000aa';

const imageMark = { '/etc/dragonfly-image': '{"version":"1"}' };
const onDisk = { '/proc/mounts': '/dev/sda2 / ext4 rw 0 0\n' };

/** A host that notes the commands it is given: these must not be carried out on the one that tests. */
function host(
  overrides: Partial<HostSubjectOptions> = {},
  tools = ['sync', 'reboot'],
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
    inventory: () => Promise.reject(new Error('not asked for here')),
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
    event: (_id, event) => events.push(event),
    problem: () => {},
    flush: async () => {},
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
      expect([ended.final, commands]).toEqual([true, ['sync', 'reboot']]);
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
    expect(events).toEqual([{ type: 'completed', workflow: workflowId, success: false }]);
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
    expect(commands).toEqual(['sync', 'reboot']);
    expect(reportedBefore).toBe(events.length);
    expect(events.at(-1)).toEqual({ type: 'completed', workflow: workflowId, success: true });
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
    const { subject } = host({}, ['sync']);
    const order = { action: 'reboot', workflowId: null } as const;
    await expect(subject.act(order, server().context)).rejects.toThrow('no reboot command');
  });
});
