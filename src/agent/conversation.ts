// The agent's side of the conversation: numbered requests, repeated unchanged until they are answered, and
// reports in order. The loop decides when to speak.
import type { AppError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
} from '../model/api/agent.ts';
import type { Problem } from '../model/problem.ts';
import { fit } from '../model/api/wire.ts';
import type { Boot } from './boot.ts';
import { classifyFailure, isAmbiguous, isRefusal } from '../transport/failure.ts';
import type { Report, Spool } from './spool.ts';
import type { Timeline } from './timeline.ts';
import type { Transport } from '../transport/transport.ts';

export interface ConversationOptions {
  readonly transport: Transport;
  readonly boot: Boot;
  readonly timeline: Timeline;
  readonly spool: Spool;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** The bearer token for a first check-in, if the server wants one. */
  readonly enrolToken?: string | undefined;
  /** The port booted from, by whose boot script another secret is fetched when that token was one. */
  readonly bootMac?: string | undefined;
}

/** A request that the server may have acted on, although its answer never arrived. */
interface Unanswered<T> {
  readonly about: string;
  readonly request: T;
}

interface UnansweredHeartbeat extends Unanswered<HeartbeatRequest> {
  /** The reports it carries, to be removed once it is answered. */
  readonly problems: readonly ProblemReport[];
  readonly dropped: number;
  readonly neighbours: HeartbeatRequest['neighbours'];
}

export class Conversation {
  readonly #o: ConversationOptions;
  #checkin: Unanswered<CheckinRequest> | undefined;
  #heartbeat: UnansweredHeartbeat | undefined;
  #registration: CheckinResponse | undefined;
  #identityHash: string | null = null;
  /** A refused heartbeat with reports. The next one is sent without them: if the server takes that, the
   *  reports were at fault, and they must not keep the machine from beating. */
  #suspect: UnansweredHeartbeat | undefined;
  #delivery: Promise<void> | undefined;
  /** Heard, and not reported yet. */
  #neighbours: HeartbeatRequest['neighbours'];
  #enrolToken: string | undefined;

  constructor(options: ConversationOptions) {
    this.#o = options;
    this.#enrolToken = options.enrolToken;
  }

  /** Checks in. Describes the machine anew, unless the last request went unanswered and `about`, its addresses and
   *  devices, is still the same. Errors: those of the transport and of `describe`. */
  async checkIn(about: string, describe: () => Promise<CheckinRequest>): Promise<CheckinResponse> {
    const { transport, boot, timeline } = this.#o;
    if (this.#checkin?.about !== about) {
      // This detects a captive portal before it is told anything about the machine, and the connection
      // times are known when the check-in is written.
      await transport.greet(this.#call(undefined));
      const description = await describe();
      timeline.mark('checkin');
      const request = {
        ...description,
        boot_id: boot.id,
        sequence: await boot.nextSequence(),
        uptime_seconds: uptimeSeconds(boot),
        boot_timeline: timeline.times().filter(({ step }) => step !== 'registered'),
      };
      this.#checkin = { about, request };
    }
    const { request } = this.#checkin;
    try {
      this.#registration = await this.#register(request);
    } catch (err) {
      if (!isAmbiguous(classifyFailure(err))) this.#checkin = undefined;
      throw err;
    }
    this.#checkin = undefined;
    this.#heartbeat = undefined;
    this.#identityHash = request.identity_hash ?? null;
    timeline.mark('registered');
    return this.#registration;
  }

  /** Checks in with the machine's own token, so that it keeps that; with the enrolment token if there is none,
   *  or the server does not take it any more. */
  async #register(request: CheckinRequest): Promise<CheckinResponse> {
    const { transport } = this.#o;
    const token = this.#registration?.token;
    if (token !== undefined) {
      try {
        const answer = await transport.checkIn(request, this.#call(token));
        const isSame = answer.machine_id === this.#registration?.machine_id;
        return isSame ? { token, ...answer } : answer;
      } catch (err) {
        if (classifyFailure(err).kind !== 'unauthorized') throw err;
        this.#registration = undefined;
      }
    }
    return this.#enrol(request);
  }

  /** Enrols. A boot script's secret may have expired or been used by another boot, and an image that was booted without a
   *  script has none; then the boot script is fetched for another one. */
  async #enrol(request: CheckinRequest): Promise<CheckinResponse> {
    const { transport, bootMac = request.mac } = this.#o;
    const token = this.#enrolToken;
    const isOfScript = token === undefined ? request.in_image === true : token.startsWith('dfb_');
    try {
      return await transport.checkIn(request, this.#call(token));
    } catch (err) {
      const isLapsed = classifyFailure(err).kind === 'unauthorized';
      if (!isLapsed || !isOfScript) throw err;
      const script = await transport.bootScript(bootMac, this.#call(undefined)).catch(() => '');
      const another = / dragonfly\.token=(dfb_\S+)/.exec(script)?.[1];
      if (another === undefined) throw err;
      this.#enrolToken = another;
      return transport.checkIn(request, this.#call(another));
    }
  }

  /** Delivers waiting reports, then sends a heartbeat.
   *  Errors: those of the transport; what was not delivered stays in the spool. */
  async heartbeat({ machine_id: machineId, token }: CheckinResponse): Promise<HeartbeatResponse> {
    const { transport, log } = this.#o;
    await this.flush();
    if (this.#heartbeat?.about !== machineId) this.#heartbeat = await this.#newHeartbeat(machineId);
    const sent = this.#heartbeat;
    try {
      const answer = await transport.heartbeat(sent.request, this.#call(token));
      this.#heartbeat = undefined;
      this.#forget(sent);
      if (this.#neighbours === sent.neighbours) this.#neighbours = undefined;
      if (this.#suspect !== undefined) {
        log.warn({ problems: this.#suspect.problems.length }, 'the server refused problems');
        this.#forget(this.#suspect);
        this.#suspect = undefined;
      }
      return answer;
    } catch (err) {
      const failure = classifyFailure(err);
      if (!isAmbiguous(failure)) this.#heartbeat = undefined;
      if (isRefusal(failure))
        this.#suspect = sent.request.problems === undefined ? undefined : sent;
      throw err;
    }
  }

  #forget({ problems, dropped }: UnansweredHeartbeat): void {
    this.#o.spool.remove(problems);
    this.#o.spool.forgetDropped(dropped);
  }

  async #newHeartbeat(machineId: string): Promise<UnansweredHeartbeat> {
    const { boot, spool } = this.#o;
    const problems = this.#suspect === undefined ? spool.head(isProblem) : [];
    const dropped = this.#suspect === undefined ? spool.dropped : 0;
    const request = fit({
      machine_id: machineId,
      boot_id: boot.id,
      sequence: await boot.nextSequence(),
      uptime_seconds: uptimeSeconds(boot),
      identity_hash: this.#identityHash,
      ...(this.#neighbours && { neighbours: this.#neighbours }),
      ...(problems.length + dropped === 0 ? {} : { problems: problemsOf(problems, dropped) }),
    });
    const neighbours = this.#neighbours;
    return { about: machineId, request, problems, dropped, neighbours };
  }

  /** Reports with the next heartbeat which switches the ports have heard. */
  tellNeighbours(neighbours: NonNullable<HeartbeatRequest['neighbours']>): void {
    this.#neighbours = neighbours;
  }

  /** Queues a report for the server. */
  report(report: Report): void {
    const { spool, log } = this.#o;
    const before = spool.dropped;
    spool.add(report);
    if (spool.dropped > before) log.warn({ dropped: spool.dropped }, 'too many reports wait');
  }

  /** Tells the server that this boot begins a workflow, after whatever waits in the spool.
   *  Errors: those of the transport; it is not kept to be told later. */
  async begin(workflow: string): Promise<void> {
    await this.flush();
    const event = { type: 'started', workflow, boot_id: this.#o.boot.id } as const;
    await this.#o.transport.sendEvent(workflow, event, this.#call(this.#registration?.token));
  }

  /** Delivers the events at the head of the spool, each once and in order.
   *  Errors: those of the transport; what was not delivered stays in the spool. */
  flush(): Promise<void> {
    this.#delivery ??= this.#deliver().finally(() => {
      this.#delivery = undefined;
    });
    return this.#delivery;
  }

  async #deliver(): Promise<void> {
    const { transport, spool } = this.#o;
    for (let [next] = spool.head(isEvent); next !== undefined; [next] = spool.head(isEvent)) {
      const { workflowId, event } = next;
      try {
        await transport.sendEvent(workflowId, event, this.#call(this.#registration?.token));
      } catch (err) {
        const { kind, error } = classifyFailure(err);
        // An event of a deleted workflow must not hold up the others.
        if (kind !== 'unknown' && kind !== 'rejected') throw err;
        this.#o.log.warn({ workflowId, type: event.type }, 'the server refused an event');
        this.report({ kind: 'problem', problem: refusedEvent(event.type, error) });
      }
      spool.remove([next]);
    }
  }

  #call(token: string | undefined) {
    return { signal: this.#o.signal, token };
  }
}

type EventReport = Extract<Report, { kind: 'event' }>;
type ProblemReport = Extract<Report, { kind: 'problem' }>;

function isEvent(report: Report): report is EventReport {
  return report.kind === 'event';
}

function isProblem(report: Report): report is ProblemReport {
  return report.kind === 'problem';
}

function refusedEvent(type: string, { code, message }: AppError): Problem {
  return { code, section: 'agent', source: `event "${type}"`, message };
}

function problemsOf(reports: readonly ProblemReport[], dropped: number): Problem[] {
  const problems = reports.map(({ problem }) => problem);
  if (dropped > 0) {
    problems.push({
      code: 'spool.dropped',
      section: 'agent',
      source: 'spool',
      message: `${dropped} reports were dropped, because too many waited for the server`,
    });
  }
  return problems;
}

function uptimeSeconds(boot: Boot): number {
  return Math.floor(boot.uptimeMs() / 1_000);
}
