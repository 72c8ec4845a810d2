// The steps of the agent, and of the messages that it sent: as the agent's engine does them.
import { isActive, type Workflow } from '../../../../src/model/documents/workflow.ts';
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import * as server from './server.ts';
import type { Rules } from './server.ts';
import { dies, nowOf, united, unlucky, withAgent, withHost, withTruth, type Step } from './step.ts';
import { bootName, versionOf, type Agent, type Host, type Message, type World } from './world.ts';

export function agentSteps(rules: Rules, world: World): Step[] {
  const { host } = world;
  const { agent } = host;
  if (host.where !== 'image') return [];
  if (agent === undefined) {
    const fresh: Agent = { isRegistered: false, done: 'nothing' };
    return [{ label: 'the agent starts again', world: withHost(world, { agent: fresh }) }];
  }
  if (!agent.isRegistered) return checkIns(rules, world);
  const steps = [...beats(rules, world), ...deliverSpool(rules, world)];
  return agent.order === undefined ? steps : [...steps, ...work(rules, world, agent, agent.order)];
}

function checkIns(rules: Rules, world: World): Step[] {
  const { host, records } = world;
  const disks = server.disksIn(host.boot, host.disks);
  const name = bootName(host.boot);
  const answer = server.checkIn(rules, records, name, disks, nowOf(world));
  const taken = { ...world, records: answer.records };
  const registered = withAgent(taken, { isRegistered: true });
  return [
    { label: `${name} checks in: ${answer.action}`, world: obey(rules, registered, answer) },
    ...unlucky(`${name} checks in, the answer is lost`, world, (w) => ({
      ...w,
      records: answer.records,
    })),
    ...dies(`${name} checks in`, world, answer),
  ];
}

function beats(rules: Rules, world: World): Step[] {
  const { records, host, truth } = world;
  const name = bootName(host.boot);
  if (records.machine.report?.boot_id !== name) {
    const label = `${name} beats, and is to check in`;
    return [{ label, world: withAgent(world, { isRegistered: false }) }];
  }
  const answer = server.order(rules.decide, rules.review, records, nowOf(world));
  const heard = united(truth.heard, truth.ended);
  const taken = withTruth({ ...world, records: answer.records }, { heard });
  return [{ label: `${name} beats: ${answer.action}`, world: obey(rules, taken, answer) }];
}

function obey(rules: Rules, world: World, answer: server.Answer): World {
  const { agent } = world.host;
  if (agent === undefined) return world;
  if (agent.order !== undefined) {
    return answer.workflowId === agent.order ? world : lookUp(rules, world, agent.order);
  }
  if (answer.action === 'localboot') {
    return withHost(world, { where: 'off', agent: undefined, spool: [], journal: undefined });
  }
  const { last: _last, ...rest } = agent;
  if (answer.workflowId === null) return withHost(world, { agent: rest });
  if (answer.workflowId === agent.last) return world;
  return withHost(world, { agent: { ...rest, order: answer.workflowId, done: 'nothing' } });
}

/** The agent asks for a workflow that is named no more, and stops it if that is over. */
function lookUp(rules: Rules, world: World, id: string): World {
  const why = whyNot(world, world.records.workflows[id]);
  return why && rules.agentStops ? end(world, id, { finished: 0, hasFailed: true }) : world;
}

function whyNot({ host }: World, workflow: Workflow | undefined): boolean {
  if (workflow === undefined) return true;
  const { state, startedByBoot } = workflow.status ?? {};
  if (state === 'STATE_SUCCESS') return false;
  const isOther = typeof startedByBoot === 'string' && startedByBoot !== bootName(host.boot);
  return !isActive(workflow) || isOther || workflow.held !== undefined;
}

/** The agent is done with an order. */
function end(
  world: World,
  id: string,
  note?: { readonly finished: number; readonly hasFailed: boolean },
): World {
  const { agent } = world.host;
  const { order: _order, ...rest } = agent ?? { isRegistered: false };
  return withHost(world, {
    agent: { ...rest, done: 'nothing', last: id },
    ...(note === undefined ? {} : { journal: { workflow: id, ...note } }),
  });
}

function tell(world: World, workflow: string, ...events: WorkflowEvent[]): World {
  const boot_id = bootName(world.host.boot);
  const told = events.map((event): Message => ({ workflow, event: { ...event, boot_id } }));
  return withHost(world, { spool: [...world.host.spool, ...told] });
}

const imageStarted: WorkflowEvent = { type: 'action_started', action: 'image2disk' };
const imageDone: WorkflowEvent = { type: 'action_completed', action: 'image2disk', success: true };
const rebootStarted: WorkflowEvent = { type: 'action_started', action: 'reboot' };
const failed: WorkflowEvent = { type: 'completed', success: false };
const succeeded: WorkflowEvent = { type: 'completed', success: true };

function work(rules: Rules, world: World, agent: Agent, id: string): Step[] {
  const name = bootName(world.host.boot);
  switch (agent.done) {
    case 'nothing':
      return begin(rules, world, id);
    case 'begun':
    case 'writing':
      return write(rules, world, id, agent.done);
    case 'written': {
      const done = tell(world, id, rebootStarted, succeeded);
      return [{ label: `${name} has done ${id}`, world: withAgent(done, { done: 'leaving' }) }];
    }
    case 'leaving': {
      const left: Partial<Host> = { where: 'off', agent: undefined, spool: [], journal: undefined };
      const label = `${name} reboots`;
      if (world.host.spool.length === 0) return [{ label, world: withHost(world, left) }];
      return unlucky(`${label}, its last reports are lost`, world, (w) => withHost(w, left));
    }
  }
}

function begin(rules: Rules, world: World, id: string): Step[] {
  const { records, host } = world;
  const name = bootName(host.boot);
  if (whyNot(world, records.workflows[id])) {
    return [{ label: `${name} sees that ${id} is not its own`, world: end(world, id) }];
  }
  const event: WorkflowEvent = { type: 'started', boot_id: name };
  if (!rules.agentWaits) {
    const label = `${name} begins ${id} without waiting`;
    return [{ label, world: begun(tell(world, id, event), id) }];
  }
  const taken = server.takeEvent(rules, records, id, event, nowOf(world));
  const after = noteBegun({ ...world, records: taken.records }, id, name, taken.isBegun);
  const label = `${name} asks to begin ${id}`;
  const told = taken.isBegun ? begun(after.world, id) : letGo(after.world);
  const stray: Message = { workflow: id, event };
  const keep = (w: World): World => ({ ...w, strays: [...w.strays, stray] });
  return [
    { label: `${label}: ${taken.isBegun ? 'yes' : 'no'}`, world: told, wrong: after.wrong },
    ...unlucky(`${label}, the answer is lost`, after.world, (w) => w).map((step) => ({
      ...step,
      wrong: after.wrong,
    })),
    ...(world.strays.length === 0 ? unlucky(`${label}, which will arrive again`, told, keep) : []),
    ...unlucky(`${label}, which is late`, world, keep),
    ...dies(label, world, taken),
  ];
}

/** The agent tries again if it is told so again. */
function letGo(world: World): World {
  const { agent } = world.host;
  if (agent === undefined) return world;
  const { order: _order, ...rest } = agent;
  return withHost(world, { agent: rest });
}

function begun(world: World, id: string): World {
  const { journal } = world.host;
  const noted = journal?.workflow === id ? journal : undefined;
  if (noted?.hasFailed === true) return end(tell(world, id, failed), id);
  if (noted?.finished === 1) return withAgent(world, { done: 'written' });
  return withAgent(tell(world, id, imageStarted), { done: 'begun' });
}

/** So often a workflow may be begun again by another boot. */
function mayRepeat(workflow: Workflow | undefined): number {
  return workflow?.spec.retry === true ? (workflow.status?.attempts ?? 0) : 0;
}

interface Noted {
  readonly world: World;
  readonly wrong: string | undefined;
}

function noteBegun(world: World, id: string, boot: string, isBegun: boolean): Noted {
  if (!isBegun) return { world, wrong: undefined };
  const { truth, records } = world;
  const boots = united(truth.begun[id] ?? [], [boot]);
  const allowed = united(truth.allowed, [`${id} by ${boot}`]);
  const workflow = records.workflows[id];
  const wrong = truth.ended.includes(id)
    ? `${id} is begun after it had ended`
    : boots.length > 1 + mayRepeat(workflow)
      ? `${id} is begun by ${boots.join(' and ')}`
      : undefined;
  const begins = boots === truth.begun[id] ? truth.begun : { ...truth.begun, [id]: boots };
  return { world: withTruth(world, { allowed, begun: begins }), wrong };
}

function write(rules: Rules, world: World, id: string, done: 'begun' | 'writing'): Step[] {
  const { host, records } = world;
  const name = bootName(host.boot);
  const workflow = records.workflows[id];
  const disk = workflow && targetOf(rules, world, workflow);
  if (workflow === undefined || disk === undefined) {
    const label = `${name} does not find the disk of ${id}`;
    return [{ label, world: end(tell(world, id, failed), id, { finished: 0, hasFailed: true }) }];
  }
  const template = rules.templateOfWorkflow(records.machine, workflow) ?? records.template;
  const version = versionOf(template);
  const isWhole = done === 'writing';
  const disks = { ...host.disks, [disk]: { by: id, version, isWhole } };
  const wrong = wrongWrite(world, workflow, disk, version, done);
  if (!isWhole) {
    const writing = withAgent(withHost(world, { disks }), { done: 'writing' });
    return [{ label: `${name} begins to write ${disk} for ${id}`, world: writing, wrong }];
  }
  const whole = withHost(world, {
    disks,
    journal: { workflow: id, finished: 1, hasFailed: false },
  });
  const written = withAgent(tell(whole, id, imageDone), { done: 'written' });
  const broken = (w: World): World =>
    end(tell(w, id, failed), id, { finished: 0, hasFailed: true });
  return [
    { label: `${name} has written ${disk} for ${id}`, world: written, wrong },
    ...unlucky(`${name} fails to write ${disk}`, world, broken),
  ];
}

function targetOf(rules: Rules, { host }: World, { spec }: Workflow): 'S1' | 'S2' | undefined {
  const planned = spec.plan?.disk;
  const found = server
    .disksIn(host.boot, host.disks)
    .find((disk) =>
      rules.agentCompares ? disk.serial === planned?.serial : disk.device === planned?.device,
    );
  return found?.serial === 'S1' || found?.serial === 'S2' ? found.serial : undefined;
}

function wrongWrite(
  { truth, host }: World,
  workflow: Workflow,
  disk: 'S1' | 'S2',
  version: string,
  done: string,
): string | undefined {
  const id = workflow.metadata.name;
  if (!truth.allowed.includes(`${id} by ${bootName(host.boot)}`)) return `${id} writes unasked`;
  if (truth.ended.includes(id) && truth.heard.includes(id)) return `${id} writes after its end`;
  const { plan, template, reimage } = workflow.spec;
  if (disk !== plan?.disk?.serial) return `${id} writes ${disk}, which was not planned`;
  if (version !== versionOf(template)) return `${id} writes another image than planned`;
  const isLoss = host.disks[disk] === 'data' && reimage !== true;
  return isLoss && done === 'begun' ? `${id} overwrites data that nobody gave up` : undefined;
}

// Messages.

function deliverSpool(rules: Rules, world: World): Step[] {
  const [head, ...spool] = world.host.spool;
  if (head === undefined) return [];
  const { steps, label, taken } = deliver(rules, world, head, (w) => withHost(w, { spool }));
  const stray = (w: World): World => ({ ...w, strays: [...w.strays, head] });
  return [
    ...steps,
    ...unlucky(`${label}, the answer is lost`, world, (w) => ({ ...w, records: taken.records })),
    ...(world.strays.length === 0
      ? steps.flatMap((step) => unlucky(`${label}, which will arrive again`, step.world, stray))
      : []),
    ...dies(label, world, taken),
  ];
}

function deliver(
  rules: Rules,
  world: World,
  { workflow, event }: Message,
  after: (world: World) => World,
) {
  const taken = server.takeEvent(rules, world.records, workflow, event, nowOf(world));
  const boot = event.boot_id ?? '';
  const what = 'action' in event ? `${event.type} ${event.action}` : event.type;
  const label = `${boot} tells of ${workflow}: ${what}`;
  const { world: next, wrong } = noteBegun(
    { ...world, records: taken.records },
    workflow,
    boot,
    taken.isBegun,
  );
  return { steps: [{ label, world: after(next), wrong }], label, taken };
}

export function deliveries(rules: Rules, world: World): Step[] {
  return world.strays.flatMap((message, i) => {
    const strays = world.strays.toSpliced(i, 1);
    const { steps } = deliver(rules, world, message, (w) => ({ ...w, strays }));
    return steps.map((step) => ({ ...step, label: `late: ${step.label}` }));
  });
}
