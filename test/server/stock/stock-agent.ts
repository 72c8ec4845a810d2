// A stock Dragonfly agent: what its release build sends, in its order, and what it can parse.
// It knows no boot_id, no token and no heartbeat, and never reads Retry-After.
import { request, type Answer } from '../harness.ts';
import { readCheckin, readTemplate, readWorkflow } from './documents.ts';
import type { Reader } from './strict.ts';

/** Between two check-ins. */
export const stockRhythmMs = 30_000;

export interface StockMachine {
  readonly mac: string;
  readonly hostname?: string;
  readonly ip_address?: string;
  readonly cpu_model?: string;
  readonly memory_bytes?: number;
  readonly existing_os?: Readonly<Record<string, unknown>> | null;
  readonly disks?: readonly { name: string; size_bytes: number; model?: string }[];
}

/** An event that hits the agent while it works. */
export interface Fate {
  /** The action that fails. */
  readonly failAt?: string;
  /** The event after which the machine loses power, as "action_started image2disk". */
  readonly dieAfter?: string;
}

/** The course of a workflow, as the agent saw it. */
export type Outcome = 'completed' | 'failed' | 'left' | 'died';

export class StockAgent {
  readonly #url: string;
  readonly #machine: StockMachine;
  /** It never got its first answer and waits at its console for a key. */
  lost = false;
  machineId: string | undefined;
  /** The answer to each check-in. */
  readonly told: string[] = [];
  /** The events that the server took, as "action_started reboot". */
  readonly sent: string[] = [];

  constructor(url: string, machine: StockMachine) {
    this.#url = url;
    this.#machine = machine;
  }

  /** One turn of its loop: a check-in, and the workflow that it is told to execute. */
  async turn(fate: Fate = {}): Promise<Outcome | undefined> {
    if (this.lost) return undefined;
    const answer = await this.#call('POST', '/api/agent/checkin', this.#body());
    if (answer.status !== 200) {
      this.lost = this.machineId === undefined;
      return undefined;
    }
    const { machine_id, action, workflow_id } = read(readCheckin, answer);
    this.machineId = machine_id;
    this.told.push(action);
    return action === 'execute' && workflow_id !== undefined
      ? this.execute(workflow_id, fate)
      : undefined;
  }

  /** Carries out a workflow as it does: everything from the first action on, whatever was done before. */
  async execute(id: string, { failAt, dieAfter }: Fate = {}): Promise<Outcome> {
    const workflow = read(readWorkflow, await this.#call('GET', `/api/workflows/${id}`));
    const name = encodeURIComponent(workflow.spec.templateRef);
    const template = read(
      readTemplate,
      await this.#call('GET', `/api/templates/${name}?machine_id=${this.machineId}`),
    );
    const report = async (event: Readonly<Record<string, unknown>>): Promise<boolean> => {
      const answer = await this.#call('POST', `/api/workflows/${id}/events`, {
        workflow: id,
        ...event,
      });
      const label = [event['type'], event['action']].filter(Boolean).join(' ');
      if (answer.status < 300) this.sent.push(label);
      return label === dieAfter;
    };
    if (await report({ type: 'started' })) return 'died';
    for (const { action } of template.spec.actions) {
      // The one event that it waits for and repeats: nothing after it is sure to arrive.
      const isLast = action === 'reboot' || action === 'kexec';
      const from = action === 'reboot' ? { machine_id: this.machineId } : {};
      if (await report({ type: 'action_started', action, ...from })) return 'died';
      if (isLast) return 'left';
      if (action === failAt) {
        await report({ type: 'action_completed', action, success: false });
        await report({ type: 'completed', success: false });
        return 'failed';
      }
      const percent = 255;
      const message = 'x'.repeat(1100);
      if (await report({ type: 'action_progress', action, progress: { percent, message } })) {
        return 'died';
      }
      if (await report({ type: 'action_completed', action, success: true })) return 'died';
    }
    await report({ type: 'completed', success: true });
    return 'completed';
  }

  /** Exactly its fields: no identity beside the MAC. */
  #body(): Readonly<Record<string, unknown>> {
    return {
      hostname: 'localhost',
      ip_address: '127.0.0.1',
      existing_os: null,
      cpu_model: 'Intel(R) Xeon(R) Silver 4410Y',
      cpu_cores: 24,
      memory_bytes: 137_438_953_472,
      disks: [{ name: 'sda', size_bytes: 480_103_981_056, model: 'SAMSUNG MZ7L3480' }],
      nameservers: ['192.0.2.53'],
      ...this.#machine,
    };
  }

  #call(method: string, path: string, body?: unknown): Promise<Answer> {
    return request(this.#url, method, path, { body });
  }
}

/** Parses as the agent does; it exits where this throws. */
function read<T>(reader: Reader<T>, { status, body }: Answer): T {
  if (status !== 200) throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
  return reader(body, '$');
}
