import { describe, expect, it } from 'vitest';
import type { Machine, MachineStateName } from '../../../src/model/machine.ts';
import type { Workflow, WorkflowStatus } from '../../../src/model/documents/workflow.ts';
import { stateNames } from '../../../src/model/machine-state.ts';
import { decide, decideBoot } from '../../../src/server/rules/decide.ts';
import { newMachine } from './machine.ts';

const now = new Date('2026-01-01T12:00:00Z');
const free = { now, isHeld: false };
const debian = { name: 'Debian 12', device: '/dev/sda2' };
interface Story {
  readonly state?: MachineStateName;
  readonly os?: boolean;
  /** True if this boot found it. */
  readonly told?: boolean;
  readonly bootId?: string | null;
  readonly returns?: number;
}

function machine({ state = 'Discovered', os, told, bootId = 'a', returns = 0 }: Story): Machine {
  const fresh = newMachine();
  return {
    ...fresh,
    status: {
      ...fresh.status,
      state: state === 'Error' ? { Error: { message: 'the disk is gone' } } : state,
    },
    report: {
      at: now.toISOString(),
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: os === true ? debian : null,
      tells_os: told ?? os === true,
      nameservers: [],
      boot_id: bootId,
      agent_version: null,
      matched_by: 'new',
      evidence: [],
      problems: [],
    },
    local_boot: { at: now.toISOString(), returns, boot_id: null },
  };
}

function workflow(status: Partial<WorkflowStatus>, spec: Partial<Workflow['spec']> = {}): Workflow {
  return {
    kind: 'Workflow',
    metadata: { name: 'w' },
    spec: { hardwareRef: 'm', templateRef: 't', writesDisks: true, ...spec },
    status: { state: 'STATE_PENDING', ...status },
  };
}

describe('a machine with nothing to do', () => {
  it.each(stateNames)(
    'that is %s and holds a system ends there, unless its disk is in doubt',
    (state) => {
      const inDoubt = state === 'Error' || state === 'Provisioning';
      const os = machine({ state, os: true });
      expect(decide(os, undefined, free).action).toBe(inDoubt ? 'wait' : 'localboot');
      expect(decideBoot(os, undefined, free).boots).toBe(inDoubt ? 'agent' : 'disk');
    },
  );

  it.each(stateNames)('that is %s and holds none waits in the agent', (state) => {
    const empty = machine({ state });
    expect(decide(empty, undefined, free).action).toBe('wait');
    const isDone = state === 'Provisioned' || state === 'Offline';
    expect(decideBoot(empty, undefined, free).boots).toBe(isDone ? 'disk' : 'agent');
  });

  it.each(stateNames)(
    'that is %s is not sent from a boot that did not find its system',
    (state) => {
      const unseen = machine({ state, os: true, told: false });
      expect(decide(unseen, undefined, free).action).toBe('wait');
    },
  );

  it.each([
    ['Provisioned', 'localboot'],
    ['Offline', 'localboot'],
    ['Discovered', 'wait'],
    ['Ready', 'wait'],
  ] as const)(
    'that is %s, with an agent that sends no boot_id and found nothing: %s',
    (state, action) => {
      const stock = machine({ state, os: true, told: false, bootId: null });
      expect(decide(stock, undefined, free).action).toBe(action);
    },
  );

  it('is kept in the agent where an operator holds it, or where it keeps coming back', () => {
    const os = machine({ os: true });
    const held = { now, isHeld: true };
    expect(decide(os, undefined, held).action).toBe('wait');
    expect(decideBoot(os, undefined, held).boots).toBe('agent');
    const returning = machine({ os: true, returns: 2 });
    expect(decide(returning, undefined, free).action).toBe('wait');
    expect(decideBoot(returning, undefined, free).boots).toBe('agent');
  });
});

describe('a machine with a workflow', () => {
  it('that waits executes it, by check-in and by boot script', () => {
    const pending = workflow({});
    expect(decide(machine({}), pending, free)).toMatchObject({
      action: 'execute',
      workflowId: 'w',
    });
    expect(decideBoot(machine({}), pending, free)).toEqual({ boots: 'agent', workflowId: 'w' });
  });

  it('that runs goes on in the boot that began it, and in no other', () => {
    const running = workflow({ state: 'STATE_RUNNING', startedByBoot: 'a' });
    expect(decide(machine({ bootId: 'a' }), running, free).action).toBe('execute');
    expect(decide(machine({ bootId: 'b' }), running, free).action).toBe('wait');
    expect(decideBoot(machine({ bootId: 'a' }), running, free)).toEqual({
      boots: 'agent',
      workflowId: null,
    });
  });

  it('that version 0.1.0 began is not begun again', () => {
    const running = workflow({ state: 'STATE_RUNNING' });
    expect(decide(machine({}), running, free).action).toBe('wait');
  });

  it.each([
    [119, 'execute'],
    [120, 'wait'],
    [-86_400, 'wait'],
  ] as const)('silent for %i s and without boot_id: %s', (seconds, action) => {
    const lastEventAt = new Date(now.getTime() - seconds * 1000).toISOString();
    const running = workflow({ state: 'STATE_RUNNING', startedByBoot: null, lastEventAt });
    expect(decide(machine({ bootId: null }), running, free).action).toBe(action);
  });

  it('that would overwrite a system nobody knew of waits', () => {
    const os = machine({ os: true });
    expect(decide(os, workflow({}), free).action).toBe('wait');
    expect(decideBoot(os, workflow({}), free)).toEqual({ boots: 'agent', workflowId: null });
    expect(decide(os, workflow({}, { reimage: true }), free).action).toBe('execute');
  });

  it('is left alone while it is Offline', () => {
    expect(decide(machine({ state: 'Offline', os: true }), workflow({}), free).action).toBe(
      'localboot',
    );
  });
});
