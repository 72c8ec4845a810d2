// Every step that a world can take next: by the machine, its agent, the server, an operator, or by mishap; and
// the judgement of each.
import { isActive } from '../../../../src/model/documents/workflow.ts';
import { stateName } from '../../../../src/model/machine.ts';
import { hasLeft } from '../../../../src/server/rules/workflow/arrival.ts';
import { agentSteps, deliveries } from './agent.ts';
import * as server from './server.ts';
import type { Rules } from './server.ts';
import { dies, nowOf, united, unlucky, withHost, withTruth, type Step } from './step.ts';
import {
  activeOf,
  bootName,
  templateOf,
  versionOf,
  type Agent,
  type Host,
  type Records,
  type World,
} from './world.ts';

const mostBoots = 4;
const mostWorkflows = 2;

export function stepsFrom(rules: Rules, world: World, retry: boolean): Step[] {
  return [
    ...machineSteps(rules, world),
    ...agentSteps(rules, world),
    ...deliveries(rules, world),
    ...operatorSteps(world, retry),
    ...mishaps(rules, world),
  ].map((step) => judged(world, step));
}

// The machine.

function machineSteps(rules: Rules, world: World): Step[] {
  const { host, records } = world;
  if (host.where !== 'off' || host.boot >= mostBoots) return [];
  const { machine, workflows } = records;
  const workflow = workflows[machine.status.current_workflow ?? ''];
  const { boots } = rules.decideBoot(machine, workflow, { now: nowOf(world), isHeld: false });
  const boot = host.boot + 1;
  const { S1 } = host.disks;
  const isBootable = typeof S1 === 'object' && S1.isWhole;
  const next: Partial<Host> = { boot, journal: undefined, spool: [], agent: undefined };
  if (boots === 'agent') {
    const agent: Agent = { isRegistered: false, done: 'nothing' };
    const label = `${bootName(boot)} starts in the image`;
    return [{ label, world: withHost(world, { ...next, where: 'image', agent }) }];
  }
  const where = isBootable ? 'disk' : 'off';
  return [
    { label: `${bootName(boot)} is sent to its disk`, world: withHost(world, { ...next, where }) },
  ];
}

// Operators.

function operatorSteps(world: World, retry: boolean): Step[] {
  const { records, left } = world;
  const workflow = activeOf(records);
  const now = nowOf(world);
  const { made: count } = world.truth;
  const ordered = { ...world, left: { ...left, orders: left.orders - 1 } };
  const counted = { ...ordered, truth: { ...world.truth, made: count + 1 } };
  const steps: Step[] = [];
  if (left.orders > 0 && count < mostWorkflows) {
    const id = `W${count + 1}`;
    for (const reimage of count === 0 ? [false] : [false, true]) {
      const made = server.createWorkflow(records, id, { reimage, retry });
      if (made === undefined) continue;
      const label = `${id} is ordered${reimage ? ', with reimage' : ''}`;
      steps.push({ label, world: { ...counted, records: made.records } });
      steps.push(...dies(label, counted, made));
    }
  }
  if (workflow === undefined) return steps;
  const id = workflow.metadata.name;
  if (left.orders > 0) {
    const ended = server.cancel(records, id, now);
    const label = `${id} is cancelled`;
    steps.push({ label, world: { ...ordered, records: ended.records } });
    steps.push(...dies(label, ordered, ended));
  }
  if (workflow.held !== undefined) {
    const { begun, ended, heard } = world.truth;
    const isOther = (other: string): boolean => other !== id;
    // Somebody said that it is to be done, or to go on.
    const boot = workflow.status?.startedByBoot;
    const truth = {
      ...world.truth,
      begun: { ...begun, [id]: typeof boot === 'string' ? [boot] : [] },
      ended: ended.filter(isOther),
      heard: heard.filter(isOther),
    };
    const released = { ...world, records: server.release(records, id), truth };
    steps.push({ label: `${id} is released`, world: released });
  }
  return steps;
}

// Things that go wrong, and time.

function mishaps(rules: Rules, world: World): Step[] {
  const { host, records, backup } = world;
  const steps: Step[] = [];
  const add = (label: string, next: (world: World) => World): void => {
    steps.push(...unlucky(label, world, next));
  };
  if (host.where !== 'off') {
    const off: Partial<Host> = { where: 'off', agent: undefined, spool: [], journal: undefined };
    add('the machine is reset', (w) => withHost(w, off));
  }
  if (host.agent !== undefined) add('the agent dies', (w) => withHost(w, { agent: undefined }));
  if (host.where === 'off' && host.disks.S1 === 'blank') {
    const disks = { ...host.disks, S1: 'data' } as const;
    add('data is put on S1', (w) => withHost(w, { disks }));
  }
  if (versionOf(records.template) === versionOf(templateOf('v1'))) {
    const edited = { ...records, template: templateOf('v2') };
    add('the template is edited', (w) => ({ ...w, records: edited }));
    add('the template is deleted', (w) => ({ ...w, records: { ...records, template: undefined } }));
  }
  if (world.clockDays === 0) {
    for (const clockDays of [-1, 1])
      add(`the clock is set by ${clockDays} d`, (w) => ({ ...w, clockDays }));
  }
  if (backup === undefined) add('a backup is made', (w) => ({ ...w, backup: records }));
  else if (!world.isRestored) {
    const restored = server.restored(rules, backup);
    add('the backup is restored', (w) => ({ ...w, records: restored, isRestored: true }));
  }
  return [...steps, ...time(world)];
}

function time(world: World): Step[] {
  const { records, host } = world;
  const now = nowOf(world);
  const running = activeOf(records);
  const steps: Step[] = [];
  if (running?.status?.state === 'STATE_RUNNING') {
    const id = running.metadata.name;
    const isHeard = host.where === 'image';
    const passed = server.letPass(records, id, hasLeft(running) ? 2_000 : 20_000, isHeard, now);
    const label = `the time of ${id} is up`;
    if (hasLeft(running)) steps.push({ label, world: { ...world, records: passed.records } });
    else steps.push(...unlucky(label, world, (w) => ({ ...w, records: passed.records })));
  }
  const { S1 } = host.disks;
  if (host.where === 'disk' && typeof S1 === 'object' && S1.isWhole) {
    const reported = server.report(records, S1.by, now);
    steps.push({ label: 'the system reports', world: { ...world, records: reported.records } });
  }
  return steps;
}

// Right and wrong.

/** Notes what ended with a step, and looks at the state that it left the machine in. */
function judged(before: World, step: Step): Step {
  const { records, truth, host, isRestored } = step.world;
  const ended = Object.values(records.workflows)
    .filter((workflow) => !isActive(workflow))
    .map(({ metadata }) => metadata.name);
  const world = withTruth(step.world, { ended: united(truth.ended, ended) });
  const wrong = step.wrong ?? (isRestored ? undefined : wrongState(before.records, records, host));
  return { ...step, world, wrong };
}

function wrongState(before: Records, after: Records, { disks }: Host): string | undefined {
  const [was, is] = [before, after].map(({ machine }) => stateName(machine.status.state));
  const isWhole = typeof disks.S1 === 'object' && disks.S1.isWhole;
  return is === 'Provisioned' && was !== is && !isWhole
    ? 'the machine is Provisioned, and its disk is not written'
    : undefined;
}
