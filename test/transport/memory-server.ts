// For tests of the loop on a clock that stands still: a server in memory that keeps the contract of the
// wire, and a loop that talks to it. Tests of what really travels use real servers.
import type { TemplateToRun, WorkflowToRun } from '../../src/transport/answers.ts';
import type { Boot } from '../../src/agent/boot.ts';
import { runLoop, type LoopOptions } from '../../src/agent/loop.ts';
import type { Subject } from '../../src/agent/subject.ts';
import { Spool } from '../../src/agent/spool.ts';
import type { AgentState } from '../../src/agent/state.ts';
import { Timeline } from '../../src/agent/timeline.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { ManualClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';
import type { LogsRequest } from '../../src/model/api/logs.ts';
import { silentLog } from '../../src/core/log.ts';
import type {
  Action,
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  WorkflowEvent,
} from '../../src/model/api/agent.ts';

/** Numbers machines by MAC, answers a repeated sequence the same, and fails when it is told to. */
export class MemoryServer implements Transport {
  readonly machines = new Map<string, string>();
  readonly received: (CheckinRequest | HeartbeatRequest)[] = [];
  readonly actedOn: number[] = [];
  readonly events: WorkflowEvent[] = [];
  readonly logs: LogsRequest[] = [];
  logsFault: AppError | undefined;
  /** So often were its connections closed. */
  closed = 0;
  fault: 'none' | 'unreachable' | 'answer lost' = 'none';
  intervalSeconds = 30;
  action: Action = 'wait';
  workflowId: string | null = null;
  templates = new Map<string, TemplateToRun>();
  sshKeys: string[] | undefined;

  async greet(): Promise<void> {
    this.#reach();
  }

  async checkIn(request: CheckinRequest): Promise<CheckinResponse> {
    const isNew = !this.machines.has(request.mac);
    this.#receive(request, () => this.machines.set(request.mac, `id-${this.machines.size}`));
    return {
      ...this.#order(),
      machine_id: this.machines.get(request.mac) ?? '',
      memorable_name: 'Able',
      is_new: isNew,
      matched_by: isNew ? 'new' : 'identity_hash',
      evidence: [],
    };
  }

  async heartbeat(request: HeartbeatRequest): Promise<HeartbeatResponse> {
    this.#receive(request, () => {
      if (![...this.machines.values()].includes(request.machine_id)) {
        throw new AppError('server.rejected', 'unknown', { details: { status: 404 } });
      }
    });
    return this.#order();
  }

  async workflow(id: string): Promise<WorkflowToRun> {
    this.#reach();
    return { templateRef: id };
  }

  async template(name: string): Promise<TemplateToRun> {
    this.#reach();
    const template = this.templates.get(name);
    if (template !== undefined) return template;
    throw new AppError('server.rejected', 'unknown', { details: { status: 404 } });
  }

  async sendEvent(_workflowId: string, event: WorkflowEvent): Promise<void> {
    this.#reach();
    this.events.push(event);
  }

  async sendLogs(request: LogsRequest): Promise<void> {
    this.#reach();
    if (this.logsFault !== undefined) throw this.logsFault;
    this.logs.push(request);
  }

  async bootScript(): Promise<string> {
    this.#reach();
    return '#!ipxe\n';
  }

  async close(): Promise<void> {
    this.closed += 1;
  }

  #order(): HeartbeatResponse {
    return {
      action: this.action,
      workflow_id: this.workflowId,
      heartbeat_interval_seconds: this.intervalSeconds,
      ...(this.sshKeys === undefined ? {} : { ssh_keys: this.sshKeys }),
    };
  }

  #reach(): void {
    if (this.fault === 'unreachable') throw new AppError('server.unreachable', 'down');
  }

  #receive(request: CheckinRequest | HeartbeatRequest, act: () => void): void {
    this.#reach();
    this.received.push(request);
    const sequence = request.sequence ?? 0;
    if (!this.actedOn.includes(sequence)) {
      act();
      this.actedOn.push(sequence);
    }
    if (this.fault === 'answer lost') throw new AppError('server.unreachable', 'reset');
  }
}

/** A machine whose address can change, on a boot that counts from 1. */
/** A machine with these addresses, separated by blanks. */
export function machine(address = { now: '10.0.0.2' }): Subject & { described: number } {
  return {
    described: 0,
    addresses: () => (address.now === '' ? [] : address.now.split(' ')),
    async describe() {
      this.described += 1;
      return { mac: '02:00:00:00:00:01', ip_address: address.now.split(' ')[0] ?? null };
    },
    act: async () => ({ final: true }),
  };
}

/** A boot that counts from 1 and is as old as the clock. */
export function bootOn(clock: ManualClock): Boot {
  let last = 0;
  return { id: 'boot', uptimeMs: () => clock.elapsedMs(), nextSequence: async () => (last += 1) };
}

/** Runs the loop on a clock that stands still; `stop` ends it. */
export function startLoop(overrides: Partial<LoopOptions> & { transport: Transport }) {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const stop = new AbortController();
  const states: AgentState[] = [];
  const boot = bootOn(clock);
  const ended = runLoop({
    subject: machine(),
    boot,
    timeline: new Timeline(boot),
    spool: new Spool(),
    clock,
    random: () => 0.5,
    signal: stop.signal,
    log: silentLog,
    onState: (state) => states.push(state),
    ...overrides,
  });
  return {
    clock,
    states,
    async stop() {
      stop.abort();
      await ended;
    },
  };
}
