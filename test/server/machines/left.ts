// A machine that has left for the system that its workflow installed.
import { expect } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { WorkflowEvent } from '../../../src/model/api/agent.ts';
import { openStore } from '../../../src/store/open.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  type TestServer,
} from '../harness.ts';

const mac = '02:00:00:00:00:01';

export const minute = 60_000;

const write = (content: string) => ({ action: 'writefile', path: '/etc/seed', content });

const reportingTemplate = {
  ...imageTemplate,
  metadata: { name: 'reporting' },
  spec: {
    actions: [
      { action: 'image2disk', url: 'http://images/x.raw' },
      write('phone_home:\n  url: {{ phone_home_url }}\n'),
      { action: 'reboot' },
    ],
  },
};

/** A machine in the image, boot "a", whose workflow has come to its last action. */
export class Left {
  readonly server: TestServer;
  readonly clock: ManualClock;
  readonly machineId: string;
  readonly workflowId: string;
  readonly phoneHome: string;

  private constructor(
    server: TestServer,
    clock: ManualClock,
    ids: { machineId: string; workflowId: string; phoneHome: string },
  ) {
    this.server = server;
    this.clock = clock;
    this.machineId = ids.machineId;
    this.workflowId = ids.workflowId;
    this.phoneHome = ids.phoneHome;
  }

  static async by(template: string, last: 'completed' | 'action_started' = 'completed') {
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store: await openStore('memory:') });
    for (const each of [imageTemplate, rebootTemplate, reportingTemplate]) {
      await server.call('PUT', `/api/templates/${each.metadata.name}`, { body: each });
    }
    const body = checkin(1, { boot_id: 'a', in_image: true });
    const machineId: string = (await server.call('POST', '/api/agent/checkin', { body })).body
      .machine_id;
    const order = { machine_id: machineId, template };
    const made = await server.call('POST', '/api/workflows', { body: order });
    const workflowId: string = made.body.metadata.name;
    const filled = await server.call('GET', `/api/templates/${template}?machine_id=${machineId}`);
    const phoneHome =
      /url: "?([^\s"]+)/.exec(filled.body.spec.actions[1]?.content ?? '')?.[1] ?? '';
    const left = new Left(server, clock, { machineId, workflowId, phoneHome });
    await left.tell({ type: 'started' });
    for (const { action } of made.body.spec.template.spec.actions) {
      await left.tell({ type: 'action_started', action });
      if (last === 'action_started' && action === 'reboot') return left;
      await left.tell({ type: 'action_completed', action, success: true });
    }
    await left.tell({ type: 'completed', success: true });
    return left;
  }

  async tell(event: WorkflowEvent): Promise<void> {
    const body = { ...event, boot_id: 'a' };
    const { status } = await this.server.call('POST', `/api/workflows/${this.workflowId}/events`, {
      body,
    });
    if (status !== 204) throw new Error(`the event was answered ${status}`);
  }

  async checkIn(boot_id: string, more: object = {}): Promise<string> {
    const body = checkin(1, { boot_id, in_image: true, ...more });
    return (await this.server.call('POST', '/api/agent/checkin', { body })).body.action;
  }

  async script(): Promise<'disk' | 'agent'> {
    const { body } = await this.server.call('GET', `/boot/${mac}`);
    return body.includes('kernel') ? 'agent' : 'disk';
  }

  report(url = this.phoneHome) {
    return this.server.call('POST', url.replace(/^https?:\/\/[^/]*/, ''));
  }

  async workflow() {
    return (await this.server.call('GET', `/api/workflows/${this.workflowId}`)).body.status;
  }

  async machine() {
    return (await this.server.call('GET', `/api/machines/${this.machineId}`)).body.status;
  }

  /** Time passes, and the background has looked. */
  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= minute) await this.clock.advance(Math.min(left, minute));
    await this.clock.advance(6_000);
  }
}

/** Waits for the background to have brought the machine there. */
export const becomes = (left: Left, state: unknown) =>
  expect.poll(async () => (await left.machine()).state).toEqual(state);

export const overdue = { Error: { message: expect.stringContaining('did not come up') } };
