// The agent's calls to a server over HTTP. It turns bad answers into AppErrors `server.*`, and does not know
// when to repeat a call.
import type { Clock } from '../core/clock.ts';
import { AppError, isAppError } from '../core/errors.ts';
import type {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  WorkflowEvent,
} from '../model/api/agent.ts';
import type { LogsRequest } from '../model/api/logs.ts';
import {
  parseCheckinAnswer,
  parseErrorAnswer,
  parseHeartbeatAnswer,
  parseTemplate,
  parseWorkflow,
  type TemplateToRun,
  type WorkflowToRun,
} from './answers.ts';
import { Requests, retryAfterMs, type Reply, type RequestsOptions } from './requests.ts';

export interface CallOptions {
  readonly signal: AbortSignal;
  /** The bearer token. A call without one is anonymous. */
  readonly token?: string | undefined;
}

/** Errors of all calls: AppError `server.unreachable`, `server.untrusted`, `server.rejected` (with `status`, `code` and
 *  `retryAfterMs` in its details) or `server.garbled`; the signal's reason when it is aborted. */
export interface Transport {
  /** Connects, and makes sure that no web page answers in place of the server. */
  greet(options: CallOptions): Promise<void>;
  checkIn(request: CheckinRequest, options: CallOptions): Promise<CheckinResponse>;
  heartbeat(request: HeartbeatRequest, options: CallOptions): Promise<HeartbeatResponse>;
  workflow(id: string, options: CallOptions): Promise<WorkflowToRun>;
  /** The template with its variables filled in for a machine. */
  template(name: string, machineId: string, options: CallOptions): Promise<TemplateToRun>;
  sendEvent(workflowId: string, event: WorkflowEvent, options: CallOptions): Promise<void>;
  /** Sends lines of the machine's log. A server of version 0.1.0 has no room for them: `server.rejected` with 404. */
  sendLogs(request: LogsRequest, options: CallOptions): Promise<void>;
  /** The boot script of the machine with this MAC, which holds a secret for one boot. */
  bootScript(mac: string, options: CallOptions): Promise<string>;
  /** Resolves when the connections are closed. */
  close(): Promise<void>;
}

export type HttpTransportOptions = RequestsOptions;

/** One server over HTTP. */
export class HttpTransport implements Transport {
  readonly #requests: Requests;
  readonly #clock: Clock;

  /** `url` is the server's address, with a path where it lives below one. */
  constructor(url: string, options: HttpTransportOptions) {
    this.#requests = new Requests(url, options);
    this.#clock = options.clock;
  }

  async greet(options: CallOptions): Promise<void> {
    try {
      await this.#call('GET', 'api/health', options);
    } catch (err) {
      // A server without this path answers too.
      if (!isAppError(err, 'server.rejected')) throw err;
    }
  }

  async checkIn(request: CheckinRequest, options: CallOptions): Promise<CheckinResponse> {
    return parseCheckinAnswer(await this.#call('POST', 'api/agent/checkin', options, request));
  }

  async heartbeat(request: HeartbeatRequest, options: CallOptions): Promise<HeartbeatResponse> {
    return parseHeartbeatAnswer(await this.#call('POST', 'api/agent/heartbeat', options, request));
  }

  async workflow(id: string, options: CallOptions): Promise<WorkflowToRun> {
    return parseWorkflow(
      await this.#call('GET', `api/workflows/${encodeURIComponent(id)}`, options),
    );
  }

  async template(name: string, machineId: string, options: CallOptions): Promise<TemplateToRun> {
    const path = `api/templates/${encodeURIComponent(name)}?machine_id=${encodeURIComponent(machineId)}`;
    return parseTemplate(await this.#call('GET', path, options));
  }

  async sendEvent(id: string, event: WorkflowEvent, options: CallOptions): Promise<void> {
    await this.#call('POST', `api/workflows/${encodeURIComponent(id)}/events`, options, event);
  }

  async sendLogs(request: LogsRequest, options: CallOptions): Promise<void> {
    await this.#call('POST', 'api/agent/logs', options, request);
  }

  async bootScript(mac: string, options: CallOptions): Promise<string> {
    return (await this.#ask('GET', `boot/${mac.replaceAll(':', '-')}`, options)).text;
  }

  close(): Promise<void> {
    return this.#requests.close();
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    options: CallOptions,
    body?: unknown,
  ): Promise<unknown> {
    return (await this.#ask(method, path, options, body)).body;
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    { signal, token }: CallOptions,
    body?: unknown,
  ): Promise<Reply> {
    // The server answers a repeated check-in, heartbeat or event as it did the first.
    const request = { method, path, signal, token, body, isRepeatable: true };
    let reply: Reply;
    try {
      reply = await this.#requests.send(request);
    } catch (err) {
      signal.throwIfAborted();
      // A connection that failed is not used again, because its address or route may be gone.
      await this.close();
      throw err;
    }
    if (reply.status >= 200 && reply.status < 300) return reply;
    throw rejection(reply, this.#clock.now());
  }
}

function rejection(reply: Reply, now: Date): AppError {
  const { url, status, body } = reply;
  const told = parseErrorAnswer(body);
  return new AppError(
    'server.rejected',
    `${url.origin} answered ${status} to ${url.pathname}${told === undefined ? '' : `: ${told.error}`}`,
    {
      details: {
        url: url.origin,
        status,
        code: told?.code,
        retryAfterMs: retryAfterMs(reply, now),
      },
    },
  );
}
